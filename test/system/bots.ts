// Fifty bots that ask for more than there is: every venue, public and private, orders and their cancels, on kept and on
// fresh connections. They sign as real bots do, wait what Retry-After says, and write down whatever is not right.

import { setTimeout as sleep } from 'node:timers/promises'
import type { Asked } from '../support/asked.ts'
import type { Exchange } from '../support/exchange/exchange.ts'
import type { Weir } from '../support/weir.ts'
import { type Answered, type Client, openClient } from './client.ts'
import { advancedGet, exchangeGet, krakenPoster, type Post } from './sign.ts'

/** What all bots together saw. */
export interface Tally {
  calls: number
  /** By X-Weir-Decision. */
  readonly decisions: Record<string, number>
  /** Calls that found no weir; fair only while it is down. */
  unanswered: number
  /** Sentences about answers that should not have been. */
  readonly complaints: string[]
}

/** One step of a bot: the next call, given the answer to the last one. */
type Script = (last: Answered | undefined) => Asked

export interface Crew {
  readonly tally: Tally
  /** Resolves when every bot has had its last answer. */
  stop(): Promise<Tally>
}

const PAIRS = ['XBTUSD', 'ETHUSD', 'SOLUSD', 'XRPUSD']
const PRODUCTS = ['BTC-USD', 'ETH-USD', 'SOL-USD', 'XRP-USD']
const RECONNECT_AFTER_MS = 250

/** Sets fifty bots to work. `mayBeDown` tells whether weir may be out of reach just now. */
export function setToWork(weir: Pick<Weir, 'proxy' | 'caFile'>, exchange: Exchange, mayBeDown = () => false): Crew {
  const tally: Tally = { calls: 0, decisions: {}, unanswered: 0, complaints: [] }
  const quit = new AbortController()
  const scripts = cast(exchange)
  const bots = scripts.map(async (script, index) => {
    const client = openClient(weir, { keepAlive: index % 3 !== 0, name: `bot-${index}` })
    await work(client, script, { tally, quit: quit.signal, mayBeDown, maxWait: index % 2 === 0 ? '1s' : '3s' })
    client.close()
  })
  return {
    tally,
    stop: async () => {
      quit.abort()
      await Promise.all(bots)
      return tally
    },
  }
}

interface Shift {
  readonly tally: Tally
  readonly quit: AbortSignal
  readonly mayBeDown: () => boolean
  readonly maxWait: string
}

async function work(client: Client, script: Script, { tally, quit, mayBeDown, maxWait }: Shift): Promise<void> {
  let last: Answered | undefined
  while (!quit.aborted) {
    const asked = script(last)
    try {
      last = await client.send({ ...asked, headers: { ...asked.headers, 'X-Weir-Max-Wait': maxWait } })
    } catch (error) {
      tally.unanswered += 1
      if (!mayBeDown()) tally.complaints.push(`${asked.path}: no answer: ${String(error)}`)
      last = undefined
      await rest(RECONNECT_AFTER_MS, quit)
      continue
    }
    tally.calls += 1
    tally.decisions[last.decision] = (tally.decisions[last.decision] ?? 0) + 1
    const complaint = wrongWith(last)
    if (complaint !== undefined) tally.complaints.push(`${asked.host ?? 'api.kraken.com'}${asked.path}: ${complaint}`)
    if (last.decision === 'refused') await rest(pauseOf(last), quit)
  }
}

/** A refusal is weir's own, in the venue's words, with a time; anything else is a good answer. */
function wrongWith(answer: Answered): string | undefined {
  const { status, headers, decision, text } = answer
  if (decision !== 'refused') return status === 200 && !text.includes('"error":["') ? undefined : `${status} ${text}`
  const code = String(headers['x-weir-error'])
  if (code === 'nonce_too_low') return text.includes('EAPI:Invalid nonce') ? undefined : `unlike Kraken: ${text}`
  if (!/^[1-9]\d*$/.test(String(headers['retry-after']))) return `refused without Retry-After: ${code}`
  const dialect = DIALECTS[String(headers['x-weir-class']).split('.')[0] ?? '']
  const expected = code === 'limit_reached' || code === 'deadline_too_short'
  return expected && dialect?.(answer) ? undefined : `unlike the exchange: ${code} ${status} ${text}`
}

