import { beforeEach, describe, expect, it } from 'vitest'
import { Strikes } from '../../src/limit/strikes.ts'
import { FakeClock } from '../support/fake-clock.ts'
import { bucketRule, takeFrom } from './rules.ts'

const take = takeFrom(bucketRule(10, 1))
let clock: FakeClock
let strikes: Strikes

beforeEach(() => {
  clock = new FakeClock()
  strikes = new Strikes(clock)
})

describe('a bucket that the exchange refused', () => {
  it("rests for its rule's recovery time", () => {
    expect(strikes.pauseMs(take)).toBe(5_000)
  })

  it('rests twice as long with each repeat, and never longer than 15 minutes', () => {
    const rests = Array.from({ length: 10 }, () => {
      const rest = strikes.pauseMs(take)
      clock.advance(rest)
      return rest / 1_000
    })
    expect(rests).toEqual([5, 10, 20, 40, 80, 160, 320, 640, 900, 900])
  })

  it('is forgiven after ten rests without a refusal', () => {
    strikes.pauseMs(take)
    clock.advance(49_999)
    expect(strikes.pauseMs(take)).toBe(10_000)
    clock.advance(100_000)
    expect(strikes.pauseMs(take)).toBe(5_000)
  })

  it('does not make another one rest longer', () => {
    strikes.pauseMs(take)
    expect(strikes.pauseMs({ ...take, key: '{test}other' })).toBe(5_000)
  })
})
