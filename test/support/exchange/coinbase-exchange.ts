// The simulated Coinbase Exchange API (api.exchange.coinbase.com): lazy-fill buckets per address and per profile,
// CB-ACCESS signatures, JSON errors of the form {"message": …}.

import { ASSETS, coinbaseMarket, MARKETS, type Market, quoteAt } from './catalogue.ts'
import { AccessAuth } from './coinbase-auth.ts'
import { candles, exchangeProduct, levels, trades, wallets } from './coinbase-market.ts'
import { LazyFillBucket, PerScope } from './counters.ts'
import { type Fields, field, readFields } from './form.ts'
import type { Call } from './journal.ts'
import { type CoinbaseExchangeKey, coinbaseExchangeKey, uuid } from './keys.ts'
import { type Order, OrderStore } from './orders.ts'
import { type Answer, type Ground, judged, Refusal, type Venue } from './venue.ts'

/** Published rates (docs.cdp.coinbase.com, Exchange "REST rate limits"); loans name no burst, so it is the rate. */
export const RULES = {
  public: { capacity: 15, refillPerSecond: 10 },
  private: { capacity: 30, refillPerSecond: 15 },
  fills: { capacity: 20, refillPerSecond: 10 },
  loans: { capacity: 10, refillPerSecond: 10 },
}

export type CoinbaseExchangeOptions = Partial<typeof RULES> & {
  /** Calls to /fills drain the private bucket too; the documents do not say. Off by default. */
  readonly fillsArePrivateToo?: boolean
  readonly verify?: boolean
}

const PUBLIC = /^\/(time|currencies|products|wrapped-assets)(\/|$)/

export class CoinbaseExchangeVenue implements Venue {
  readonly #ground: Ground
  readonly #auth: AccessAuth
  readonly #orders = new OrderStore()
  readonly #buckets: Readonly<Record<keyof typeof RULES, PerScope<LazyFillBucket>>>
  readonly #fillsArePrivateToo: boolean

