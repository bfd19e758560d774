// What bots want, and bots that want it until they have it: the mixes by which limit efficiency is told, for Kraken and
// Coinbase, every call signed the moment it is made.

import { readFileSync } from 'node:fs'
import { parse } from 'yaml'
import type { Clock } from '../../../src/core/clock.ts'
import { advancedGet, exchangeGet, krakenPoster, type Post } from '../../system/sign.ts'
import { krakenKey } from '../exchange/keys.ts'
import type { KrakenTier } from '../exchange/kraken-limits.ts'
import type { VirtualExchange } from './exchange.ts'
import type { Answered, Asked, Way } from './way.ts'

/** So many calls of one kind, this many of them under way or waiting at any time. */
export interface Errand {
  readonly bot: string
  readonly count: number
  readonly atOnce: number
  readonly ask: () => Asked
}

/** A mix: how its exchange is set up, what weir is told, and what is asked. */
export interface Mix {
  readonly name: string
  readonly tier: KrakenTier
  /** limits.yaml: the shipped one, but for what a batch of calls asks to be otherwise. */
  readonly config: string
  /** @param wall the bots' own date, in ms since the epoch */
  readonly errands: (exchange: VirtualExchange, wall: () => number) => readonly Errand[]
}

const BRIEFLY_MS = 1000
const MOST_TRIES = 50

/** Traders of one account, each with a key of its own as Kraken advises; reads have their own key, too. */
const TRADERS = [
  { key: 'trader-1', pair: 'XBTUSD' },
  { key: 'trader-2', pair: 'XBTUSD' },
  { key: 'trader-3', pair: 'ETHUSD' },
  { key: 'trader-4', pair: 'ETHUSD' },
]

/** Kraken's spot API: four kinds of calls, all offered at once. */
const kraken = (
  name: string,
  tier: KrakenTier,
  calls: { readonly public: number; readonly balance: number; readonly history: number; readonly orders: number },
): Mix => ({
  name,
  tier,
  config: shippedBut('kraken', '15m', { tier, costs: 'documented', accounts: { main: keyIds() } }),
  errands: (exchange, wall) => {
    const poster = (key: string) => krakenPoster(exchange.krakenKey(key), wall)
    const read = poster('reader')
    const all = (bot: string, count: number, ask: () => Asked): Errand => ({ bot, count, atOnce: count, ask })
    return [
      all('watcher', calls.public, () => ticker('XBTUSD')),
      all('reader', calls.balance, () => read('Balance')),
      all('reader', calls.history, () => read('TradesHistory')),
      ...TRADERS.map(({ key, pair }) => {
        const post = poster(key)
        return all(key, calls.orders / TRADERS.length, () => passingOrder(post, pair))
      }),
    ]
  },
})

/** Engine counters are the account's: weir is told which keys belong to one. */
const keyIds = (): string[] => ['reader', ...TRADERS.map(({ key }) => key)].map((name) => krakenKey(name).key)

export const K_STARTER = kraken('K-starter', 'starter', { public: 60, balance: 40, history: 20, orders: 60 })
export const K_PRO = kraken('K-pro', 'pro', { public: 200, balance: 100, history: 50, orders: 400 })

/** Coinbase Exchange: its signatures live 30 s, so a hundred bots of each kind make one call after the other. */
export const CB: Mix = {
  name: 'CB',
  tier: 'starter',
  config: shippedBut('coinbase_exchange', '29s'),
  errands: (exchange, wall) => {
    const key = exchange.coinbaseExchange.key('profile')
    const bots = { atOnce: 100 }
    return [
      { ...bots, bot: 'watcher', count: 1000, ask: () => uncached(`/products/BTC-USD/ticker`) },
      { ...bots, bot: 'reader', count: 1500, ask: () => exchangeGet(key, '/accounts', wall) },
      { ...bots, bot: 'auditor', count: 500, ask: () => exchangeGet(key, '/fills', wall) },
    ]
  },
}

