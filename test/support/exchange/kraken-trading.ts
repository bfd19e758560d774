// Kraken's trading calls: what they do to orders, and what each charges to the engine counter of its account and pair.
// The fixed part is charged on receipt, before the order is looked at (docs.kraken.com, "Spot trading rate limits").

import type { Market } from './catalogue.ts'
import type { Ruling } from './counters.ts'
import { batchAddCost, type EngineCounters, type EngineTier, engineCost } from './engine.ts'
import { type Fields, field, isRecord, listField } from './form.ts'
import type { Call, Journal } from './journal.ts'
import type { KrakenOptions } from './kraken-limits.ts'
import { KrakenError, wantedMarket } from './kraken-market.ts'
import type { Order, OrderStore } from './orders.ts'

/** One trading call on its way through. */
export interface TradingCall {
  readonly call: Call
  readonly account: string
  readonly fields: Fields
}

const RATE = 'EOrder:Rate limit exceeded'

export class KrakenTrading {
  readonly #engine: EngineCounters
  readonly #orders: OrderStore
  readonly #journal: Journal
  readonly #random: () => number
  readonly #tierOf: (account: string) => EngineTier
  readonly #cancelOverMax: NonNullable<KrakenOptions['cancelOverMax']>
  /** Dead-man switches (CancelAllOrdersAfter): account to the monotonic time at which its orders go. */
  readonly #deadlines = new Map<string, number>()

  constructor(parts: {
    readonly engine: EngineCounters
    readonly orders: OrderStore
    readonly journal: Journal
    readonly random: () => number
    readonly tierOf: (account: string) => EngineTier
    readonly cancelOverMax: NonNullable<KrakenOptions['cancelOverMax']>
  }) {
    this.#engine = parts.engine
    this.#orders = parts.orders
    this.#journal = parts.journal
    this.#random = parts.random
    this.#tierOf = parts.tierOf
    this.#cancelOverMax = parts.cancelOverMax
  }

  /** The method's handler, or undefined when it is not a trading call. */
  handler(method: string): ((trading: TradingCall) => unknown) | undefined {
    switch (method) {
      case 'AddOrder':
        return (trading) => this.#addOrder(trading)
      case 'AddOrderBatch':
        return (trading) => this.#addOrderBatch(trading)
      case 'AmendOrder':
        return (trading) => this.#amendOrder(trading)
      case 'EditOrder':
        return (trading) => this.#editOrder(trading)
      case 'CancelOrder':
        return (trading) => this.#cancelOrder(trading)
      case 'CancelOrderBatch':
        return (trading) => this.#cancelOrderBatch(trading)
      case 'CancelAll':
        return (trading) => this.#cancelAll(trading)
      case 'CancelAllOrdersAfter':
        return (trading) => this.#cancelAllOrdersAfter(trading)
      default:
        return undefined
    }
  }

  /** Fires dead-man switches whose time has come; asked before every private call. */
  fireDeadlines(nowMs: number, wallMs: number): void {
    for (const [account, atMs] of this.#deadlines) {
      if (atMs > nowMs) continue
      this.#deadlines.delete(account)
      this.#cancelMany(account, this.#orders.open(account), atMs, wallMs)
    }
  }