  constructor(ground: Ground, options: CoinbaseExchangeOptions) {
    this.#ground = ground
    this.#auth = new AccessAuth({ verify: options.verify ?? true })
    this.#fillsArePrivateToo = options.fillsArePrivateToo ?? false
    const buckets = (kind: keyof typeof RULES) => new PerScope(() => new LazyFillBucket(options[kind] ?? RULES[kind]))
    this.#buckets = {
      public: buckets('public'),
      private: buckets('private'),
      fills: buckets('fills'),
      loans: buckets('loans'),
    }
  }

  /** Registers the key of that name and hands it out; it belongs to its own profile unless told. */
  key(name: string, member: { profile?: string } = {}): CoinbaseExchangeKey {
    const key = coinbaseExchangeKey(name)
    if (!this.#auth.has(key.key)) this.#auth.register(key, member.profile ?? name)
    return key
  }

  answer(call: Call): Answer {
    return judged(this.#ground.journal, call, () => {
      if (call.path === '/loans/assets') return ok([])
      if (PUBLIC.test(call.path)) {
        this.#take('public', call.ip, call)
        return ok(this.#market(call))
      }
      const caller = this.#auth.caller(call)
      if ('problem' in caller) throw refusal(401, caller.problem)
      const kind = call.path === '/fills' ? 'fills' : call.path.startsWith('/loans') ? 'loans' : 'private'
      if (kind === 'fills' && this.#fillsArePrivateToo) this.#take('private', caller.profile, call)
      this.#take(kind, caller.profile, call)
      return ok(this.#private(call, caller.profile))
    })
  }

  #take(kind: keyof typeof RULES, scope: string, call: Call): void {
    const ruling = this.#buckets[kind].of(scope).arrive(1, call.timeMs)
    if (this.#ground.journal.allow(`coinbase-exchange.${kind}`, scope, 1, ruling, call)) return
    throw refusal(429, `${kind === 'public' ? 'Public' : 'Private'} rate limit exceeded`, true)
  }

  #market(call: Call): unknown {
    const [, group, id, part] = call.path.split('/')
    const { query, wallMs } = call
    if (group === 'time') return { iso: new Date(wallMs).toISOString(), epoch: wallMs / 1000 }
    if (group === 'currencies') return one(ASSETS.map(currency), id)
    if (group !== 'products') return []
    if (id === undefined) return MARKETS.map(exchangeProduct)
    const hourly = (market: Market) =>
      candles(market, wallMs / 1000 - 86_400, wallMs / 1000, 3600).map((row) => row.slice(0, 5))
    if (id === 'spark-lines') return Object.fromEntries(MARKETS.map((market) => [market.product, hourly(market)]))
    const market = known(coinbaseMarket(id))
    const { bid, ask, last } = quoteAt(market, wallMs)
    const time = new Date(wallMs).toISOString()
    switch (part) {
      case undefined:
        return exchangeProduct(market)
      case 'ticker':
        return { trade_id: Math.floor(wallMs / 500), price: last, size: '0.01', time, bid, ask, volume: '1024.2' }
      case 'stats':
        return { open: last, high: ask, low: bid, last, volume: '1024.2', volume_30day: '30720.5' }
      case 'book': {
        const rows = (side: 'bid' | 'ask') =>
          levels(market, wallMs, side, 50).map(({ price, size }) => [price, size, 1])
        return { bids: rows('bid'), asks: rows('ask'), sequence: Math.floor(wallMs), auction_mode: false, time }
      }
      case 'trades':
        return trades(market, wallMs, 100).map(({ id: trade_id, atMs, price, size, side }) => {
          return { trade_id, side, size, price, time: new Date(atMs).toISOString() }
        })
      case 'candles': {
        const end = (query.has('end') ? Date.parse(query.get('end') ?? '') : wallMs) / 1000
        const step = Number(query.get('granularity') ?? 60)
        const start = query.has('start') ? Date.parse(query.get('start') ?? '') / 1000 : end - 300 * step
        return candles(market, start, end, step)
      }
      default:
        throw refusal(404, 'NotFound')
    }
  }

  #private(call: Call, profile: string): unknown {
    const [, group, id] = call.path.split('/')
    const all = () => this.#orders.all(profile)
    switch (`${call.method} ${group}`) {
      case 'GET accounts':
        return one(
          wallets(profile).map(({ asset, id: wallet, amount }) => account(wallet, asset.code, amount, profile)),
          id,
        )
      case 'POST orders':
        return show(this.#place(call, profile))
      case 'GET orders': {
        if (id !== undefined) return show(this.#find(call, profile))
        const wanted = call.query.has('status') ? call.query.getAll('status') : ['open']
        const product = call.query.get('product_id')
        return all()
          .filter((order) => wanted.includes('all') || wanted.includes(order.status === 'open' ? 'open' : 'done'))
          .filter((order) => !product || order.market.product === product)
          .map(show)
      }
      case 'DELETE orders': {
        const wanted = id === undefined ? this.#orders.open(profile) : [this.#find(call, profile)]
        for (const order of wanted) this.#orders.cancel(order, call.wallMs)
        return id === undefined ? wanted.map((order) => order.id) : (wanted[0]?.id ?? '')
      }
      case 'GET fills':
        return all()
          .filter((order) => order.status === 'filled')
          .map(fill)
      case 'GET fees':
        return { taker_fee_rate: '0.0060', maker_fee_rate: '0.0040', usd_volume: '0.00' }
      case 'GET profiles':
        return [{ id: uuid(profile), user_id: uuid(`user ${profile}`), name: profile, active: true, is_default: true }]
      default:
        if (call.method === 'GET') return []
        throw refusal(404, 'NotFound')
    }
  }

  #find(call: Call, profile: string): Order {
    const [, , id = ''] = call.path.split('/')
    const clientId = /^client:(.+)$/.exec(decodeURIComponent(id))?.[1]
    const order = clientId
      ? this.#orders.open(profile).find((open) => open.clientId === clientId)
      : this.#orders.get(profile, id)
    if (!order || (call.method === 'DELETE' && order.status !== 'open')) throw refusal(404, 'order not found')
    return order
  }

  #place(call: Call, profile: string): Order {
    const fields = readFields(call.body, 'application/json')
    const market = known(coinbaseMarket(field(fields, 'product_id')))
    const side = field(fields, 'side')
    if (side !== 'buy' && side !== 'sell') throw refusal(400, 'Invalid side')
    const type = field(fields, 'type') || 'limit'
    const price = type === 'market' ? undefined : positive(fields, 'price')
    const size = field(fields, 'funds') ? positive(fields, 'funds') / market.anchor : positive(fields, 'size')
    const id = uuid(`${profile} ${call.id} ${this.#ground.random()}`)
    const immediate = ['IOC', 'FOK'].includes(field(fields, 'time_in_force'))
    const clientId = field(fields, 'client_oid')
    const who = { id, account: profile, clientId, userref: '', request: fields }
    return this.#orders.place({ ...who, market, side, type, size, price, immediate }, call.timeMs, call.wallMs)
  }
}

