// The mixes of calls by which limit efficiency is told, over real sockets, behind the real process with the limits.yaml that
// ships: bots that are refused come back when they are told to, and want more as long as the run lasts.

import { describe, expect, it, onTestFinished } from 'vitest'
import { realClock } from '../../src/core/clock.ts'
import type { Asked } from '../support/asked.ts'
import { type Exchange, startExchange } from '../support/exchange/exchange.ts'
import type { Call } from '../support/exchange/journal.ts'
import { type KrakenTier, privateCost } from '../support/exchange/kraken-limits.ts'
import { pause } from '../support/virtual/errands.ts'
import { type Limit, limitOf } from '../support/virtual/exchange.ts'
import { ticker } from '../support/virtual/mixes.ts'
import { shippedLimits, startWeir, type Weir } from '../support/weir.ts'
import { openClient } from './client.ts'
import { exchangeGet, krakenPoster, type Post } from './sign.ts'

/** So many bots that do the same. */
interface Crowd {
  readonly bots: number
  readonly ask: () => Asked
}

/** A counter of the exchange, and what a call takes from it. */
interface Spends {
  readonly counter: string
  readonly cost: (call: Call) => number
}

interface Mix {
  readonly name: string
  readonly tier: KrakenTier
  readonly lastsMs: number
  /** Use of each counter that also a machine with much else to do must reach; the fast ones feel it. */
  readonly least: number
  readonly crowds: (exchange: Exchange) => readonly Crowd[]
  readonly spends: readonly Spends[]
}

const PAIRS = ['XBTUSD', 'ETHUSD']

/** Each trader has an account of its own. Orders come in batches of so many. */
const kraken = (name: string, tier: KrakenTier, lastsMs: number, orders: number): Mix => ({
  name,
  tier,
  lastsMs,
  least: 0.9,
  crowds: ({ krakenKey }) => {
    const read = krakenPoster(krakenKey('reader'))
    const traders = PAIRS.map((pair) => ({ pair, post: krakenPoster(krakenKey(`trader of ${pair}`)) }))
    return [
      { bots: 6, ask: () => ticker('XBTUSD') },
      { bots: 4, ask: () => read('Balance') },
      { bots: 2, ask: () => read('TradesHistory') },
      ...traders.map(({ pair, post }) => ({ bots: 6, ask: () => batch(post, pair, orders) })),
    ]
  },
  spends: [
    { counter: 'kraken.public', cost: ({ path }) => Number(path.startsWith('/0/public/')) },
    { counter: 'kraken.private', cost: ({ path }) => readCost(path.slice('/0/private/'.length)) },
    ...PAIRS.map((pair) => ({
      counter: 'kraken.engine',
      cost: ({ path, body }: Call) => (path.endsWith('/AddOrderBatch') && body.includes(pair) ? orders / 2 : 0),
    })),
  ],
})

const readCost = (method: string): number =>
  method === 'Balance' || method === 'TradesHistory' ? privateCost(method, 'conservative') : 0

/** Orders that do not rest: how many may be open is a limit that no waiting helps. */
const batch = (post: Post, pair: string, count: number): Asked => {
  const order = { type: 'buy', ordertype: 'limit', price: '0.01', volume: '1', timeinforce: 'IOC' }
  const fields = Array.from({ length: count }, (_, index) =>
    Object.entries(order).map(([name, value]) => [`orders[${index}][${name}]`, value] as const),
  )
  return post('AddOrderBatch', { pair, ...Object.fromEntries(fields.flat()) })
}

const HOST = 'api.exchange.coinbase.com'
const MARKET = '/products/BTC-USD/ticker'
const from = (counter: string, own: string): Spends => ({ counter, cost: ({ path }) => Number(path === own) })

