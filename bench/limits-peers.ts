// Three limiters that bots use today, run for real, each set up as somebody would who knows it and the exchange well: one
// limiter for each counter (no call of the mixes spends from two, so none needs a chain), with the full burst, but for a
// margin: calls leave in order and may arrive 0.2 s out of step.

import Bottleneck from 'bottleneck'
import ccxt from 'ccxt'
import PQueue from 'p-queue'
import type { KrakenTier } from '../test/support/exchange/kraken-limits.ts'
import type { Errand } from '../test/support/virtual/errands.ts'
import { type Limit, limitOf } from '../test/support/virtual/exchange.ts'
import type { Mix } from '../test/support/virtual/mixes.ts'

/** Does the work when the limiter lets it. */
export type Limiter = <T>(errand: Errand, work: () => Promise<T>) => Promise<T>

export interface Peer {
  readonly name: string
  readonly open: (mix: Mix) => Limiter
}

/** ccxt's own throttler with its own prices: one queue for one exchange object, whatever the tier. */
const ccxtThrottler: Peer = {
  name: 'ccxt',
  open: (mix) => {
    const exchange = new ccxt[mix.ccxt]()
    return async ({ ccxt: path }, work) => {
      const config = path.reduce((node, name) => node[name] as Tree, exchange.api as Tree)
      await exchange.throttle(exchange.calculateRateLimiterCost('', '', path.at(-1) ?? '', {}, config))
      return work()
    }
  },
}

type Tree = { readonly [name: string]: unknown }

const MARGIN_MS = 200

/**
 * Bottleneck with a reservoir that grows: as much as the counter holds, filled up as fast as it decays, weight = cost. The
 * interval must be a multiple of 250 ms; the smallest is taken at which the reservoir grows by whole units (README,
 * "Increase Interval"). For a window: refilled whole, once a window ("Refresh Interval").
 */
const bottleneck: Peer = {
  name: 'Bottleneck',
  open: ({ tier }) => {
    const limiterOf = perCounter(tier, (limit) => new Bottleneck(reservoirOf(limit)))
    return (errand, work) => limiterOf(errand.counter).schedule({ weight: errand.cost }, work)
  },
}

const reservoirOf = (limit: Limit): Bottleneck.ConstructorOptions => {
  if ('limit' in limit) {
    const everyMs = Math.ceil((limit.everyMs + MARGIN_MS) / 250) * 250
    return { reservoir: limit.limit, reservoirRefreshAmount: limit.limit, reservoirRefreshInterval: everyMs }
  }
  const { perSecond } = limit
  const unitsIn = (ms: number) => (perSecond * ms) / 1000
  const whole = (ms: number) => unitsIn(ms) > 0.5 && Math.abs(unitsIn(ms) - Math.round(unitsIn(ms))) < 1e-9
  const ticks = Array.from({ length: 16 }, (_, index) => (index + 1) * 250)
  // 0.33 per second grows by whole units in none of them: one unit, a little late.
  const everyMs = ticks.find(whole) ?? Math.ceil(4 / perSecond) * 250
  return {
    reservoir: held(limit),
    reservoirIncreaseAmount: Math.floor(unitsIn(everyMs) + 1e-9),
    reservoirIncreaseInterval: everyMs,
    reservoirIncreaseMaximum: held(limit),
  }
}

/**
 * p-queue with `strict`: no more than the counter holds in the time in which it empties. It knows no costs: a call that
 * costs two takes two turns, and one of them may already belong to the next interval: two units of margin more.
 */
const pQueue: Peer = {
  name: 'p-queue',
  open: ({ tier }) => {
    const queueOf = perCounter(tier, (limit, counter) => {
      if ('limit' in limit) {
        return new PQueue({ intervalCap: limit.limit, interval: limit.everyMs + MARGIN_MS, strict: true })
      }
      const intervalCap = held(limit) - (counter.startsWith('kraken.private') ? 2 : 0)
      return new PQueue({ intervalCap, interval: Math.ceil((intervalCap / limit.perSecond) * 1000), strict: true })
    })
    return async ({ counter, cost }, work) => {
      const queue = queueOf(counter)
      for (let turn = 1; turn < cost; turn += 1) await queue.add(async () => {})
      return queue.add(work, { priority: cost - 1 })
    }
  },
}

/** Of a burst, all but what decays while a call is late. */
const held = ({ capacity, perSecond }: Extract<Limit, { readonly capacity: number }>): number =>
  capacity - Math.ceil((perSecond * MARGIN_MS) / 1000)

export const PEERS: readonly Peer[] = [ccxtThrottler, bottleneck, pQueue]

const perCounter = <T>(tier: KrakenTier, make: (limit: Limit, counter: string) => T): ((counter: string) => T) => {
  const known = new Map<string, T>()
  return (counter) => {
    const limiter = known.get(counter) ?? make(limitOf(counter, tier), counter)
    known.set(counter, limiter)
    return limiter
  }
}
