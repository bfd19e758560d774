import { describe, expect, it } from 'vitest'
import { type CallRecord, OK } from '../../src/core/call.ts'
import { callFinished, type WeirEvent } from '../../src/core/events.ts'
import { createRecent } from '../../src/observe/recent.ts'
import { Ring } from '../../src/observe/ring.ts'
import { anAutopsy } from '../support/autopsy.ts'
import { SECRET, sampleCall, sampleClock } from './samples.ts'

const finished = (record: Partial<CallRecord>): WeirEvent => callFinished(sampleCall(record), 200, 10)

describe('the recent past', () => {
  it('keeps the last 500 calls and forgets older ones', () => {
    const recent = createRecent(sampleClock())
    for (let cost = 0; cost < 501; cost += 1) recent.observer(finished({ cost }))
    expect(recent.calls()).toHaveLength(500)
    expect(recent.calls()[0]?.cost).toBe(1)
    expect(recent.calls(2).map(({ cost }) => cost)).toEqual([499, 500])
  })

  it('keeps nothing of what the bot sent but its method, host and name', () => {
    const recent = createRecent(sampleClock())
    recent.observer(finished({ decision: 'failed', thrown: new Error(SECRET) }))
    const kept = JSON.stringify(recent.calls())
    expect(kept).toContain('grid-bot')
    expect(kept).not.toContain(SECRET)
    expect(kept).not.toContain('/0/private')
  })

  it('keeps what was known of a refusal that weir had not foreseen', () => {
    const recent = createRecent(sampleClock())
    recent.observer({
      type: 'limit.violated',
      exchange: 'kraken',
      bucket: 'kraken.private',
      call: sampleCall({ class: 'kraken.history', credential: 'a1b2' }),
      verdict: { ...OK, kind: 'throttled', reason: 'EAPI:Rate limit exceeded' },
      autopsy: anAutopsy({ share: 0.64, waitedMs: 7, cause: 'unexplained' }),
    })
    expect(recent.violations()).toEqual([
      {
        atWallMs: 1_700_000_000_000,
        exchange: 'kraken',
        bucket: 'kraken.private',
        class: 'kraken.history',
        credential: 'a1b2',
        bot: 'grid-bot',
        call: 'call-1',
        reason: 'EAPI:Rate limit exceeded',
        believed: 4,
        inFlight: 0,
        cost: 1,
        capacity: 15,
        effectiveShare: 0.64,
        grantedAtWallMs: 1_700_000_000_000,
        waitedMs: 7,
        roundTripMs: 80,
        sinceStartMs: 3_600_000,
        cause: 'unexplained',
      },
    ])
  })

  it('tells listeners until they have heard enough', () => {
    const recent = createRecent(sampleClock())
    const heard: string[] = []
    const stop = recent.subscribe(({ type }) => heard.push(type))
    recent.observer({ type: 'rules.replaced', source: 'limits.yaml' })
    recent.observer(finished({}))
    stop()
    recent.observer({ type: 'rules.replaced', source: 'limits.yaml' })
    recent.observer(finished({}))
    expect(heard).toEqual(['rules', 'call'])
    expect(recent.calls()).toHaveLength(2)
  })
})

describe('a ring', () => {
  it('lists oldest first, before and after it is full', () => {
    const ring = new Ring<number>(3)
    expect(ring.list()).toEqual([])
    for (const item of [1, 2]) ring.push(item)
    expect(ring.list()).toEqual([1, 2])
    for (const item of [3, 4, 5]) ring.push(item)
    expect(ring.list()).toEqual([3, 4, 5])
    expect([ring.list(1), ring.list(0)]).toEqual([[5], []])
  })
})
