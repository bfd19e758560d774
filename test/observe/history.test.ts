import { describe, expect, it } from 'vitest'
import type { CallRecord } from '../../src/core/call.ts'
import { callFinished } from '../../src/core/events.ts'
import type { LimitView } from '../../src/core/views.ts'
import { History } from '../../src/observe/history.ts'
import { limitView } from '../admin/desk.ts'
import { FakeClock } from '../support/fake-clock.ts'
import { sampleCall } from './samples.ts'

const MINUTE_MS = 60_000
/** A full minute, so that steps begin where it does. */
const WALL = 1_700_000_040_000

const stage = (
  limits: () => readonly LimitView[] = () => [],
  past: { atWallMs: number; value: unknown }[] = [],
  wall = WALL,
) => {
  const clock = new FakeClock(0, wall)
  const saved: { atWallMs: number; value: unknown }[] = [...past]
  const journal = {
    load: () => saved,
    save: (atWallMs: number, value: unknown) => void saved.push({ atWallMs, value: JSON.parse(JSON.stringify(value)) }),
  }
  const troubles: string[] = []
  const history = new History({ clock, limits, journal, tell: ({ type }) => troubles.push(type) })
  history.start()
  const call = (record: Partial<CallRecord> = {}) =>
    history.observer(
      callFinished(
        sampleCall({ exchange: 'kraken', class: 'kraken.private', decision: 'forwarded', ...record }),
        200,
        1,
      ),
    )
  return { clock, history, saved, call, troubles }
}

describe('history', () => {
  it('tells what happened in each step of five seconds, by class and by exchange', () => {
    const { clock, history, call } = stage()
    clock.advance(5_000)
    call({ waitedMs: 120, upstreamMs: 50 })
    call({ class: 'kraken.public', upstreamMs: 20 })
    call({ class: 'kraken.public', decision: 'cached' })
    call({ class: 'kraken.public', decision: 'stale' })
    call({ decision: 'refused' })
    call({ decision: 'failed' })
    clock.advance(5_000)
    const { stepMs, atWallMs, series } = history.view('15m', undefined)
    expect([stepMs, atWallMs.length, atWallMs.at(-1)]).toEqual([5_000, 180, WALL + 5_000])
    const last = (name: string) =>
      Object.fromEntries(Object.entries(series[name] ?? {}).map(([field, column]) => [field, column.at(-1)]))
    expect(last('kraken')).toMatchObject({ calls: 6, refused: 1, failed: 1, waited: 1, fresh: 1, stale: 1 })
    expect(last('kraken.private')).toMatchObject({ calls: 3, refused: 1, failed: 1, waited: 1, fresh: 0, stale: 0 })
    expect(last('kraken').waitP50Ms).toBe(0)
    expect(last('kraken').waitP99Ms).toBeGreaterThanOrEqual(120)
    expect(last('kraken').waitP99Ms).toBeLessThan(120 * 1.34)
    expect(last('kraken.public').upstreamP99Ms).toBeGreaterThanOrEqual(20)
    expect(series.kraken?.calls.slice(-2)).toEqual([0, 6])
  })

  it('knows nothing of the time before it ran: that is no zero', () => {
    const { clock, history, call } = stage()
    call()
    clock.advance(10_000)
    expect(history.view('15m', undefined).series.kraken?.calls.slice(-3)).toEqual([null, 1, 0])
  })

  it('shows how full the fullest scope of each bucket was', () => {
    const levels = [limitView({ utilization: 0.2 }), limitView({ scope: 'other', utilization: 0.9 })]
    const { clock, history } = stage(() => levels)
    clock.advance(5_000)
    expect(history.view('15m', 'kraken').utilization['kraken.private']?.at(-1)).toBe(0.9)
    expect(history.view('15m', 'coinbase').utilization).toEqual({})
  })

  it('writes once per minute, and takes a day over from the last process', () => {
    const { clock, saved, call } = stage()
    for (let second = 0; second < 150; second += 1) {
      call({ waitedMs: second })
      clock.advance(1_000)
    }
    expect(saved.map(({ atWallMs }) => atWallMs)).toEqual([WALL, WALL + MINUTE_MS])
    const next = stage(() => [], saved, WALL + 3 * MINUTE_MS)
    next.clock.advance(3 * MINUTE_MS)
    const { series, atWallMs } = next.history.view('24h', 'kraken')
    expect(atWallMs).toHaveLength(1440)
    expect(series.kraken?.calls.slice(-7)).toEqual([null, 60, 60, null, 0, 0, 0])
  })

  it('reads what another process wrote as it was', () => {
    const { clock, saved, call, history } = stage()
    for (let second = 0; second < 60; second += 1) {
      call({ waitedMs: 500, upstreamMs: 30 })
      clock.advance(1_000)
    }
    const told = history.view('24h', undefined)
    const other = new History({
      clock,
      limits: () => [],
      journal: { load: () => saved, save: () => {} },
      tell: () => {},
    })
    expect(other.view('24h', undefined)).toEqual(told)
    expect(told.series.kraken?.calls.at(-1)).toBe(60)
  })

  it('keeps no more than a day', () => {
    const { clock, history, call } = stage()
    for (let minute = 0; minute < 1500; minute += 1) {
      call()
      clock.advance(MINUTE_MS)
    }
    const { calls } = history.view('24h', undefined).series.kraken ?? {}
    expect(calls?.every((count) => count === 1)).toBe(true)
    expect(history.view('15m', undefined).series.kraken?.calls).toHaveLength(180)
  })

  it('goes on after a step that could not be closed, and says so once', () => {
    let broken = true
    const levels = () => {
      if (broken) throw new Error('a mistake')
      return [limitView({ utilization: 0.9 })]
    }
    const { clock, history, call, troubles } = stage(levels)
    clock.advance(10_000)
    broken = false
    call()
    clock.advance(5_000)
    expect(troubles).toEqual(['observer.failed'])
    expect(history.view('15m', undefined).series.kraken?.calls.slice(-2)).toEqual([null, 1])
  })

  it('stops when told', () => {
    const { clock, history } = stage()
    history.stop()
    expect(clock.pending).toBe(0)
  })
})
