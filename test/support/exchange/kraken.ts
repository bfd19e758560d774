// The simulated Kraken spot REST API (api.kraken.com): who may call, what each call costs, and what it answers.
// Kraken answers with HTTP 200 almost always and puts its verdict into `error`.

import { ASSETS, krakenMarket } from './catalogue.ts'
import { DecayingCounter, LazyFillBucket, PerScope } from './counters.ts'
import { ENGINE_TIERS, EngineCounters } from './engine.ts'
import { type Fields, field, readFields } from './form.ts'
import type { Call } from './journal.ts'
import { type KrakenKey, krakenKey } from './keys.ts'
import { type KeyState, KrakenAuth } from './kraken-auth.ts'
import { type KrakenOptions, type KrakenTier, PRIVATE_TIERS, privateCost, publicScope } from './kraken-limits.ts'
import { KrakenError, PUBLIC_METHODS } from './kraken-market.ts'
import { orderAnswer, tradeAnswer } from './kraken-orders.ts'
import { KrakenTrading } from './kraken-trading.ts'
import { type Order, OrderStore } from './orders.ts'
import { type Answer, type Ground, header, judged, Refusal, type Venue } from './venue.ts'

const PUBLIC_RULE = { capacity: 5, refillPerSecond: 1 }
const LOCKOUT = { after: 5, forMs: 15 * 60_000 }

/** What a test may ask about a key: its nonces, its failures, its counters now, its account's open orders. */
export interface KrakenAccountView extends Readonly<Omit<KeyState, 'used'>> {
  readonly privateLevel: number
  readonly openOrders: readonly Order[]
}

export class KrakenVenue implements Venue {
  readonly #ground: Ground
  readonly #tier: KrakenTier
  readonly #costs: 'documented' | 'conservative'
  readonly #auth: KrakenAuth
  readonly #orders = new OrderStore()
  readonly #trading: KrakenTrading
  readonly #private: PerScope<DecayingCounter>
  readonly #public: Readonly<Record<string, PerScope<LazyFillBucket>>>

