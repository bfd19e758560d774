import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { VirtualClock } from '../../src/plan/virtual-clock.ts'

describe('virtual time', () => {
  it('fires timers in order of their moments, and those of one moment in the order in which they were set', () => {
    fc.assert(
      fc.property(
        fc.array(fc.record({ delay: fc.integer({ min: 1, max: 20 }), cancelled: fc.boolean() })),
        (timers) => {
          const clock = new VirtualClock()
          const fired: [number, number][] = []
          for (const [turn, { delay, cancelled }] of timers.entries()) {
            const timer = clock.after(delay, () => fired.push([clock.now(), turn]))
            if (cancelled) timer.cancel()
          }
          while (clock.step());
          const wanted = [...timers.entries()].filter(([, { cancelled }]) => !cancelled)
          const inOrder = wanted.toSorted(([a, one], [b, other]) => one.delay - other.delay || a - b)
          expect(fired).toEqual(inOrder.map(([turn, { delay }]) => [delay, turn]))
        },
      ),
    )
  })

  it('moves on even when a delay is too small to count', () => {
    const clock = new VirtualClock()
    clock.moveTo(1e9)
    let left = 3
    const again = (): void => void (left-- > 0 && clock.after(1e-12, again))
    again()
    while (clock.step());
    expect(clock.now()).toBeGreaterThan(1e9)
    expect(clock.next).toBeUndefined()
  })
})
