// The simulated Coinbase Advanced Trade API (api.coinbase.com/api/v3/brokerage): 30 per second per user, 10 per second
// per address for public market data, JWTs, and a 429 that is an HTML page where an order was posted.

import { coinbaseMarket } from './catalogue.ts'
import {
  accountAnswer,
  fillAnswer,
  known,
  marketAnswer,
  notFound,
  orderAnswer,
  timeAnswer,
} from './coinbase-advanced-answers.ts'
import type { JwtAuth } from './coinbase-auth.ts'
import { wallets } from './coinbase-market.ts'
import { type Counter, LazyFillBucket, PerScope, SlidingLog } from './counters.ts'
import { htmlPage } from './faults.ts'
import { field, isRecord, listField, readFields } from './form.ts'
import type { Call } from './journal.ts'
import { uuid } from './keys.ts'
import { OrderStore } from './orders.ts'
import { type Answer, type Ground, judged, Refusal, type Venue } from './venue.ts'

export interface CoinbaseAdvancedOptions {
  readonly privatePerSecond?: number
  readonly publicPerSecond?: number
  /** `window`: never more than N in any second (the strictest reading); `bucket`: a burst of N, refilled at N per second. */
  readonly shape?: 'window' | 'bucket'
  /** Send x-ratelimit-limit, -remaining and -reset (seconds). Off by default. */
  readonly limitHeaders?: boolean
}

export const BROKERAGE = '/api/v3/brokerage/'

export class CoinbaseAdvancedVenue implements Venue {
  readonly #ground: Ground
  readonly #auth: JwtAuth
  readonly #orders = new OrderStore()
  readonly #private: PerScope<Counter>
  readonly #public: PerScope<Counter>
  readonly #perSecond: Readonly<Record<'public' | 'private', number>>
  readonly #limitHeaders: boolean

  constructor(ground: Ground, auth: JwtAuth, options: CoinbaseAdvancedOptions) {
    this.#ground = ground
    this.#auth = auth
    this.#perSecond = { private: options.privatePerSecond ?? 30, public: options.publicPerSecond ?? 10 }
    this.#limitHeaders = options.limitHeaders ?? false
    const counter = (perSecond: number): Counter =>
      options.shape === 'bucket'
        ? new LazyFillBucket({ capacity: perSecond, refillPerSecond: perSecond })
        : new SlidingLog({ max: perSecond, windowMs: 1000 })
    this.#private = new PerScope(() => counter(this.#perSecond.private))
    this.#public = new PerScope(() => counter(this.#perSecond.public))
  }

  answer(call: Call): Answer {
    return judged(this.#ground.journal, call, () => {
      const parts = call.path.slice(BROKERAGE.length).split('/')
      if (parts[0] === 'time' || parts[0] === 'market') {
        const headers = this.#take('public', call.ip, call)
        const body = parts[0] === 'time' ? timeAnswer(call.wallMs) : marketAnswer(call, parts.slice(1))
        return { status: 200, headers, body }
      }
      const caller = this.#auth.caller(call)
      if ('problem' in caller) throw new Refusal(caller.problem, { status: 401, headers: TEXT, body: 'Unauthorized\n' })
      const headers = this.#take('private', caller.user, call)
      return { status: 200, headers, body: this.#brokerage(call, caller.user, parts) }
    })
  }

  #take(kind: 'public' | 'private', scope: string, call: Call): Record<string, string> {
    const counter = (kind === 'public' ? this.#public : this.#private).of(scope)
    const ruling = counter.arrive(1, call.timeMs)
    const limit = this.#perSecond[kind]
    const left = Math.max(0, Math.floor(counter instanceof SlidingLog ? limit - ruling.level : ruling.level))
    const headers: Record<string, string> = this.#limitHeaders
      ? { 'x-ratelimit-limit': String(limit), 'x-ratelimit-remaining': String(left), 'x-ratelimit-reset': '1' }
      : {}
    if (this.#ground.journal.allow(`coinbase-advanced.${kind}`, scope, 1, ruling, call)) return headers
    const posted = call.method === 'POST' && call.path === `${BROKERAGE}orders`
    const page = {
      status: 429,
      headers: { ...headers, 'Content-Type': 'text/html' },
      body: htmlPage('429 Too Many Requests'),
    }
    const errors = [{ id: 'rate_limit_exceeded', message: 'Too many requests' }]
    throw new Refusal('rate_limit_exceeded', posted ? page : { status: 429, headers, body: { errors } }, true)
  }

  #brokerage(call: Call, user: string, parts: readonly string[]): object {
    const [group, id] = parts
    if (group === 'orders') return this.#orderCall(call, user, parts.slice(1).join('/'))
    switch (group) {
      case 'products':
      case 'product_book':
      case 'best_bid_ask':
        return marketAnswer(call, parts)
      case 'accounts': {
        const all = wallets(user).map((wallet) => accountAnswer(wallet, call.wallMs))
        if (id === undefined) return { accounts: all, has_next: false, cursor: '', size: all.length }
        return { account: known(all.find((one) => one.uuid === id)) }
      }
      case 'portfolios':
        return { portfolios: [{ name: 'Default', uuid: uuid(`portfolio ${user}`), type: 'DEFAULT', deleted: false }] }
      case 'key_permissions':
        return {
          can_view: true,
          can_trade: true,
          can_transfer: false,
          portfolio_uuid: uuid(`portfolio ${user}`),
          portfolio_type: 'DEFAULT',
        }
      case 'transaction_summary': {
        const fee_tier = {
          pricing_tier: 'Advanced 1',
          usd_from: '0',
          usd_to: '1000',
          taker_fee_rate: '0.008',
          maker_fee_rate: '0.006',
        }
        return { total_volume: 0, total_fees: 0, fee_tier, advanced_trade_only_volume: 0, advanced_trade_only_fees: 0 }
      }
      case 'payment_methods':
        return { payment_methods: [] }
      default:
        throw notFound()
    }
  }

