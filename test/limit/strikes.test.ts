import { beforeEach, describe, expect, it } from 'vitest'
import { Strikes } from '../../src/limit/strikes.ts'
import { FakeClock } from '../support/fake-clock.ts'
import { bucketRule, takeFrom } from './rules.ts'

const take = takeFrom(bucketRule(10, 1))
let clock: FakeClock
let strikes: Strikes
/** A refusal of a call that left just now. */
const rest = (of = take) => {
  clock.advance(1)
  return strikes.strike(of, clock.now(), 0).pauseMs
}

beforeEach(() => {
  clock = new FakeClock()
  strikes = new Strikes(clock)
})

describe('a bucket that the exchange refused', () => {
  it("rests for its rule's recovery time", () => {
    expect(rest()).toBe(5_000)
  })

  it('rests twice as long with each repeat, and never longer than 15 minutes', () => {
    const rests = Array.from({ length: 10 }, () => {
      const restMs = rest()
      clock.advance(restMs)
      return restMs / 1_000
    })
    expect(rests).toEqual([5, 10, 20, 40, 80, 160, 320, 640, 900, 900])
  })

  it('rests as long as the last time when calls pass in between, and is forgiven after ten rests', () => {
    rest()
    clock.advance(5_000)
    expect(rest()).toBe(10_000)
    clock.advance(10_000)
    strikes.passed([take], clock.now())
    expect(rest()).toBe(10_000)
    clock.advance(10_000)
    expect(rest()).toBe(20_000)
    clock.advance(200_001)
    expect(rest()).toBe(5_000)
  })

  it('learns nothing from a call that passed because it had left before', () => {
    const leftAt = clock.now()
    rest()
    strikes.passed([take], leftAt)
    clock.advance(5_000)
    expect(rest()).toBe(10_000)
  })

  it('does not make another one rest longer', () => {
    rest()
    expect(rest({ ...take, key: '{test}other' })).toBe(5_000)
  })

  // Five calls on the way, all refused: the bucket rested for 80 seconds for what was one mistake.
  it('rests once for all calls that had left before the refusal was known', () => {
    const leftAt = clock.now()
    clock.advance(80)
    expect(strikes.strike(take, leftAt, 5)).toMatchObject({ pauseMs: 5_000, fresh: true, previous: undefined })
    clock.advance(20)
    expect(strikes.strike(take, leftAt, 5)).toMatchObject({ pauseMs: 4_980, fresh: false })
    clock.advance(5_000)
    expect(strikes.strike(take, clock.now(), 8)).toEqual({
      pauseMs: 10_000,
      fresh: true,
      previous: { agoMs: 5_020, sent: 3 },
    })
  })
})
