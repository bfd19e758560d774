import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { CLOCK_GRAIN_MS } from '../../src/limit/meter.ts'
import { Window } from '../../src/limit/window.ts'
import { windowRule } from './rules.ts'

/** Coinbase Advanced Trade: 30 per second. A slot is 2 ms. */
const rule = windowRule(30, 1_000)
const SLOT_MS = 2

const spent = (window: Window, cost: number, now: number): void => {
  window.reserve(cost)
  window.settle(cost, now)
}

describe('a sliding window', () => {
  it('serves its limit at once, and the next call a window later', () => {
    const window = new Window(rule, 0)
    for (let call = 0; call < 30; call += 1) {
      expect(window.wait(1, 0)).toBe(0)
      spent(window, 1, 0)
    }
    const wait = window.wait(1, 0)
    expect(wait).toBeGreaterThanOrEqual(1_000)
    expect(wait).toBeLessThanOrEqual(1_000 + CLOCK_GRAIN_MS + SLOT_MS)
    expect(window.wait(1, wait)).toBe(0)
  })

  it('frees a place as much sooner as the operator is sure that a call and its answer need', () => {
    const window = new Window({ ...rule, shortestRoundTripMs: 80 }, 0)
    spent(window, 30, 100)
    const wait = window.wait(1, 100)
    expect(wait).toBeGreaterThanOrEqual(1_000 - 80)
    expect(wait).toBeLessThanOrEqual(1_000 - 80 + CLOCK_GRAIN_MS + SLOT_MS)
  })

  it('frees what was spent in the order in which it was spent', () => {
    const window = new Window(rule, 0)
    spent(window, 10, 0)
    spent(window, 20, 500)
    const [ten, eleven] = [10, 11].map((cost) => window.wait(cost, 600))
    expect(ten).toBeGreaterThanOrEqual(400)
    expect(ten).toBeLessThan(410)
    expect(eleven).toBeGreaterThanOrEqual(900)
    expect(eleven).toBeLessThan(910)
  })

  it('holds what is in flight for as long as that lasts', () => {
    const window = new Window(rule, 0)
    window.reserve(30)
    expect(window.available(60_000)).toBe(0)
    expect(window.wait(1, 60_000)).toBe(1_000)
    window.release(30)
    expect(window.wait(1, 60_000)).toBe(0)
  })

  it('may start with a share of its limit, and has all of it a window later', () => {
    const window = new Window(rule, 0, 0.5)
    expect(window.available(0)).toBe(15)
    expect(window.available(1_000 + SLOT_MS)).toBe(30)
  })

  it('is closed for the time told when drained', () => {
    const window = new Window(rule, 0)
    window.drain(5_000, 0)
    expect(window.wait(1, 0)).toBe(5_000)
    expect(window.wait(1, 5_000)).toBe(0)
  })

  it('takes new numbers for what has been spent already', () => {
    const window = new Window(rule, 0)
    spent(window, 20, 0)
    window.retune(windowRule(10, 1_000))
    expect(window.available(10)).toBe(-10)
    window.retune(windowRule(40, 1_000))
    expect(window.available(10)).toBe(20)
  })

  it('foretells how long a whole queue would take', () => {
    const window = new Window(rule, 0)
    spent(window, 30, 0)
    const wait = window.wait(90, 0)
    expect(wait).toBeGreaterThanOrEqual(3_000)
    expect(wait).toBeLessThanOrEqual(3_010)
  })

  it('remembers a bounded number of slots, however many calls there were', () => {
    const window = new Window(windowRule(1e9, 3_600_000), 0)
    for (let now = 0; now < 3_600_000; now += 100) spent(window, 1, now)
    expect(window.snapshot(3_600_000).spent.length).toBeLessThanOrEqual(502)
  })

  it('never holds more than its limit in any window, wherever that begins', () => {
    const gaps = fc.array(fc.integer({ min: 0, max: 300 }), { maxLength: 80 })
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 8 }), gaps, (limit, list) => {
        const window = new Window(windowRule(limit, 1_000), 0)
        const served: number[] = []
        let now = 0
        for (const gap of list) {
          now += gap
          if (window.wait(1, now) > 0) continue
          spent(window, 1, now)
          served.push(now)
        }
        for (const [index, at] of served.entries()) {
          const next = served[index + limit]
          if (next !== undefined) expect(next - at).toBeGreaterThanOrEqual(1_000)
        }
      }),
    )
  })

  it('comes back from a snapshot with what was spent and in flight, dated as it was', () => {
    const window = new Window(rule, 0)
    spent(window, 10, 0)
    spent(window, 5, 600)
    window.reserve(3)
    const again = Window.restore(rule, window.snapshot(700), 100, 50_000)
    expect(again.available(50_000)).toBe(30 - 18)
    // 800 ms after the first ten were spent: they come back in 200.
    expect(again.available(50_000 + 200 + CLOCK_GRAIN_MS + 2 * SLOT_MS)).toBe(30 - 8)
    // What was in flight stays so: it may yet arrive at the exchange.
    expect(again.available(50_000 + 1_000)).toBe(27)
  })
})
