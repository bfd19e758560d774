import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { WeirEvent } from '../../src/core/events.ts'
import { Backlog } from '../../src/limit/backlog.ts'

const line = (waiting: number) => ({ name: 'kraken.private', waiting: Array(waiting).fill(0) })

describe('the backlog', () => {
  it('admits up to its bounds of calls and bytes, and says when to come back beyond them', () => {
    const backlog = new Backlog(
      () => 100,
      () => {},
    )
    backlog.admit(line(0), 100, 2, 0)
    expect(() => backlog.admit(line(2), 0, 2, 1_500)).toThrow(
      expect.objectContaining({ code: 'queue_full', retryAfterMs: 1_500 }),
    )
    expect(() => backlog.admit(line(1), 1, 2, 700)).toThrow(
      expect.objectContaining({ code: 'queue_full', retryAfterMs: 700 }),
    )
    backlog.leave(100)
    expect(() => backlog.admit(line(1), 1, 2, 0)).not.toThrow()
  })

  it('follows a bound of bytes that was changed', () => {
    let most = 10
    const backlog = new Backlog(
      () => most,
      () => {},
    )
    expect(() => backlog.admit(line(0), 11, 9, 0)).toThrow()
    most = 11
    expect(() => backlog.admit(line(0), 11, 9, 0)).not.toThrow()
  })

  it.each([
    [1, [1]],
    [2, [2]],
    [5, [4, 5]],
    [10, [8, 10]],
    [1_000, [800, 1_000]],
  ])('tells at 80 % and when full, once each: %i', (capacity, at) => {
    const told: WeirEvent[] = []
    const backlog = new Backlog(
      () => 1e9,
      (event) => told.push(event),
    )
    for (let waiting = 0; waiting < capacity; waiting += 1) backlog.admit(line(waiting), 1, capacity, 0)
    expect(told.map((event) => event.type === 'lane.filled' && event.waiting)).toEqual(at)
    expect(told[0]).toMatchObject({ lane: 'kraken.private', capacity })
  })

  it('counts nothing for what it turned away', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 60 }), { maxLength: 30 }), (sizes) => {
        const backlog = new Backlog(
          () => 100,
          () => {},
        )
        const admitted: number[] = []
        for (const size of sizes) {
          try {
            backlog.admit(line(admitted.length), size, 8, 0)
            admitted.push(size)
          } catch {
            if (admitted.length > 4) backlog.leave(admitted.pop() ?? 0)
          }
          expect(backlog.bytes).toBe(admitted.reduce((sum, one) => sum + one, 0))
          expect(backlog.bytes).toBeLessThanOrEqual(100)
        }
      }),
    )
  })
})