  constructor(ground: Ground, options: KrakenOptions) {
    this.#ground = ground
    this.#tier = options.tier ?? 'starter'
    this.#costs = options.costs ?? 'conservative'
    const chargeRefused = options.chargeRefused ?? false
    this.#auth = new KrakenAuth(ground.journal, { lockout: options.lockout ?? LOCKOUT, verify: options.verify ?? true })
    this.#private = new PerScope((key) => {
      const tier = this.#auth.member(key)?.tier ?? this.#tier
      return new DecayingCounter({ ...PRIVATE_TIERS[tier], chargeRefused })
    })
    this.#public = {
      'kraken.public': new PerScope(() => new LazyFillBucket(options.public ?? PUBLIC_RULE)),
      'kraken.ohlc': new PerScope(() => new LazyFillBucket(options.ohlc ?? PUBLIC_RULE)),
      'kraken.trades': new PerScope(() => new LazyFillBucket(options.trades ?? PUBLIC_RULE)),
    }
    const tierOf = (account: string) => ENGINE_TIERS[this.#auth.tierOf(account) ?? this.#tier]
    this.#trading = new KrakenTrading({
      engine: new EngineCounters(tierOf, { chargeRefused }),
      orders: this.#orders,
      journal: ground.journal,
      random: ground.random,
      tierOf,
      cancelOverMax: options.cancelOverMax ?? 'refuse',
    })
  }

  /** Registers the key of that name and hands it out. Keys told the same account share engine counters and orders. */
  key(name: string, member: { account?: string; tier?: KrakenTier; nonceWindow?: number } = {}): KrakenKey {
    const key = krakenKey(name)
    if (!this.#auth.member(key.key)) {
      const { account = name, tier = this.#tier, nonceWindow = 0 } = member
      this.#auth.register({ ...key, account, tier, nonceWindow })
    }
    return key
  }

  account(key: string): KrakenAccountView {
    const { used: _used, ...state } = this.#auth.state(key)
    const account = this.#auth.member(key)?.account ?? ''
    const privateLevel = this.#private.of(key).levelAt(this.#ground.clock.now())
    return { ...state, privateLevel, openOrders: this.#orders.open(account) }
  }

  answer(call: Call): Answer {
    return judged(this.#ground.journal, call, () => {
      const [, version, access, ...rest] = call.path.split('/')
      const method = rest.join('/')
      try {
        if (version === '0' && access === 'public') return ok(this.#answerPublic(call, method))
        if (version === '0' && access === 'private') return ok(this.#answerPrivate(call, method))
        throw new KrakenError('EGeneral:Unknown method')
      } catch (error) {
        if (!(error instanceof KrakenError)) throw error
        throw new Refusal(error.message, errorAnswer(error.message), isLimit(error.message))
      }
    })
  }

  #answerPublic(call: Call, method: string): unknown {
    const query = call.method === 'POST' ? new URLSearchParams(call.body.toString('utf8')) : call.query
    const handler = Object.hasOwn(PUBLIC_METHODS, method) ? PUBLIC_METHODS[method] : undefined
    const pair = krakenMarket(query.get('pair') ?? '')?.krakenId ?? ''
    const { counter, scope } = publicScope(method, call, pair)
    const ruling = this.#public[counter]?.of(scope).arrive(1, call.timeMs)
    if (ruling && !this.#ground.journal.allow(counter, scope, 1, ruling, call)) {
      throw new KrakenError('EGeneral:Too many requests')
    }
    if (!handler) throw new KrakenError('EGeneral:Unknown method')
    return handler(query, call.wallMs)
  }

  #answerPrivate(call: Call, method: string): unknown {
    if (call.method !== 'POST') throw new KrakenError('EGeneral:Invalid arguments')
    const fields = readFields(call.body, header(call, 'content-type'))
    const key = header(call, 'api-key')
    const problem = this.#auth.problem(call, header(call, 'api-nonce') || field(fields, 'nonce'))
    const member = this.#auth.member(key)
    if (!member || problem === 'EGeneral:Temporary lockout') throw new KrakenError(problem ?? 'EAPI:Invalid key')
    const cost = privateCost(method, this.#costs)
    if (cost > 0) {
      const ruling = this.#private.of(key).arrive(cost, call.timeMs)
      if (!this.#ground.journal.allow('kraken.private', key, cost, ruling, call)) {
        throw new KrakenError('EAPI:Rate limit exceeded')
      }
    }
    if (problem) throw new KrakenError(problem)
    this.#trading.fireDeadlines(call.timeMs, call.wallMs)
    const trade = this.#trading.handler(method)
    if (trade) return trade({ call, account: member.account, fields })
    return this.#read(method, member.account, fields, call)
  }

  #read(method: string, account: string, fields: Fields, call: Call): unknown {
    const all = () => this.#orders.all(account)
    const named = (orders: readonly Order[]) =>
      Object.fromEntries(orders.map((order) => [order.id, orderAnswer(order)] as const))
    const fills = () => all().filter((order) => order.status === 'filled')
    const trades = () =>
      Object.fromEntries(fills().map((order) => [`T${order.id.slice(1)}`, tradeAnswer(order)] as const))
    switch (method) {
      case 'Balance':
        return Object.fromEntries(ASSETS.map((asset) => [asset.krakenId, balance(asset.usd)]))
      case 'BalanceEx':
        return Object.fromEntries(
          ASSETS.map((asset) => [asset.krakenId, { balance: balance(asset.usd), hold_trade: '0.0000' }]),
        )
      case 'TradeBalance':
        return {
          eb: '1000000.0000',
          tb: '1000000.0000',
          m: '0.0000',
          n: '0.0000',
          e: '1000000.0000',
          mf: '1000000.0000',
        }
      case 'OpenOrders':
        return { open: named(this.#orders.open(account)) }
      case 'ClosedOrders': {
        const closed = all().filter((order) => order.status !== 'open')
        return { closed: named(closed.slice(0, 50)), count: closed.length }
      }
      case 'QueryOrders': {
        const ids = field(fields, 'txid').split(',')
        const found = ids.flatMap((id) => this.#orders.get(account, id.trim()) ?? [])
        if (found.length === 0) throw new KrakenError('EOrder:Unknown order')
        return named(found)
      }
      case 'TradesHistory':
        return { trades: trades(), count: fills().length }
      case 'QueryTrades':
        return trades()
      case 'Ledgers':
        return { ledger: {}, count: 0 }
      case 'TradeVolume':
        return { currency: 'ZUSD', volume: '0.0000', fees: null, fees_maker: null }
      case 'GetWebSocketsToken':
        return { token: `token-${account}-${Math.floor(call.wallMs)}`, expires: 900 }
      case 'OpenPositions':
      case 'QueryLedgers':
        return {}
      case 'DepositMethods':
      case 'DepositStatus':
      case 'WithdrawStatus':
      case 'WithdrawMethods':
        return []
      default:
        throw new KrakenError('EGeneral:Unknown method')
    }
  }
}

function balance(usd: number): string {
  return (1_000_000 / usd).toFixed(4)
}

function ok(result: unknown): Answer {
  return { status: 200, headers: HEADERS, body: { error: [], result } }
}

function errorAnswer(error: string): Answer {
  return { status: 200, headers: HEADERS, body: { error: [error] } }
}

function isLimit(error: string): boolean {
  return /:Rate limit exceeded$|:Too many requests$/.test(error)
}

const HEADERS = { 'Content-Type': 'application/json; charset=utf-8', Server: 'cloudflare', 'Cache-Control': 'no-store' }