const CB: Mix = {
  name: 'CB',
  tier: 'starter',
  lastsMs: 7_000,
  least: 0.8,
  crowds: (exchange) => {
    const key = exchange.coinbaseExchangeKey('profile')
    return [
      { bots: 8, ask: () => ({ host: HOST, path: MARKET, headers: { 'X-Weir-Cache': 'skip' } }) },
      { bots: 12, ask: () => exchangeGet(key, '/accounts') },
      { bots: 8, ask: () => exchangeGet(key, '/fills') },
    ]
  },
  spends: [
    from('coinbase-exchange.public', MARKET),
    from('coinbase-exchange.private', '/accounts'),
    from('coinbase-exchange.fills', '/fills'),
  ],
}

describe('a mix of calls behind one weir as it ships', { timeout: 60_000 }, () => {
  for (const { name, tier, lastsMs, least, crowds, spends } of [
    kraken('K-starter', 'starter', 12_000, 4),
    kraken('K-pro', 'pro', 9_000, 15),
    CB,
  ]) {
    it(`${name}: breaks no limit, and uses at least ${100 * least} % of each`, async () => {
      const exchange = await startExchange({ latencyMs: 20, jitterMs: 30, kraken: { tier, costs: 'conservative' } })
      onTestFinished(() => exchange.close())
      const config = await shippedLimits(tier === 'starter' ? {} : { 'tier: starter ': `tier: ${tier} ` })
      await using weir = await startWeir({ exchange, config })
      const untilMs = realClock.now() + lastsMs
      await Promise.all(crowds(exchange).map((crowd) => ask(weir, crowd, untilMs)))
      expect(exchange.violations.map(({ counter, scope, level }) => ({ counter, scope, level }))).toEqual([])
      expect(exchange.report()).toMatchObject({ violations: 0, invalidNonces: 0, lockouts: 0 })
      expect(exchange.calls.filter(({ verdict }) => verdict === 'rejected').map(({ reason }) => reason)).toEqual([])
      const uses = spends.map(({ counter, cost }) => ({
        counter,
        use: sustained(exchange.calls, cost, limitOf(counter, tier)),
      }))
      process.stdout.write(
        `${name}: ${uses.map(({ counter, use }) => `${counter} ${(100 * use).toFixed(1)} %`).join(', ')}\n`,
      )
      for (const { use } of uses) expect(use).toBeGreaterThanOrEqual(least)
    })
  }
})

/**
 * What was served against what there was, from when as much as a full counter holds was used: until then bots are still
 * connecting, which takes a busy machine a while.
 */
const sustained = (calls: readonly Call[], cost: Spends['cost'], limit: Limit): number => {
  if (!('capacity' in limit)) throw new TypeError('only counters are measured here')
  const { capacity, perSecond } = limit
  let [room, spent, atMs] = [capacity, 0, 0]
  const since = { room: Number.NaN, spent: Number.NaN, atMs: Number.NaN }
  for (const call of calls) {
    if (call.verdict !== 'served' || cost(call) === 0) continue
    room = Math.min(capacity, room + ((call.timeMs - atMs) * perSecond) / 1000) - cost(call)
    spent += cost(call)
    atMs = call.timeMs
    if (spent >= capacity && Number.isNaN(since.atMs)) Object.assign(since, { room, spent, atMs })
  }
  return (spent - since.spent) / (since.room + ((atMs - since.atMs) * perSecond) / 1000)
}

/** Each bot has a connection of its own, and asks again as soon as it may, until the time is over. */
const ask = async (weir: Weir, { bots, ask: next }: Crowd, untilMs: number): Promise<void> => {
  const bot = async (): Promise<void> => {
    const client = openClient(weir)
    while (realClock.now() < untilMs) {
      const asked = next()
      // As long as weir lets it, but not beyond the end.
      const most = { 'X-Weir-Max-Wait': `${Math.max(1, Math.ceil(untilMs - realClock.now()))}ms` }
      const { headers, decision } = await client.send({ ...asked, headers: { ...asked.headers, ...most } })
      const retryMs = Number(headers['retry-after'] ?? 0) * 1000
      if (decision === 'refused') await pause(realClock, Math.max(20, Math.min(retryMs, untilMs - realClock.now())))
    }
    client.close()
  }
  await Promise.all(Array.from({ length: bots }, bot))
}