const DIALECTS: Readonly<Record<string, (answer: Answered) => boolean>> = {
  kraken: ({ status, text }) =>
    status === 200 && /"error":\["E(API|Order):Rate limit exceeded"|"EGeneral:Too many requests"/.test(text),
  coinbase: ({ status, text }) => status === 429 && text.includes('rate_limit_exceeded'),
  coinbase_exchange: ({ status, text }) => status === 429 && /(Public|Private) rate limit exceeded/.test(text),
}

const pauseOf = ({ headers }: Answered): number => Number(headers['retry-after'] ?? 0) * 1000

const rest = (ms: number, quit: AbortSignal): Promise<unknown> =>
  sleep(ms, undefined, { signal: quit }).catch(() => undefined)

/** Who does what. The counts say where the pressure is. */
function cast(exchange: Exchange): readonly Script[] {
  // The cache would answer most of it; the limits are on trial here.
  const market = (host: string, paths: readonly string[]): Script =>
    inTurn(paths, (path) => ({ host, path, headers: { 'X-Weir-Cache': 'skip' } }))
  const pairs = (name: string) => PAIRS.map((pair) => `/0/public/${name}?pair=${pair}`)
  const advanced = exchange.coinbaseKey('advanced')
  const profile = exchange.coinbaseExchangeKey('profile')
  const products = (path: (product: string) => string) => PRODUCTS.map(path)
  return [
    ...times(4, () => market('api.kraken.com', [...pairs('Ticker'), ...pairs('Depth'), '/0/public/AssetPairs'])),
    ...times(3, () => market('api.kraken.com', [...pairs('OHLC'), ...pairs('Trades')])),
    ...['first', 'second'].flatMap((name) => {
      const post = krakenPoster(exchange.krakenKey(name))
      return [
        ...times(2, () => () => post('Balance')),
        () => post('OpenOrders'),
        () => post('TradesHistory'),
        () => post('Ledgers'),
        ...PAIRS.map((pair) => trader(post, pair)),
      ]
    }),
    ...times(8, () =>
      inTurn(['accounts', 'orders/historical/batch', 'best_bid_ask'], (path) => advancedGet(advanced, path)),
    ),
    ...times(5, () =>
      market('api.coinbase.com', [
        ...products((id) => `/api/v3/brokerage/market/products/${id}`),
        '/api/v3/brokerage/time',
      ]),
    ),
    ...times(6, () => inTurn(['/accounts', '/orders', '/fees'], (path) => exchangeGet(profile, path))),
    ...times(3, () => inTurn(['/fills'], (path) => exchangeGet(profile, path))),
    ...times(3, () =>
      market(
        'api.exchange.coinbase.com',
        products((id) => `/products/${id}/ticker`),
      ),
    ),
  ]
}

/** Places an order, cancels it when it was placed, and so on. */
function trader(post: Post, pair: string): Script {
  return (last) => {
    const { result } = (last?.json ?? {}) as { result?: { txid?: [string] } }
    const txid = result?.txid?.[0]
    if (txid !== undefined) return post('CancelOrder', { txid })
    return post('AddOrder', { pair, type: 'buy', ordertype: 'limit', price: '0.01', volume: '1' })
  }
}

function inTurn(paths: readonly string[], ask: (path: string) => Asked): Script {
  let turn = 0
  return () => ask(paths[turn++ % paths.length] ?? '/')
}

const times = <T>(count: number, make: () => T): T[] => Array.from({ length: count }, make)
