// The orders of all accounts at one simulated exchange. Market orders, and limit orders that cross the price,
// fill at once and whole; everything else rests until it is cancelled. Nothing here knows a limit or a wire format.

import { type Market, priceAt } from './catalogue.ts'

export interface Order {
  readonly id: string
  readonly account: string
  readonly market: Market
  readonly side: 'buy' | 'sell'
  readonly type: string
  size: number
  /** Undefined for a market order. */
  price: number | undefined
  status: 'open' | 'filled' | 'cancelled'
  readonly createdWallMs: number
  /** Monotonic time of creation or of the last amendment: the age that Kraken prices. */
  touchedMs: number
  closedWallMs: number
  /** Price of the fill; 0 while there is none. */
  fillPrice: number
  readonly clientId: string
  /** Kraken's userref; empty when not given. */
  readonly userref: string
  /** What the bot sent, for answers that echo it. */
  readonly request: Readonly<Record<string, unknown>>
}

export type NewOrder = Omit<Order, 'status' | 'closedWallMs' | 'fillPrice' | 'touchedMs' | 'createdWallMs'> & {
  /** True when the order must not rest (IOC, FOK). */
  readonly immediate?: boolean
}

const KEPT_CLOSED = 5000

/** Open and recently closed orders, newest last. */
export class OrderStore {
  readonly #orders = new Map<string, Order>()
  readonly #open = new Map<string, Map<string, Order>>()

  place(wanted: NewOrder, nowMs: number, wallMs: number): Order {
    const { immediate, ...fields } = wanted
    const order: Order = {
      ...fields,
      status: 'open',
      createdWallMs: wallMs,
      touchedMs: nowMs,
      closedWallMs: 0,
      fillPrice: 0,
    }
    this.#orders.set(order.id, order)
    this.#openOf(order.account).set(order.id, order)
    const price = priceAt(order.market, wallMs)
    if (crosses(order, price)) this.#close(order, 'filled', wallMs, order.price ?? price)
    else if (immediate) this.#close(order, 'cancelled', wallMs, 0)
    this.#forgetOld()
    return order
  }

  cancel(order: Order, wallMs: number): void {
    this.#close(order, 'cancelled', wallMs, 0)
  }

  get(account: string, id: string): Order | undefined {
    const order = this.#orders.get(id)
    return order?.account === account ? order : undefined
  }

  /** Open orders of an account, oldest first; of one market when told. */
  open(account: string, market?: Market): Order[] {
    return [...this.#openOf(account).values()].filter((order) => market === undefined || order.market === market)
  }

  /** Everything known of an account, newest first. */
  all(account: string): Order[] {
    return [...this.#orders.values()].filter((order) => order.account === account).reverse()
  }

  openCount(account: string, market: Market): number {
    let count = 0
    for (const order of this.#openOf(account).values()) if (order.market === market) count += 1
    return count
  }

  #close(order: Order, status: 'filled' | 'cancelled', wallMs: number, fillPrice: number): void {
    order.status = status
    order.closedWallMs = wallMs
    order.fillPrice = fillPrice
    this.#openOf(order.account).delete(order.id)
  }

  #openOf(account: string): Map<string, Order> {
    const known = this.#open.get(account) ?? new Map<string, Order>()
    this.#open.set(account, known)
    return known
  }

  #forgetOld(): void {
    if (this.#orders.size < KEPT_CLOSED * 2) return
    const closed = [...this.#orders.values()].filter((order) => order.status !== 'open')
    for (const order of closed.slice(0, -KEPT_CLOSED)) this.#orders.delete(order.id)
  }
}

function crosses(order: Order, price: number): boolean {
  if (order.price === undefined) return true
  if (order.type !== 'limit') return false
  return order.side === 'buy' ? order.price >= price : order.price <= price
}
