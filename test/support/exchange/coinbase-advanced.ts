// The simulated Coinbase Advanced Trade API (api.coinbase.com/api/v3/brokerage): 30 per second per user, 10 per second
// per address for public market data, JWTs, and a 429 that is an HTML page where an order was posted.

import { coinbaseMarket, MARKETS, type Market, quoteAt } from './catalogue.ts'
import type { JwtAuth } from './coinbase-auth.ts'
import { advancedProduct, candles, levels, trades, wallets } from './coinbase-market.ts'
import { type Counter, LazyFillBucket, PerScope, SlidingLog } from './counters.ts'
import { htmlPage } from './faults.ts'
import { field, isRecord, listField, readFields } from './form.ts'
import type { Call } from './journal.ts'
import { uuid } from './keys.ts'
import { type Order, OrderStore } from './orders.ts'
import { type Answer, type Ground, judged, Refusal, type Venue } from './venue.ts'

export interface CoinbaseAdvancedOptions {
  readonly privatePerSecond?: number
  readonly publicPerSecond?: number
  /** `window`: never more than N in any second (the strictest reading); `bucket`: a burst of N, refilled at N per second. */
  readonly shape?: 'window' | 'bucket'
  /** Send x-ratelimit-limit, -remaining and -reset (seconds). Off by default. */
  readonly limitHeaders?: boolean
  readonly verify?: boolean
}

export const BROKERAGE = '/api/v3/brokerage/'
const STEPS_S: Readonly<Record<string, number>> = {
  ONE_MINUTE: 60,
  FIVE_MINUTE: 300,
  FIFTEEN_MINUTE: 900,
  THIRTY_MINUTE: 1800,
  ONE_HOUR: 3600,
  TWO_HOUR: 7200,
  SIX_HOUR: 21_600,
  ONE_DAY: 86_400,
}

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
        const body = parts[0] === 'time' ? time(call.wallMs) : market(call, parts.slice(1))
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
        return market(call, parts)
      case 'accounts': {
        const all = wallets(user).map((wallet) => account(wallet, call.wallMs))
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
          .map(show)
          .filter(({ status }) => wanted.length === 0 || wanted.includes(status))
        return { orders, sequence: '0', has_next: false, cursor: '' }
      }
      case 'GET historical/fills':
        return {
          fills: this.#orders
            .all(user)
            .filter((order) => order.status === 'filled')
            .map(fill),
          cursor: '',
        }
      default: {
        const id = /^historical\/([^/]+)$/.exec(action)?.[1]
        if (call.method !== 'GET' || id === undefined) throw notFound()
        return { order: show(known(this.#orders.get(user, id))) }
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

function market(call: Call, [group, id, part]: readonly string[]): object {
  const { query, wallMs } = call
  if (group === 'product_book') {
    const traded = known(coinbaseMarket(query.get('product_id') ?? ''))
    return { pricebook: book(traded, wallMs, Number(query.get('limit') ?? 50)) }
  }
  if (group === 'best_bid_ask') {
    const asked = query.getAll('product_ids')
    return {
      pricebooks: MARKETS.filter((one) => asked.length === 0 || asked.includes(one.product)).map((one) =>
        book(one, wallMs, 1),
      ),
    }
  }
  if (group !== 'products') throw notFound()
  if (id === undefined) {
    const type = query.get('product_type')
    const products = type === null || type === 'SPOT' ? MARKETS.map((one) => advancedProduct(one, wallMs)) : []
    return { products, num_products: products.length }
  }
  const traded = known(coinbaseMarket(id))
  if (part === undefined) return advancedProduct(traded, wallMs)
  if (part === 'ticker') return ticker(traded, wallMs, Number(query.get('limit') ?? 100))
  if (part !== 'candles') throw notFound()
  const step = STEPS_S[query.get('granularity') ?? 'ONE_MINUTE'] ?? 60
  const end = Number(query.get('end') ?? wallMs / 1000)
  const start = Number(query.get('start') ?? end - 300 * step)
  const rows = candles(traded, start, end, step).map((row) => row.map(String))
  return {
    candles: rows.map(([at, low, high, open, close, volume]) => ({ start: at, low, high, open, close, volume })),
  }
}

function time(wallMs: number): object {
  const seconds = String(Math.floor(wallMs / 1000))
  return { iso: new Date(wallMs).toISOString(), epochSeconds: seconds, epochMillis: String(Math.floor(wallMs)) }
}

function book(traded: Market, wallMs: number, count: number): object {
  const side = (name: 'bid' | 'ask') => levels(traded, wallMs, name, count)
  return { product_id: traded.product, bids: side('bid'), asks: side('ask'), time: new Date(wallMs).toISOString() }
}

function ticker(traded: Market, wallMs: number, count: number): object {
  const { bid, ask } = quoteAt(traded, wallMs)
  const rows = trades(traded, wallMs, Math.min(count, 1000)).map(({ id, atMs, price, size, side }) => {
    const at = new Date(atMs).toISOString()
    return {
      trade_id: String(id),
      product_id: traded.product,
      price,
      size,
      time: at,
      side: side.toUpperCase(),
      bid: '',
      ask: '',
    }
  })
  return { trades: rows, best_bid: bid, best_ask: ask }
}

function account(wallet: ReturnType<typeof wallets>[number], wallMs: number) {
  const { asset, id, amount } = wallet
  const money = (value: string) => ({ value, currency: asset.code })
  const at = new Date(wallMs).toISOString()
  return {
    uuid: id,
    name: `${asset.code} Wallet`,
    currency: asset.code,
    available_balance: money(amount),
    default: true,
    active: true,
    created_at: at,
    updated_at: at,
    deleted_at: null,
    type: asset.fiat ? 'ACCOUNT_TYPE_FIAT' : 'ACCOUNT_TYPE_CRYPTO',
    ready: true,
    hold: money('0'),
  }
}

function show(order: Order) {
  const filled = order.status === 'filled'
  return {
    order_id: order.id,
    product_id: order.market.product,
    user_id: uuid(order.account),
    order_configuration: order.request.order_configuration,
    side: order.side.toUpperCase(),
    client_order_id: order.clientId,
    status: filled ? 'FILLED' : order.status === 'cancelled' ? 'CANCELLED' : 'OPEN',
    time_in_force: 'GOOD_UNTIL_CANCELLED',
    created_time: new Date(order.createdWallMs).toISOString(),
    completion_percentage: filled ? '100' : '0',
    filled_size: filled ? order.size.toFixed(8) : '0',
    average_filled_price: String(order.fillPrice),
    fee: '',
    number_of_fills: filled ? '1' : '0',
    filled_value: (order.fillPrice * order.size).toFixed(8),
    pending_cancel: false,
    size_in_quote: false,
    total_fees: '0',
    order_type: order.type.toUpperCase(),
    settled: filled,
    product_type: 'SPOT',
  }
}

function fill(order: Order): object {
  return {
    entry_id: uuid(`fill ${order.id}`),
    trade_id: uuid(`trade ${order.id}`),
    order_id: order.id,
    trade_time: new Date(order.closedWallMs).toISOString(),
    trade_type: 'FILL',
    price: String(order.fillPrice),
    size: order.size.toFixed(8),
    commission: '0',
    product_id: order.market.product,
    side: order.side.toUpperCase(),
  }
}

function known<T>(found: T | undefined): T {
  if (found === undefined) throw notFound()
  return found
}

function notFound(): Refusal {
  const body = { error: 'NOT_FOUND', error_details: 'not found', message: 'not found' }
  return new Refusal('not found', { status: 404, body })
}

const TEXT = { 'Content-Type': 'text/plain' }
