import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { Bucket } from '../../src/limit/bucket.ts'
import { CLOCK_GRAIN_MS } from '../../src/limit/meter.ts'
import { bucketRule } from './rules.ts'

const rule = bucketRule(15, 0.33)

describe('a token bucket', () => {
  it('starts full and serves exactly its capacity at once', () => {
    const bucket = new Bucket(rule, 0)
    for (let call = 0; call < 15; call += 1) {
      expect(bucket.wait(1, 0)).toBe(0)
      bucket.reserve(1)
    }
    expect(bucket.wait(1, 0)).toBeGreaterThan(0)
  })

  it('may start with a share of its capacity', () => {
    expect(new Bucket(rule, 0, 0.5).available(0)).toBe(7.5)
  })

  it('says exactly when a cost will fit', () => {
    const bucket = new Bucket(rule, 0, 0)
    const wait = bucket.wait(4, 0)
    expect(wait).toBeCloseTo(4 / 0.00033, 6)
    expect(bucket.wait(4, wait - 1)).toBeGreaterThan(0)
    expect(bucket.wait(4, wait)).toBe(0)
  })

  it('holds what is in flight, and starts to refill it only once it is settled', () => {
    const bucket = new Bucket(bucketRule(1, 1), 0)
    bucket.reserve(1)
    expect(bucket.available(60_000)).toBe(0)
    bucket.settle(1, 60_000)
    expect(bucket.available(60_000 + CLOCK_GRAIN_MS + 500)).toBeCloseTo(0.5)
  })

  it('gives back what never left', () => {
    const bucket = new Bucket(bucketRule(1, 1), 0)
    bucket.reserve(1)
    bucket.release(1)
    expect(bucket.wait(1, 0)).toBe(0)
  })

  it('goes into debt for charges that are not held, and works it off', () => {
    const bucket = new Bucket(bucketRule(60, 1), 0)
    bucket.reserve(80)
    bucket.settle(80, 0)
    expect(bucket.available(CLOCK_GRAIN_MS)).toBe(-20)
    expect(bucket.wait(1, CLOCK_GRAIN_MS)).toBeCloseTo(21_000)
  })

  it('never holds more than its capacity, however long it rests', () => {
    expect(new Bucket(rule, 0).available(1e12)).toBe(15)
  })

  it('when drained is empty and closed for the time told, never for less than before', () => {
    const bucket = new Bucket(rule, 0)
    bucket.drain(5_000, 0)
    bucket.drain(2_000, 0)
    expect(bucket.available(0)).toBe(0)
    expect(bucket.wait(0.1, 0)).toBe(5_000)
    expect(bucket.closedUntil).toBe(5_000)
  })

  it('when drained while in debt stays in debt', () => {
    const bucket = new Bucket(rule, 0)
    bucket.reserve(20)
    bucket.settle(20, 0)
    bucket.drain(1_000, 0)
    expect(bucket.available(0)).toBeLessThan(-4.9)
  })

  it('is idle only when forgetting it would lose nothing', () => {
    const bucket = new Bucket(bucketRule(2, 1), 0)
    expect(bucket.idle(0)).toBe(true)
    bucket.reserve(1)
    expect(bucket.idle(0)).toBe(false)
    bucket.settle(1, 0)
    expect(bucket.idle(900)).toBe(false)
    expect(bucket.idle(1_100)).toBe(true)
    bucket.drain(60_000, 1_100)
    expect(bucket.idle(30_000)).toBe(false)
  })

  it('is full again when it said it would be', () => {
    const bucket = new Bucket(bucketRule(10, 2), 0)
    bucket.reserve(6)
    bucket.settle(6, 0)
    expect(bucket.fullIn(CLOCK_GRAIN_MS)).toBeCloseTo(3_000)
    expect(bucket.available(CLOCK_GRAIN_MS + 3_000)).toBeCloseTo(10)
  })

  // limits.yaml was edited while weir was stopped: 10 of 20 spent became 5 of 15 spent, and the exchange knew better.
  it.each([
    [20, 10, 15, 5],
    [15, 5, 20, 10],
    [20, 2, 15, -3],
  ])('of %i with %i left comes back as one of %i with %i left', (before, left, after, expected) => {
    const bucket = new Bucket(bucketRule(before, 1), 0, left / before)
    const again = Bucket.restore(bucketRule(after, 1), bucket.snapshot(0), 0, 0)
    expect(again.available(0)).toBeCloseTo(expected)
  })

  it('comes back from a snapshot with never more than it had, plus what time gave', () => {
    const act = fc.record({
      act: fc.constantFrom('reserve', 'settle', 'release', 'drain'),
      cost: fc.integer({ min: 1, max: 8 }),
      afterMs: fc.integer({ min: 0, max: 20_000 }),
    })
    fc.assert(
      fc.property(fc.array(act, { maxLength: 20 }), fc.integer({ min: 0, max: 100_000 }), (acts, elapsed) => {
        const bucket = new Bucket(rule, 0)
        let now = 0
        for (const { act: name, cost, afterMs } of acts) {
          now += afterMs
          if (name === 'reserve') bucket.reserve(cost)
          else if (name === 'drain') bucket.drain(now + cost * 1_000, now)
          else if (bucket.inFlight >= cost) bucket[name as 'settle' | 'release'](cost, now)
        }
        const before = { level: bucket.available(now), wait: bucket.wait(1, now), inFlight: bucket.inFlight }
        const again = Bucket.restore(rule, bucket.snapshot(now), elapsed, 1_000_000)
        expect(again.available(1_000_000)).toBeLessThanOrEqual(
          Math.min(15 - before.inFlight, before.level + elapsed * rule.refill) + 0.002,
        )
        if (before.inFlight === 0) expect(again.wait(1, 1_000_000)).toBeGreaterThanOrEqual(before.wait - elapsed - 3)
      }),
    )
  })
})
