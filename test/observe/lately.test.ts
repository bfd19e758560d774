import { describe, expect, it } from 'vitest'
import { type CallRecord, OK } from '../../src/core/call.ts'
import { callFinished, type WeirEvent } from '../../src/core/events.ts'
import { Lately } from '../../src/observe/lately.ts'
import { sampleCall, sampleClock } from './samples.ts'

const finished = (record: Partial<CallRecord>): WeirEvent =>
  callFinished(sampleCall({ exchange: 'kraken', ...record }), 200, 10)

describe('the last five minutes', () => {
  it('count what the exchange turned away, what weir refused, and what the cache spared', () => {
    const lately = new Lately(sampleClock())
    lately.observer(finished({ decision: 'forwarded', verdict: { ...OK, kind: 'throttled', reason: 'http 429' } }))
    lately.observer(finished({ decision: 'refused', error: 'limit_reached' }))
    lately.observer(finished({ decision: 'refused', error: 'circuit_open' }))
    lately.observer(finished({ decision: 'cached', cache: 'hit' }))
    lately.observer(finished({ decision: 'forwarded', cache: 'fwd=miss; stored', verdict: OK }))
    lately.observer(finished({ decision: 'forwarded', cache: 'fwd=bypass', verdict: OK }))
    lately.observer(finished({ decision: 'stale', cache: 'hit; ttl=-3' }))
    expect(lately.counts('kraken')).toEqual({
      calls: 7,
      refused: 2,
      limited: 1,
      throttled: 1,
      cacheHits: 2,
      stale: 1,
      cacheMisses: 1,
    })
    expect(lately.counts('coinbase').calls).toBe(0)
  })

  it('know how long the exchange takes, of calls that it answered', () => {
    const clock = sampleClock()
    const lately = new Lately(clock)
    for (const upstreamMs of [40, 40, 200]) lately.observer(finished({ decision: 'forwarded', upstreamMs }))
    lately.observer(finished({ decision: 'stale', upstreamMs: 9_000 }))
    lately.observer(finished({ exchange: 'coinbase', decision: 'forwarded', upstreamMs: 9_000 }))
    const { count, p50Ms = 0, p99Ms = 0 } = lately.upstream('kraken')
    expect(count).toBe(3)
    expect(p50Ms).toBeGreaterThanOrEqual(40)
    expect(p50Ms).toBeLessThan(40 * 1.4)
    expect(p99Ms).toBeGreaterThanOrEqual(200)
    expect(p99Ms).toBeLessThan(200 * 1.4)
    clock.at = 300_000
    expect(lately.upstream('kraken')).toMatchObject({ count: 0, p50Ms: undefined })
  })

  it('forget what is older, also when nothing came after it', () => {
    const clock = sampleClock()
    const lately = new Lately(clock)
    lately.observer(finished({}))
    clock.at = 289_000
    lately.observer(finished({ exchange: 'coinbase' }))
    expect(lately.counts(undefined).calls).toBe(2)
    clock.at = 300_000
    expect(lately.counts(undefined).calls).toBe(1)
    clock.at = 3_000_000
    expect(lately.counts(undefined).calls).toBe(0)
  })

  it('reuse a slot for a later time without keeping its old counts', () => {
    const clock = sampleClock()
    const lately = new Lately(clock)
    lately.observer(finished({}))
    clock.at = 300_000
    lately.observer(finished({}))
    expect(lately.counts('kraken').calls).toBe(1)
  })
})
