// Orders at the simulated Kraken Futures: sent, edited, cancelled, one by one or in a batch, and told in its words.

import { MARKETS, type Market } from './catalogue.ts'
import { type Fields, field } from './form.ts'
import { uuid } from './keys.ts'
import { type Order, OrderStore } from './orders.ts'

/** The perpetuals: one for each market against the dollar. */
export const PERPETUALS: ReadonlyMap<string, Market> = new Map(
  MARKETS.filter((market) => market.quote === 'USD').map((market) => [`PF_${market.altname}`, market]),
)

/** When something happened. */
export interface Moment {
  readonly timeMs: number
  readonly wallMs: number
}

export class FuturesOrders {
  readonly store = new OrderStore()
  #placed = 0

  /** `sendStatus`, or an entry of `batchStatus`. */
  send(account: string, said: Fields, at: Moment): Record<string, unknown> {
    const market = PERPETUALS.get(field(said, 'symbol').toUpperCase())
    const size = Number(field(said, 'size'))
    if (market === undefined || !(size > 0)) return { status: 'invalidSize', orderEvents: [] }
    this.#placed += 1
    const price = field(said, 'limitPrice')
    const wanted = {
      id: uuid(`futures order ${this.#placed}`),
      account,
      market,
      side: field(said, 'side') === 'sell' ? ('sell' as const) : ('buy' as const),
      type: field(said, 'orderType') === 'mkt' ? 'market' : 'limit',
      size,
      price: price === '' ? undefined : Number(price),
      clientId: field(said, 'cliOrdId'),
      userref: '',
      request: said,
    }
    const order = this.store.place(wanted, at.timeMs, at.wallMs)
    return status('placed', order, order.status === 'filled' ? [execution(order)] : [event('PLACE', order)])
  }

  edit(account: string, said: Fields): Record<string, unknown> {
    const order = this.#open(account, field(said, 'orderId') || field(said, 'order_id'))
    if (order === undefined) return { status: 'orderForEditNotFound', orderEvents: [] }
    const price = field(said, 'limitPrice')
    const size = field(said, 'size')
    if (price !== '') order.price = Number(price)
    if (size !== '') order.size = Number(size)
    return status('edited', order, [{ type: 'EDIT', new: body(order) }])
  }

  cancel(account: string, said: Fields, at: Moment): Record<string, unknown> {
    const order = this.#open(account, field(said, 'order_id'))
    if (order === undefined) return { status: 'notFound', orderEvents: [] }
    this.store.cancel(order, at.wallMs)
    return status('cancelled', order, [event('CANCEL', order)])
  }

  cancelAll(account: string, at: Moment): Record<string, unknown> {
    const open = this.store.open(account)
    for (const order of open) this.store.cancel(order, at.wallMs)
    const cancelled = open.map((order) => ({ order_id: order.id }))
    const events = open.map((order) => event('CANCEL', order))
    return { status: 'cancelled', cancelOnly: 'all', cancelledOrders: cancelled, orderEvents: events }
  }

  /** One instruction of a batch. */
  instruct(account: string, said: Fields, at: Moment): Record<string, unknown> {
    const tag = field(said, 'order_tag')
    const done = { send: this.send, edit: this.edit, cancel: this.cancel }[field(said, 'order')]
    const answer = done === undefined ? { status: 'invalidArgument' } : done.call(this, account, said, at)
    return { ...answer, ...(tag !== '' && { order_tag: tag }) }
  }

  #open(account: string, id: string): Order | undefined {
    const order = this.store.get(account, id)
    return order?.status === 'open' ? order : undefined
  }
}

/** An entry of `openOrders`. */
export function openOrder(order: Order): Record<string, unknown> {
  return {
    order_id: order.id,
    symbol: `PF_${order.market.altname}`,
    side: order.side,
    orderType: 'lmt',
    limitPrice: order.price,
    unfilledSize: order.size,
    filledSize: 0,
    receivedTime: iso(order.createdWallMs),
    lastUpdateTime: iso(order.createdWallMs),
    status: 'untouched',
    reduceOnly: false,
  }
}

/** An entry of `fills`. */
export function fill(order: Order): Record<string, unknown> {
  return {
    fill_id: uuid(`fill ${order.id}`),
    symbol: `PF_${order.market.altname}`,
    side: order.side,
    order_id: order.id,
    size: order.size,
    price: order.fillPrice,
    fillTime: iso(order.closedWallMs),
    fillType: 'taker',
  }
}

export function iso(wallMs: number): string {
  return new Date(wallMs).toISOString()
}

function status(word: string, order: Order, orderEvents: readonly object[]): Record<string, unknown> {
  return { status: word, order_id: order.id, receivedTime: iso(order.createdWallMs), orderEvents }
}

function event(type: string, order: Order): object {
  return { type, uid: order.id, order: body(order) }
}

function execution(order: Order): object {
  const { size: amount, fillPrice: price } = order
  return { type: 'EXECUTION', executionId: uuid(`fill ${order.id}`), price, amount, orderPriorExecution: body(order) }
}

function body(order: Order): object {
  return {
    orderId: order.id,
    cliOrdId: order.clientId || null,
    type: order.type === 'market' ? 'mkt' : 'lmt',
    symbol: `PF_${order.market.altname}`,
    side: order.side,
    quantity: order.size,
    filled: 0,
    limitPrice: order.price ?? order.fillPrice,
    reduceOnly: false,
    timestamp: iso(order.createdWallMs),
    lastUpdateTimestamp: iso(order.createdWallMs),
  }
}