function positive(fields: Fields, name: string): number {
  const value = Number(field(fields, name))
  if (!(value > 0)) throw refusal(400, `${name} is required`)
  return value
}

function currency(asset: (typeof ASSETS)[number]) {
  const details = { type: asset.fiat ? 'fiat' : 'crypto', symbol: null, network_confirmations: 2, sort_order: 1 }
  return {
    id: asset.code,
    name: asset.name,
    min_size: '0.00000001',
    status: 'online',
    message: '',
    max_precision: asset.fiat ? '0.01' : '0.00000001',
    convertible_to: [],
    details,
    default_network: asset.name.toLowerCase(),
    supported_networks: [],
    display_name: asset.code,
  }
}

function account(id: string, code: string, amount: string, profile: string) {
  return {
    id,
    currency: code,
    balance: amount,
    hold: '0.00',
    available: amount,
    profile_id: uuid(profile),
    trading_enabled: true,
  }
}

function show(order: Order): object {
  const filled = order.status === 'filled'
  return {
    id: order.id,
    ...(order.price !== undefined && { price: String(order.price) }),
    size: order.size.toFixed(8),
    product_id: order.market.product,
    side: order.side,
    ...(order.clientId !== '' && { client_oid: order.clientId }),
    type: order.type,
    time_in_force: 'GTC',
    post_only: false,
    created_at: new Date(order.createdWallMs).toISOString(),
    fill_fees: '0.0000000000000000',
    filled_size: filled ? order.size.toFixed(8) : '0.00000000',
    executed_value: (order.fillPrice * order.size).toFixed(8),
    status: order.status === 'open' ? 'open' : 'done',
    ...(order.status !== 'open' && { done_reason: filled ? 'filled' : 'canceled' }),
    settled: filled,
  }
}

function fill(order: Order): object {
  return {
    trade_id: Math.floor(order.closedWallMs / 500),
    product_id: order.market.product,
    order_id: order.id,
    price: order.fillPrice.toFixed(order.market.priceDecimals),
    size: order.size.toFixed(8),
    fee: '0.00',
    side: order.side,
    settled: true,
    liquidity: 'T',
    created_at: new Date(order.closedWallMs).toISOString(),
  }
}

function one<T extends { readonly id: string }>(all: readonly T[], id: string | undefined): unknown {
  return id === undefined ? all : known(all.find((entry) => entry.id === id))
}

function known<T>(found: T | undefined): T {
  if (found === undefined) throw refusal(404, 'NotFound')
  return found
}

function ok(body: unknown): Answer {
  return { status: 200, body: body as object }
}

function refusal(status: number, message: string, limit = false): Refusal {
  return new Refusal(message, { status, body: { message } }, limit)
}
