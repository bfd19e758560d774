import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type Counter, DecayingCounter, LazyFillBucket, SlidingLog } from '../support/exchange/counters.ts'
import { seeded } from '../support/exchange/gate.ts'
import { bucketRule, takeFrom, windowRule } from './rules.ts'
import { idealMs, type Limit, type Load, type Network, simulate } from './simulation.ts'

/** Kraken's and Coinbase's shapes, and everything between: capacity 1 to 60, 0.2 to 30 per second. */
const aBucket = fc.record({
  capacity: fc.integer({ min: 1, max: 60 }),
  perSecond: fc.double({ min: 0.2, max: 30, noNaN: true }),
})
const seeds = fc.integer({ min: 1, max: 2 ** 30 })

describe('weir against an exact limiter', () => {
  it('never violates a limit, whatever the buckets, costs, jitter, reordering and stalls', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(aBucket, { minLength: 1, maxLength: 3 }),
        seeds,
        fc.constantFrom(0, 5, 50, 200, 1000),
        fc.boolean(),
        async (buckets, seed, jitterMs, stalls) => {
          const chance = seeded(seed)
          const limits = buckets.map(({ capacity, perSecond }, index) => lazyFill(capacity, perSecond, index))
          const load = someLoad(
            chance,
            buckets.map(({ capacity }) => capacity),
            60,
          )
          const network = aNetwork(chance, jitterMs, stalls ? { fromMs: 1000, toMs: 4000 } : undefined)
          const outcome = await simulate(limits, load, network)
          expect(outcome).toMatchObject({ violations: 0, served: load.length, refused: 0 })
        },
      ),
      { numRuns: 150 },
    )
  })

  it('never violates a counter that decays in steps, with a margin of one', async () => {
    // "Reduced every couple of seconds" says Kraken; an older page of it: by one every three.
    await fc.assert(
      fc.asyncProperty(seeds, fc.constantFrom(1000, 2000, 3000), fc.nat(3000), async (seed, stepMs, phaseMs) => {
        const chance = seeded(seed)
        const perSecond = 0.33
        let level = 0
        let steps = 0
        const counter: Counter = {
          arrive: (cost, atMs) => {
            const due = Math.floor((atMs + (phaseMs % stepMs)) / stepMs)
            level = Math.max(0, level - ((due - steps) * stepMs * perSecond) / 1000)
            steps = due
            const ok = level + cost <= 15 + 1e-9
            if (ok) level += cost
            return { ok, level }
          },
        }
        const rule = { ...bucketRule(15, perSecond), margin: 1 }
        const outcome = await simulate(
          [{ take: takeFrom(rule), counter }],
          someLoad(chance, [15], 60),
          aNetwork(chance, 50),
        )
        expect(outcome).toMatchObject({ violations: 0, served: 60 })
      }),
      { numRuns: 80 },
    )
  })

  it('never violates a window, wherever it begins', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 1, max: 40 }),
        fc.constantFrom(1000, 10_000),
        seeds,
        fc.constantFrom(0, 20, 300),
        async (limit, everyMs, seed, jitterMs) => {
          const chance = seeded(seed)
          const rule = windowRule(limit, everyMs)
          const counter = new SlidingLog({ max: limit, windowMs: everyMs })
          const load = someLoad(chance, [limit], 80)
          const outcome = await simulate([{ take: takeFrom(rule), counter }], load, aNetwork(chance, jitterMs))
          expect(outcome).toMatchObject({ violations: 0, served: load.length })
        },
      ),
      { numRuns: 60 },
    )
  })

  const networks = [
    { name: 'a round trip of 80 ms', jitterMs: 5, least: 0.9 },
    { name: 'jitter of 200 ms', jitterMs: 200, least: 0.7 },
  ]
  for (const { name, jitterMs, least } of networks) {
    it(`uses at least ${least * 100} % of a window of 30 per second over ${name}, and violates nothing`, async () => {
      const counter = new SlidingLog({ max: 30, windowMs: 1000 })
      const load = backlog(1200, 5)
      const limits = [{ take: takeFrom(windowRule(30, 1000)), counter }]
      const outcome = await simulate(limits, load, aNetwork(seeded(3), jitterMs))
      expect(outcome.violations).toBe(0)
      expect(39_000 / outcome.lastAcceptedMs).toBeGreaterThanOrEqual(least)
    })
  }

  const shapes = [
    { name: 'Kraken private, starter', capacity: 15, perSecond: 0.33, calls: 100 },
    { name: 'Kraken engine, pro', capacity: 180, perSecond: 3.75, calls: 700 },
    { name: 'Coinbase Exchange public', capacity: 15, perSecond: 10, calls: 1500 },
    { name: 'Coinbase Exchange private', capacity: 30, perSecond: 15, calls: 1500 },
  ]
  const conditions = [
    { name: 'jitter of 50 ms', jitterMs: 50, least: 0.99 },
    { name: 'jitter of 200 ms', jitterMs: 200, least: 0.99 },
    { name: 'a stall of 3 s', jitterMs: 50, stall: { fromMs: 5000, toMs: 8000 }, least: 0.97 },
  ]
  for (const { name, capacity, perSecond, calls } of shapes) {
    for (const condition of conditions) {
      it(`uses at least ${condition.least * 100} % of ${name} with ${condition.name}, and violates nothing`, async () => {
        const chance = seeded(7)
        const counter = new DecayingCounter({ max: capacity, decayPerSecond: perSecond })
        const limits = [{ take: takeFrom(bucketRule(capacity, perSecond)), counter }]
        const load = backlog(calls, 5)
        const outcome = await simulate(limits, load, aNetwork(chance, condition.jitterMs, condition.stall))
        const ideal = idealMs([{ capacity, perMs: perSecond / 1000 }], load)
        expect(outcome.violations).toBe(0)
        expect(ideal / outcome.lastAcceptedMs).toBeGreaterThanOrEqual(condition.least)
      }, 60_000)
    }
  }
})

const lazyFill = (capacity: number, perSecond: number, index: number): Limit => ({
  take: takeFrom(bucketRule(capacity, perSecond, `bucket${index}`)),
  counter: new LazyFillBucket({ capacity, refillPerSecond: perSecond }),
})

/** All calls at once, from a few bots. */
const backlog = (calls: number, bots: number): Load[] =>
  Array.from({ length: calls }, (_, index) => ({ atMs: 0, bot: `bot${index % bots}`, costs: new Map([[0, 1]]) }))

/** Calls in bursts, each taking from one or several limits at random cost. */
const someLoad = (chance: () => number, capacities: readonly number[], calls: number): Load[] => {
  let atMs = 0
  return Array.from({ length: calls }, () => {
    if (chance() < 0.2) atMs += chance() * 3000
    const costs = new Map<number, number>()
    capacities.forEach((capacity, index) => {
      if (index === 0 || chance() < 0.5) costs.set(index, Math.min(capacity, 1 + Math.floor(chance() * 3)))
    })
    return { atMs, bot: `bot${Math.floor(chance() * 4)}`, costs }
  })
}

const aNetwork = (chance: () => number, jitterMs: number, stall?: { fromMs: number; toMs: number }): Network => ({
  baseMs: 40,
  // Mostly even, now and then the full jitter: connections that had to be opened anew.
  jitterMs: () => (chance() < 0.05 ? jitterMs : chance() * jitterMs),
  ...(stall === undefined ? {} : { stall }),
})