  #addOrder({ call, account, fields }: TradingCall): unknown {
    const market = wantedMarket(field(fields, 'pair'))
    this.#charge(call, account, market, 1, this.#engine.add(account, market.krakenId, call.timeMs))
    checkDeadline(fields, call)
    this.#checkLevel(account, market, 1)
    const wanted = readOrder(fields)
    if (field(fields, 'validate') === 'true') return { descr: { order: wanted.text(market) } }
    const order = this.#place(call, account, market, fields)
    return { descr: { order: wanted.text(market) }, txid: [order.id] }
  }

  #addOrderBatch({ call, account, fields }: TradingCall): unknown {
    const market = wantedMarket(field(fields, 'pair'))
    const wanted = listField(fields, 'orders').filter(isRecord)
    const charge = this.#engine.addBatch(account, market.krakenId, wanted.length, call.timeMs)
    this.#charge(call, account, market, batchAddCost(wanted.length), charge)
    checkDeadline(fields, call)
    if (wanted.length < 2 || wanted.length > 15) throw new KrakenError('EGeneral:Invalid arguments:orders')
    this.#checkLevel(account, market, wanted.length)
    const placed = wanted.map((one) => {
      try {
        const text = readOrder(one).text(market)
        return { txid: this.#place(call, account, market, one).id, descr: { order: text } }
      } catch (error) {
        if (error instanceof KrakenError) return { error: error.message }
        throw error
      }
    })
    return { orders: placed }
  }

  #amendOrder({ call, account, fields }: TradingCall): unknown {
    const order = this.#find(account, fields)
    this.#touch('amend', call, account, order)
    order.size = Number(field(fields, 'order_qty') || order.size)
    order.price = Number(field(fields, 'limit_price') || order.price)
    order.touchedMs = call.timeMs
    return { amend_id: this.#id('T') }
  }

  #editOrder({ call, account, fields }: TradingCall): unknown {
    const order = this.#find(account, fields)
    this.#touch('edit', call, account, order)
    this.#orders.cancel(order, call.wallMs)
    const merged = { ...order.request, ...fields }
    const successor = this.#place(call, account, order.market, merged)
    return {
      status: 'ok',
      txid: successor.id,
      originaltxid: order.id,
      volume: successor.size.toFixed(8),
      price: String(successor.price ?? 0),
      orders_cancelled: 1,
      descr: { order: readOrder(merged).text(order.market) },
    }
  }

  #cancelOrder({ call, account, fields }: TradingCall): unknown {
    const userref = field(fields, 'txid')
    const several = this.#orders.open(account).filter((order) => order.userref !== '' && order.userref === userref)
    const wanted = several.length > 0 ? several : [this.#find(account, fields)]
    for (const order of wanted) {
      this.#touch('cancel', call, account, order)
      this.#orders.cancel(order, call.wallMs)
    }
    return { count: wanted.length }
  }

  #cancelOrderBatch({ call, account, fields }: TradingCall): unknown {
    const ids = listField(fields, 'orders').map((id) => (isRecord(id) ? field(id, 'txid') : String(id)))
    const clientIds = listField(fields, 'cl_ord_ids').map((id) => (isRecord(id) ? field(id, 'cl_ord_id') : String(id)))
    if (ids.length + clientIds.length > 50) throw new KrakenError('EGeneral:Invalid arguments:orders')
    const wanted = this.#orders
      .open(account)
      .filter((order) => ids.includes(order.id) || ids.includes(order.userref) || clientIds.includes(order.clientId))
    this.#cancelMany(account, wanted, call.timeMs, call.wallMs)
    return { count: wanted.length }
  }

  #cancelAll({ call, account }: TradingCall): unknown {
    const wanted = this.#orders.open(account)
    this.#cancelMany(account, wanted, call.timeMs, call.wallMs)
    return { count: wanted.length }
  }

  #cancelAllOrdersAfter({ call, account, fields }: TradingCall): unknown {
    const seconds = Number(field(fields, 'timeout'))
    if (seconds > 0) this.#deadlines.set(account, call.timeMs + seconds * 1000)
    else this.#deadlines.delete(account)
    const currentTime = new Date(call.wallMs).toISOString()
    return { currentTime, triggerTime: seconds > 0 ? new Date(call.wallMs + seconds * 1000).toISOString() : '0' }
  }

  #cancelMany(account: string, orders: readonly Order[], nowMs: number, wallMs: number): void {
    for (const market of new Set(orders.map((order) => order.market))) {
      const ages = orders.filter((order) => order.market === market).map((order) => nowMs - order.touchedMs)
      this.#accrue(account, market, ages, nowMs)
    }
    for (const order of orders) this.#orders.cancel(order, wallMs)
  }

  #touch(action: 'amend' | 'edit' | 'cancel', call: Call, account: string, order: Order): void {
    const age = call.timeMs - order.touchedMs
    if (action === 'cancel' && this.#cancelOverMax === 'accept') {
      this.#accrue(account, order.market, [age], call.timeMs)
      return
    }
    if (action === 'cancel' && this.#cancelOverMax === 'charge') {
      const ruling = this.#engine.cancelInFull(account, order.market.krakenId, age, call.timeMs)
      this.#charge(call, account, order.market, engineCost(action, age), ruling)
      return
    }
    const ruling = this.#engine.touch(action, account, order.market.krakenId, age, call.timeMs)
    this.#charge(call, account, order.market, engineCost(action, age), ruling, action === 'cancel' ? '.cancel' : '')
  }

  /** Cancels that are taken in also above the maximum. */
  #accrue(account: string, market: Market, agesMs: readonly number[], nowMs: number): void {
    const before = this.#engine.levelAt(account, market.krakenId, nowMs)
    const { level } = this.#engine.cancelMany(account, market.krakenId, agesMs, nowMs)
    this.#journal.accepted('kraken.engine', `${account} ${market.krakenId}`, level - before, nowMs, level)
  }

  #charge(call: Call, account: string, market: Market, cost: number, ruling: Ruling, kind = ''): void {
    const scope = `${account} ${market.krakenId}`
    if (!this.#journal.allow(`kraken.engine${kind}`, scope, cost, ruling, call)) throw new KrakenError(RATE)
  }

  /** The open-order ceiling is a level that no waiting lowers: a refusal, but no violation of a rate. */
  #checkLevel(account: string, market: Market, orders: number): void {
    if (this.#orders.openCount(account, market) + orders <= this.#tierOf(account).maxOpenOrders) return
    throw new KrakenError('EOrder:Orders limit exceeded')
  }

  #find(account: string, fields: Fields): Order {
    const id = field(fields, 'txid')
    const clientId = field(fields, 'cl_ord_id')
    const found = clientId
      ? this.#orders.open(account).find((order) => order.clientId === clientId)
      : this.#orders.get(account, id)
    if (found?.status !== 'open') throw new KrakenError('EOrder:Unknown order')
    return found
  }

  #place(call: Call, account: string, market: Market, fields: Fields): Order {
    const { side, type, price, size } = readOrder(fields)
    const immediate = ['IOC', 'FOK'].includes(field(fields, 'timeinforce').toUpperCase())
    const clientId = field(fields, 'cl_ord_id')
    const userref = field(fields, 'userref')
    const order = {
      id: this.#id('O'),
      account,
      market,
      side,
      type,
      size,
      price,
      clientId,
      userref,
      request: fields,
      immediate,
    }
    return this.#orders.place(order, call.timeMs, call.wallMs)
  }

  /** An id in Kraken's shape, such as OQCLML-BW3P3-BUCMWZ. */
  #id(first: string): string {
    const letters = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567'
    const some = (count: number) =>
      Array.from({ length: count }, () => letters[Math.floor(this.#random() * letters.length)]).join('')
    return `${first}${some(5)}-${some(5)}-${some(6)}`
  }
}

function readOrder(fields: Fields) {
  const side = field(fields, 'type')
  const type = field(fields, 'ordertype')
  const size = Number(field(fields, 'volume'))
  const price = type === 'market' ? undefined : Number(field(fields, 'price'))
  if (side !== 'buy' && side !== 'sell') throw new KrakenError('EGeneral:Invalid arguments:type')
  if (type === '') throw new KrakenError('EGeneral:Invalid arguments:ordertype')
  if (!(size > 0)) throw new KrakenError('EGeneral:Invalid arguments:volume')
  if (price !== undefined && !(price > 0)) throw new KrakenError('EGeneral:Invalid arguments:price')
  const text = (market: Market) =>
    `${side} ${size.toFixed(8)} ${market.altname} @ ${type}${price === undefined ? '' : ` ${price}`}`
  return { side, type, size, price, text } as const
}

function checkDeadline(fields: Fields, call: Call): void {
  const deadline = Date.parse(field(fields, 'deadline'))
  if (call.wallMs > deadline) throw new KrakenError('EService:Deadline elapsed')
}
