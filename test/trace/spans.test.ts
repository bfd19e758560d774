import { describe, expect, it } from 'vitest'
import type { CallRecord } from '../../src/core/call.ts'
import { callFinished } from '../../src/core/events.ts'
import { spansOf } from '../../src/trace/spans.ts'
import { SECRET, sampleCall } from '../observe/samples.ts'
import { aVerdict } from '../support/build.ts'

const WALL = 1_700_000_000_000

const spans = (record: Partial<CallRecord>, status = 200, headers: readonly string[] = []) => {
  let made = 0
  const random = (bytes: number) => String(++made).padStart(bytes * 2, '0')
  const sample = sampleCall({ exchange: 'kraken', class: 'kraken.private', ...record })
  const call = { ...sample, request: { ...sample.request, headers: [...sample.request.headers, ...headers] } }
  return spansOf(callFinished(call, status, 350), WALL, random)
}

describe('a call as spans', () => {
  it('is one span, with the wait and the exchange below it', () => {
    const [call, wait, exchange, ...more] = spans({ decision: 'forwarded', waitedMs: 300, upstreamMs: 45.5, cost: 1 })
    expect(more).toEqual([])
    expect(call).toMatchObject({
      ...{ name: 'kraken.private', kind: 2, status: { code: 0 } },
      ...{ startTimeUnixNano: '1699999999650000000', endTimeUnixNano: '1700000000000000000' },
    })
    expect(call?.traceId).toMatch(/^[0-9a-f]{32}$/)
    expect(call?.spanId).toMatch(/^[0-9a-f]{16}$/)
    expect(call).not.toHaveProperty('parentSpanId')
    const below = { traceId: call?.traceId, parentSpanId: call?.spanId }
    expect(wait).toMatchObject({
      ...{ ...below, name: 'wait', startTimeUnixNano: '1699999999650000000', endTimeUnixNano: '1699999999950000000' },
    })
    expect(exchange).toMatchObject({
      ...{ ...below, name: 'exchange', kind: 3 },
      ...{ startTimeUnixNano: '1699999999950000000', endTimeUnixNano: '1699999999995500000' },
    })
  })

  it('tells what became of it, and nothing that the bot sent', () => {
    const record = { decision: 'refused', error: 'limit_reached', credential: 'a1b2' } as const
    const [call, ...more] = spans({ ...record, verdict: aVerdict('ok') }, 429)
    expect(more).toEqual([])
    const attributes = Object.fromEntries(
      call?.attributes.map(({ key, value }) => [key, Object.values(value)[0]]) ?? [],
    )
    expect(attributes).toMatchObject({
      ...{ 'http.request.method': 'POST', 'server.address': 'api.kraken.com', 'http.response.status_code': '429' },
      ...{ 'weir.bot': 'grid-bot', 'weir.decision': 'refused', 'weir.class': 'kraken.private' },
      ...{ 'weir.credential': 'a1b2', 'error.type': 'limit_reached' },
    })
    expect(JSON.stringify(call)).not.toContain(SECRET)
  })

  it('has failed when weir or the exchange has', () => {
    expect(spans({ decision: 'failed', error: 'upstream_timeout' }, 504)[0]?.status.code).toBe(2)
    expect(spans({ decision: 'forwarded' }, 503)[0]?.status.code).toBe(2)
    expect(spans({ decision: 'refused', error: 'limit_reached' }, 429)[0]?.status.code).toBe(0)
  })

  it('continues the trace of the bot, where it has one', () => {
    const traceId = '4bf92f3577b34da6a3ce929d0e0e4736'
    const of = (flags: string) => ['traceparent', `00-${traceId}-00f067aa0ba902b7-${flags}`]
    expect(spans({ decision: 'forwarded' }, 200, of('01'))[0]).toMatchObject({
      traceId,
      parentSpanId: '00f067aa0ba902b7',
    })
    expect(spans({ decision: 'forwarded' }, 200, of('00'))).toEqual([])
    for (const nonsense of ['00-0-0-01', `00-${'0'.repeat(32)}-00f067aa0ba902b7-01`]) {
      expect(spans({ decision: 'forwarded' }, 200, ['traceparent', nonsense])[0]).not.toHaveProperty('parentSpanId')
    }
  })
})
