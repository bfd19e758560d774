import { describe, expect, it } from 'vitest'
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
