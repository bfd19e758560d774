// The judge's own arithmetic, in virtual time: each counter refuses exactly the first call over its limit.

import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { DecayingCounter, LazyFillBucket, SlidingLog } from './exchange/counters.ts'
import { ENGINE_TIERS, EngineCounters, engineCost } from './exchange/engine.ts'
import { PRIVATE_TIERS, privateCost } from './exchange/kraken-limits.ts'

/** How many calls of that cost pass at one instant before the first refusal. */
function burst(counter: { arrive(cost: number, atMs: number): { ok: boolean } }, cost = 1, atMs = 0): number {
  let served = 0
  while (counter.arrive(cost, atMs).ok) served += 1
  return served
}

describe('a decaying counter', () => {
  it.each([
    ['starter', 15, 3],
    ['intermediate', 20, 5],
    ['pro', 20, 5],
  ] as const)('serves %s exactly %i calls of cost 1, or %i of cost 4', (tier, ones, fours) => {
    expect(burst(new DecayingCounter(PRIVATE_TIERS[tier]))).toBe(ones)
    expect(burst(new DecayingCounter(PRIVATE_TIERS[tier]), 4)).toBe(fours)
  })

  it('has room for the next call at the very millisecond at which its cost has decayed, and not before', () => {
    const full = () => {
      const counter = new DecayingCounter(PRIVATE_TIERS.intermediate)
      burst(counter)
      return counter
    }
    expect(full().arrive(1, 1999).ok).toBe(false)
    expect(full().arrive(1, 2000).ok).toBe(true)
  })

  it('never falls below zero: a long rest is worth no more than a full burst', () => {
    const counter = new DecayingCounter(PRIVATE_TIERS.starter)
    expect(counter.levelAt(3_600_000)).toBe(0)
    expect(burst(counter, 1, 3_600_000)).toBe(15)
  })

  it('forgets refused calls, unless refusals are told to cost', () => {
    const lenient = new DecayingCounter({ max: 2, decayPerSecond: 1 })
    const strict = new DecayingCounter({ max: 2, decayPerSecond: 1, chargeRefused: true })
    for (const counter of [lenient, strict]) for (let call = 0; call < 5; call += 1) counter.arrive(1, 0)
    expect(lenient.levelAt(0)).toBe(2)
    expect(strict.levelAt(0)).toBe(5)
  })

  it('accrues a batch cancel only up to the maximum', () => {
    const counter = new DecayingCounter({ max: 60, decayPerSecond: 1 })
    expect(counter.accrue(200, 0)).toEqual({ ok: true, level: 60 })
  })

  it('counts what it may not refuse in full, also above the maximum', () => {
    const counter = new DecayingCounter({ max: 10, decayPerSecond: 1 })
    burst(counter)
    expect(counter.charge(8, 0)).toEqual({ ok: true, level: 18 })
    expect(counter.arrive(1, 8999).ok).toBe(false)
    expect(counter.arrive(1, 9000).ok).toBe(true)
  })

  it('serves over any stretch at most the maximum plus what decays in it', () => {
    const gaps = fc.array(fc.integer({ min: 0, max: 4000 }), { maxLength: 200 })
    fc.assert(
      fc.property(gaps, (pauses) => {
        const counter = new DecayingCounter(PRIVATE_TIERS.starter)
        let atMs = 0
        const served = pauses.flatMap((pause) => {
          atMs += pause
          return counter.arrive(1, atMs).ok ? [atMs] : []
        })
        served.forEach((from, first) => {
          served.slice(first).forEach((to, more) => {
            expect(more + 1).toBeLessThanOrEqual(15 + (0.33 * (to - from)) / 1000 + 1e-6)
          })
        })
      }),
      { numRuns: 50 },
    )
  })
})

describe('a lazy-fill bucket', () => {
  it('starts full and serves its burst, then one call per refilled token', () => {
    const bucket = new LazyFillBucket({ capacity: 15, refillPerSecond: 10 })
    expect(burst(bucket)).toBe(15)
    expect(bucket.arrive(1, 99).ok).toBe(false)
    expect(bucket.arrive(1, 100).ok).toBe(true)
    expect(bucket.arrive(1, 100).ok).toBe(false)
  })

  it('does not fill beyond its capacity', () => {
    const bucket = new LazyFillBucket({ capacity: 30, refillPerSecond: 15 })
    burst(bucket)
    expect(burst(bucket, 1, 60_000)).toBe(30)
  })
})

