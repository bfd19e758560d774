// The simulated Kraken Futures (futures.kraken.com): who may call, what each call costs, and what it answers. It answers 200
// and tells by `result` and `error` what became of a call.

import { ASSETS, type Market, quoteAt } from './catalogue.ts'
import { LazyFillBucket, PerScope, SlidingLog } from './counters.ts'
import { field } from './form.ts'
import { FuturesAuth } from './futures-auth.ts'
import { FUTURES_RULES, type FuturesOptions, futuresPrice, instructions } from './futures-limits.ts'
import { FuturesOrders, fill, iso, openOrder, PERPETUALS } from './futures-orders.ts'
import type { Call } from './journal.ts'
import { type KrakenKey, krakenKey } from './keys.ts'
import { type Answer, type Ground, judged, Refusal, type Venue } from './venue.ts'

export const FUTURES_HOSTS: readonly string[] = ['futures.kraken.com', 'demo-futures.kraken.com']

export class FuturesVenue implements Venue {
  readonly #ground: Ground
  readonly #auth: FuturesAuth
  readonly #orders = new FuturesOrders()
  readonly #budgets: {
    readonly derivatives: PerScope<SlidingLog>
    readonly history: PerScope<LazyFillBucket>
  }

  constructor(ground: Ground, options: FuturesOptions & { readonly verify: boolean }) {
    this.#ground = ground
    this.#auth = new FuturesAuth(options)
    const { derivatives, history } = { ...FUTURES_RULES, ...options }
    this.#budgets = {
      derivatives: new PerScope(() => new SlidingLog(derivatives)),
      history: new PerScope(() => new LazyFillBucket(history)),
    }
  }

  /** Registers the key of that name and hands it out; it belongs to an account of its own. */
  key(name: string): KrakenKey {
    const key = krakenKey(`futures ${name}`)
    this.#auth.register(key, name)
    return key
  }

  answer(call: Call): Answer {
    return judged(this.#ground.journal, call, () => {
      const price = futuresPrice(call)
      const [, endpoint = ''] = /^\/(?:derivatives\/)?api\/(?:history\/)?v\d\/(.+)$/.exec(call.path) ?? []
      if (price === undefined) return ok(call, this.#market(endpoint, call))
      const caller = this.#auth.caller(call)
      if ('problem' in caller) throw refusal(call, caller.problem)
      const { budget, cost } = price
      const ruling = this.#budgets[budget].of(caller.key).arrive(cost, call.timeMs)
      if (!this.#ground.journal.allow(`futures.${budget}`, caller.key, cost, ruling, call)) {
        throw refusal(call, 'apiLimitExceeded', true)
      }
      return ok(call, budget === 'history' ? { logs: [], elements: [] } : this.#private(endpoint, caller.account, call))
    })
  }

  #market(endpoint: string, call: Call): object {
    const listed = [...PERPETUALS]
    if (endpoint === 'instruments') return { instruments: listed.map(([symbol, market]) => instrument(symbol, market)) }
    if (endpoint === 'instruments/status') {
      return { instrumentStatus: listed.map(([tradeable]) => ({ tradeable, experiencingDislocation: false })) }
    }
    if (endpoint === 'tickers') {
      return { tickers: listed.map(([symbol, market]) => ticker(symbol, market, call.wallMs)) }
    }
    throw refusal(call, 'notFound')
  }

  #private(endpoint: string, account: string, call: Call): object {
    const said = Object.fromEntries([...call.query, ...new URLSearchParams(call.body.toString('utf8'))])
    const { store } = this.#orders
    switch (`${call.method} ${endpoint}`) {
      case 'GET accounts':
        return { accounts: { flex: { type: 'multiCollateralMarginAccount', currencies: currencies() } } }
      case 'GET openpositions':
        return { openPositions: [] }
      case 'GET openorders':
        return { openOrders: store.open(account).map(openOrder) }
      case 'GET fills':
        return {
          fills: store
            .all(account)
            .filter(({ status }) => status === 'filled')
            .map(fill),
        }
      case 'POST sendorder':
        return { sendStatus: this.#orders.send(account, said, call) }
      case 'POST editorder':
        return { editStatus: this.#orders.edit(account, said) }
      case 'POST cancelorder':
        return { cancelStatus: this.#orders.cancel(account, said, call) }
      case 'POST cancelallorders':
        return { cancelStatus: this.#orders.cancelAll(account, call) }
      case 'POST batchorder':
        return { batchStatus: instructions(call).map((one) => this.#orders.instruct(account, one, call)) }
      case 'POST cancelallordersafter':
        return { status: { currentTime: iso(call.wallMs), triggerTime: field(said, 'timeout') } }
      default:
        throw refusal(call, 'notFound')
    }
  }
}

function instrument(symbol: string, market: Market): object {
  return {
    symbol,
    type: 'flexible_futures',
    tradeable: true,
    tickSize: 10 ** -market.priceDecimals,
    contractSize: 1,
    contractValueTradePrecision: 4,
    openingDate: '2022-01-01T00:00:00.000Z',
  }
}

function ticker(symbol: string, market: Market, wallMs: number): object {
  const { bid, ask, last } = quoteAt(market, wallMs)
  const price = Number(last)
  const sizes = { bidSize: 10, askSize: 10, vol24h: 1000 }
  return { symbol, bid: Number(bid), ask: Number(ask), last: price, markPrice: price, open24h: price, ...sizes }
}

function currencies(): object {
  return Object.fromEntries(
    ASSETS.map(({ krakenAlt, usd }) => [krakenAlt, { quantity: 1_000_000 / usd, available: 1_000_000 / usd }]),
  )
}

function ok(call: Call, fields: object): Answer {
  return { status: 200, headers: HEADERS, body: { result: 'success', ...fields, serverTime: iso(call.wallMs) } }
}

function refusal(call: Call, error: string, limit = false): Refusal {
  const body = { result: 'error', serverTime: iso(call.wallMs), error }
  return new Refusal(error, { status: 200, headers: HEADERS, body }, limit)
}

const HEADERS = { 'Content-Type': 'application/json; charset=utf-8', Server: 'cloudflare', 'Cache-Control': 'no-store' }