/** Coinbase Advanced Trade: true windows of one second. */
export const CB_ADVANCED: Mix = {
  name: 'CB Advanced',
  tier: 'starter',
  config: shippedBut('coinbase', '29s'),
  errands: (exchange, wall) => {
    const key = exchange.advancedKey('user')
    return [{ bot: 'reader', count: 1500, atOnce: 100, ask: () => advancedGet(key, 'accounts', wall) }]
  },
}

/**
 * The shipped limits.yaml as text, of one exchange, with changes to it and to classes of it, and with as long a wait as a
 * batch of calls takes. (For a bot that trades, the shipped wait is the better one.)
 */
export function shippedBut(exchange: string, maxWait: string, changes: object = {}, classes: Classes = {}): string {
  const limits = parse(readFileSync(new URL('../../../limits.yaml', import.meta.url), 'utf8')) as Shipped
  const { defaults, exchanges } = limits
  const shipped = exchanges[exchange]
  if (shipped === undefined) throw new Error(`limits.yaml has no ${exchange}`)
  const changed = Object.entries(classes).map(([name, change]) => [name, { ...shipped.classes[name], ...change }])
  return JSON.stringify({
    ...limits,
    defaults: { ...defaults, max_wait: maxWait },
    exchanges: {
      [exchange]: { ...shipped, ...changes, classes: { ...shipped.classes, ...Object.fromEntries(changed) } },
    },
  })
}

type Classes = Readonly<Record<string, object>>

interface Shipped {
  readonly defaults: object
  readonly exchanges: Readonly<Record<string, { readonly classes: Classes }>>
}

/** Runs all errands side by side; resolves when every call has been served. A call that was refused is made again. */
export const run = async (clock: Clock, way: Way, errands: readonly Errand[]): Promise<void> => {
  const workers = errands.flatMap((errand) => {
    const crew = { errand, left: errand.count }
    // Spread evenly over the start, as if everybody came to the door together.
    return Array.from({ length: errand.atOnce }, (_, index) => ({ crew, place: (index + 0.5) / errand.atOnce }))
  })
  workers.sort((a, b) => a.place - b.place)
  await Promise.all(
    workers.map(async ({ crew }) => {
      while (crew.left > 0) {
        crew.left -= 1
        await untilServed(clock, way, crew.errand)
      }
    }),
  )
}

/** Makes the call, and makes it again for as long as it is refused. @throws when that does not end */
const untilServed = async (clock: Clock, way: Way, { bot, ask }: Errand): Promise<Answered> => {
  let answer: Answered | undefined
  for (let tries = 0; tries < MOST_TRIES; tries += 1) {
    answer = await way(ask(), bot)
    if (served(answer)) return answer
    await pause(clock, Math.max(answer.retryAfterMs, BRIEFLY_MS))
  }
  throw new Error(`${bot} was refused ${MOST_TRIES} times: ${JSON.stringify(answer)}`)
}

/** Kraken says it in `error`, Coinbase by status. */
export const served = ({ status, json }: Answered): boolean =>
  status === 200 && ((json as { error?: unknown[] } | undefined)?.error ?? []).length === 0

export const pause = (clock: Clock, ms: number): Promise<void> =>
  new Promise((resolve) => {
    clock.after(ms, resolve)
  })

/** The limits are on trial, not the cache. */
const NO_CACHE = { 'X-Weir-Cache': 'skip' }

export const ticker = (pair: string): Asked => ({ path: `/0/public/Ticker?pair=${pair}`, headers: NO_CACHE })

const uncached = (path: string): Asked => ({ host: 'api.exchange.coinbase.com', path, headers: NO_CACHE })

/** Far from the price; it rests in the book. */
export const restingOrder = (post: Post, pair: string): Asked =>
  post('AddOrder', { pair, type: 'buy', ordertype: 'limit', price: '0.01', volume: '1' })

/** Does not rest: how many orders may be open is a limit that no waiting helps. */
const passingOrder = (post: Post, pair: string): Asked =>
  post('AddOrder', { pair, type: 'buy', ordertype: 'limit', price: '0.01', volume: '1', timeinforce: 'IOC' })