describe('a sliding log', () => {
  it('refuses call 31 of a second, and frees a place when the oldest is exactly one second old', () => {
    const log = new SlidingLog({ max: 30, windowMs: 1000 })
    expect(burst(log)).toBe(30)
    expect(log.resetMs(400)).toBe(600)
    expect(log.arrive(1, 999).ok).toBe(false)
    expect(log.arrive(1, 1000).ok).toBe(true)
  })

  it('holds no matter where the window begins', () => {
    const gaps = fc.array(fc.integer({ min: 0, max: 300 }), { maxLength: 300 })
    fc.assert(
      fc.property(gaps, (pauses) => {
        const log = new SlidingLog({ max: 10, windowMs: 1000 })
        let atMs = 0
        const served = pauses.flatMap((pause) => {
          atMs += pause
          return log.arrive(1, atMs).ok ? [atMs] : []
        })
        for (const from of served) {
          expect(served.filter((at) => at >= from && at < from + 1000).length).toBeLessThanOrEqual(10)
        }
      }),
      { numRuns: 50 },
    )
  })

  it('stays small however long it runs', () => {
    const log = new SlidingLog({ max: 5, windowMs: 10 })
    let served = 0
    for (let atMs = 0; atMs < 100_000; atMs += 2) served += log.arrive(1, atMs).ok ? 1 : 0
    expect(served).toBe(50_000)
    expect(log.arrive(1, 100_000)).toEqual({ ok: true, level: 5 })
  })
})

describe('the engine counters', () => {
  it.each([
    [0, 4, 7, 8],
    [4_999, 4, 7, 8],
    [5_000, 3, 6, 6],
    [10_000, 2, 5, 5],
    [15_000, 1, 3, 4],
    [44_999, 1, 3, 4],
    [45_000, 1, 2, 2],
    [90_000, 1, 1, 1],
    [300_000, 1, 1, 0],
  ])('price an order %i ms old: amend %i, edit %i, cancel %i', (ageMs, amend, edit, cancel) => {
    expect([engineCost('amend', ageMs), engineCost('edit', ageMs), engineCost('cancel', ageMs)]).toEqual([
      amend,
      edit,
      cancel,
    ])
  })

  it('follow the worked example of the exchange: add, amend after 7 s, cancel 36 s later is 8 in all', () => {
    const frozen = { ...ENGINE_TIERS.starter, decayPerSecond: 0 }
    const engine = new EngineCounters(() => frozen)
    engine.add('me', 'XXBTZUSD', 0)
    engine.touch('amend', 'me', 'XXBTZUSD', 7_000, 7_000)
    engine.touch('cancel', 'me', 'XXBTZUSD', 36_000, 43_000)
    expect(engine.levelAt('me', 'XXBTZUSD', 43_000)).toBe(8)
  })

  it.each(['starter', 'intermediate', 'pro'] as const)(
    'serve %s exactly its threshold of adds, per account and pair',
    (tier) => {
      const engine = new EngineCounters(() => ENGINE_TIERS[tier])
      const adds = (account: string, pair: string) =>
        burst({ arrive: (_cost, atMs) => engine.add(account, pair, atMs) })
      expect(adds('me', 'XXBTZUSD')).toBe(ENGINE_TIERS[tier].max)
      expect(adds('me', 'XETHZUSD')).toBe(ENGINE_TIERS[tier].max)
      expect(adds('you', 'XXBTZUSD')).toBe(ENGINE_TIERS[tier].max)
    },
  )

  it('accept a batch cancel over the maximum and stay at the maximum', () => {
    const engine = new EngineCounters(() => ENGINE_TIERS.starter)
    const ruling = engine.cancelMany('me', 'XXBTZUSD', Array<number>(50).fill(0), 0)
    expect(ruling).toEqual({ ok: true, level: 60 })
    expect(engine.add('me', 'XXBTZUSD', 0).ok).toBe(false)
  })
})

describe('the costs of private calls', () => {
  it('are the higher ones of two readings unless told', () => {
    const both = (method: string) => [privateCost(method, 'documented'), privateCost(method, 'conservative')]
    expect(both('Ledgers')).toEqual([2, 4])
    expect(both('ClosedOrders')).toEqual([1, 4])
    expect(both('OpenOrders')).toEqual([1, 2])
    expect(both('Balance')).toEqual([1, 1])
    expect(both('AddOrder')).toEqual([0, 0])
    expect(both('NeverHeardOf')).toEqual([1, 1])
  })
})