  #orderCall(call: Call, user: string, action: string): object {
    const fields = readFields(call.body, 'application/json')
    switch (`${call.method} ${action}`) {
      case 'POST ':
        return this.#place(call, user)
      case 'POST preview':
        return { order_total: '10', commission_total: '0', errs: [], warning: [] }
      case 'POST batch_cancel':
        return { results: listField(fields, 'order_ids').map((id) => this.#cancel(user, String(id), call.wallMs)) }
      case 'POST edit': {
        const order = this.#orders.get(user, field(fields, 'order_id'))
        if (order?.status !== 'open') return { success: false, errors: [{ edit_failure_reason: 'ORDER_NOT_FOUND' }] }
        order.price = Number(field(fields, 'price') || order.price)
        order.size = Number(field(fields, 'size') || order.size)
        return { success: true, errors: [] }
      }
      case 'GET historical/batch': {
        const wanted = call.query.getAll('order_status')
        const orders = this.#orders
          .all(user)
          .map(orderAnswer)
          .filter(({ status }) => wanted.length === 0 || wanted.includes(status))
        return { orders, sequence: '0', has_next: false, cursor: '' }
      }
      case 'GET historical/fills':
        return {
          fills: this.#orders
            .all(user)
            .filter((order) => order.status === 'filled')
            .map(fillAnswer),
          cursor: '',
        }
      default: {
        const id = /^historical\/([^/]+)$/.exec(action)?.[1]
        if (call.method !== 'GET' || id === undefined) throw notFound()
        return { order: orderAnswer(known(this.#orders.get(user, id))) }
      }
    }
  }

  #cancel(user: string, id: string, wallMs: number): object {
    const order = this.#orders.get(user, id)
    if (order?.status !== 'open') return { success: false, failure_reason: 'UNKNOWN_CANCEL_ORDER', order_id: id }
    this.#orders.cancel(order, wallMs)
    return { success: true, failure_reason: 'UNKNOWN_CANCEL_FAILURE_REASON', order_id: id }
  }

  #place(call: Call, user: string): object {
    const fields = readFields(call.body, 'application/json')
    const traded = coinbaseMarket(field(fields, 'product_id'))
    const configuration = isRecord(fields.order_configuration) ? fields.order_configuration : {}
    const [kind = '', detail] = Object.entries(configuration)[0] ?? []
    const terms = isRecord(detail) ? detail : {}
    const price = Number(field(terms, 'limit_price'))
    const size = Number(field(terms, 'base_size')) || Number(field(terms, 'quote_size')) / (traded?.anchor ?? 1)
    const side = field(fields, 'side') === 'SELL' ? 'sell' : 'buy'
    const type = kind.startsWith('market') ? 'market' : kind.startsWith('stop') ? 'stop_limit' : 'limit'
    if (!traded || !(size > 0) || (type !== 'market' && !(price > 0))) {
      const error = { error: 'INVALID_LIMIT_PRICE_POST_ONLY', message: 'invalid order', error_details: '' }
      return { success: false, failure_reason: 'UNKNOWN_FAILURE_REASON', order_id: '', error_response: error }
    }
    const clientId = field(fields, 'client_order_id')
    const id = uuid(`${user} ${call.id} ${this.#ground.random()}`)
    const limit = type === 'market' ? undefined : price
    const rests = {
      id,
      account: user,
      market: traded,
      side,
      type,
      size,
      price: limit,
      clientId,
      userref: '',
      request: fields,
    } as const
    const order = this.#orders.place({ ...rests, immediate: /_(ioc|fok)$/.test(kind) }, call.timeMs, call.wallMs)
    const success_response = {
      order_id: order.id,
      product_id: traded.product,
      side: side.toUpperCase(),
      client_order_id: clientId,
    }
    return {
      success: true,
      failure_reason: 'UNKNOWN_FAILURE_REASON',
      order_id: order.id,
      success_response,
      order_configuration: configuration,
    }
  }
}

const TEXT = { 'Content-Type': 'text/plain' }
