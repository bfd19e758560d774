import { beforeEach, describe, expect, it } from 'vitest'
import { Counter } from '../../src/limit/shared/counter.ts'
import { bucketRule, takeFrom } from './rules.ts'

const rule = bucketRule(10, 1)
const reserving = { ...takeFrom(rule), keep: 6 }

/** A counter that was told of a part of its bucket, with so much free in it. */
const told = (part: number, free: number): Counter => {
  const counter = new Counter('{test}bucket', rule, 0)
  counter.confirm(counter.word(false, 0), { free, promise: 0, held: 0, closed: 0, part, trust: 1 }, 0)
  return counter
}

describe('a counter that several weirs share', () => {
  // A weir that was cut off had half of the limit with it: of the other half, reads were told to leave the reserve of the whole.
  it('foretells no wait for a reserve that is with those who are away', () => {
    expect(told(0.5, 4).wait(reserving, 0)).toBe(0)
    expect(told(0.5, 3).wait(reserving, 0)).toBeCloseTo(2000)
    expect(told(1, 7).wait(reserving, 0)).toBe(0)
  })

  it('keeps its share of a reserve while it is alone', () => {
    const counter = told(1, 10)
    counter.confirm(counter.word(false, 0), { free: 10, promise: 8, held: 0, closed: 0, part: 1, trust: 1 }, 0)
    counter.alone(0.5, 0, 0, false)
    expect(counter.wait(reserving, 0)).toBe(0)
    counter.reserve(1, false, 0)
    expect(counter.wait(reserving, 0)).toBeGreaterThan(0)
  })
})

describe('what an exchange says of a bucket that several weirs share', () => {
  const open = { free: 10, promise: 0, held: 0, closed: 0, part: 1, trust: 1 }
  const shut = (closed: number) => ({ ...open, free: 0, closed })
  const closedFor = ({ meter }: Counter, now: number): number => meter.closedUntil - now

  let counter: Counter

  beforeEach(() => {
    counter = told(1, 10)
  })

  // A pause of a second was on its way when the exchange asked for one of a minute: neither the fleet nor this weir kept that.
  it('is told and kept also when it says more while that is on its way', () => {
    counter.drain(1000, 0, 0)
    const first = counter.word(false, 0)
    counter.close(60_000, 1)
    counter.confirm(first, shut(1000), 2)
    expect(closedFor(counter, 2)).toBe(59_999)
    const second = counter.word(false, 10)
    expect(second).toMatchObject({ gate: 59_991 })
    expect(second).not.toHaveProperty('empty')
    counter.confirm(second, shut(59_991), 20)
    expect(counter.word(false, 30)).not.toHaveProperty('gate')
    expect(counter.idle).toBe(true)
  })

  it('is told again when it says the same again meanwhile', () => {
    counter.drain(1000, 0, 0)
    counter.shrink(0)
    const first = counter.word(false, 0)
    counter.drain(1000, 0, 40)
    counter.shrink(40)
    counter.confirm(first, shut(1000), 41)
    expect(counter.word(false, 41)).toMatchObject({ gate: 999, empty: true, shrink: true })
  })

  it('is said until the store has heard it, and a pause for no longer than it lasts', () => {
    counter.drain(1000, 0, 0)
    counter.word(false, 0)
    expect(counter.word(false, 400)).toMatchObject({ gate: 600, empty: true })
    const late = counter.word(false, 1500)
    expect(late).toMatchObject({ empty: true })
    expect(late).not.toHaveProperty('gate')
    counter.confirm(late, open, 1500)
    expect(counter.idle).toBe(true)
  })

  it('holds to its end here when the store is back, and when the share is given up', () => {
    counter.alone(0.5, 0, 0, false)
    const word = counter.returning(0)
    counter.close(60_000, 1)
    counter.confirm(word, open, 2)
    counter.together(true)
    expect(closedFor(counter, 2)).toBe(59_999)
    counter.alone(0.5, 10, 10, false)
    counter.yield(20)
    expect(closedFor(counter, 20)).toBe(59_981)
  })
})
