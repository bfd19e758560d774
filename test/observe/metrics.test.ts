import { describe, expect, it } from 'vitest'
import type { CallRecord } from '../../src/core/call.ts'
import { OK } from '../../src/core/call.ts'
import { callFinished, type WeirEvent } from '../../src/core/events.ts'
import type { BreakerView, LimitView, QueueView } from '../../src/core/views.ts'
import { createMetrics, METRICS, type MetricSources } from '../../src/observe/metrics.ts'
import { breakerView, limitView, queueView } from '../admin/desk.ts'
import { anAutopsy } from '../support/autopsy.ts'
import { HOSTS, SECRET, sampleCall, sampleRules } from './samples.ts'

const metricsWith = (sources: Partial<MetricSources> = {}, prefix = 'weir_') =>
  createMetrics(prefix, {
    rules: () => sampleRules({ 'api.kraken.com': HOSTS['api.kraken.com'] }),
    limits: () => [],
    queues: () => [],
    breakers: () => [],
    alerts: () => [],
    store: () => undefined,
    ...sources,
  })

const finished = (record: Partial<CallRecord>, tookMs = 10): WeirEvent =>
  callFinished(
    sampleCall({ exchange: 'kraken', class: 'kraken.private', credential: 'a1b2c3d4', ...record }),
    200,
    tookMs,
  )

const limit = (bucket: string, scope: string, available: number, utilization: number): LimitView =>
  limitView({ bucket, scope, available, utilization })

const queue = (id: string, lane: string, waiting: number): QueueView => queueView({ class: id, lane, waiting })

const breaker = (host: string, state: BreakerView['state']): BreakerView => breakerView({ host, state })

/** Away for 42 s, and then away again. */
const OUTAGE: BreakerView['history'] = (
  [
    [0, 'closed', 'open'],
    [10_000, 'open', 'half_open'],
    [11_000, 'half_open', 'open'],
    [41_000, 'open', 'half_open'],
    [42_000, 'half_open', 'closed'],
    [50_000, 'closed', 'open'],
  ] as const
).map(([atWallMs, from, to]) => ({ atWallMs, from, to, reason: 'http 503' }))

/** Reads the exposition format as a scraper does: type per name, value per name with labels. */
const parse = (text: string) => {
  const types = new Map<string, string>()
  const values = new Map<string, number>()
  for (const line of text.split('\n')) {
    const type = /^# TYPE (\S+) (\S+)$/.exec(line)
    if (type) types.set(type[1] ?? '', type[2] ?? '')
    const sample = /^([a-z_]+(?:\{.*\})?) (\S+)$/.exec(line)
    if (sample) values.set(sample[1] ?? '', Number(sample[2]))
  }
  return { types, values }
}

describe('the metrics', () => {
  it('look at the levels once per scrape: they name every bucket of every key', async () => {
    let looks = 0
    const limits = () => {
      looks += 1
      return [limit('kraken.private', 'a1', looks, 0.5)]
    }
    const metrics = metricsWith({ limits })
    for (const scrape of [1, 2]) {
      const { values } = parse(await metrics.text())
      expect([looks, values.get('weir_tokens_available{exchange="kraken",bucket="private"}')]).toEqual([scrape, scrape])
    }
  })

  it('have exactly the names, types and labels that dashboards were built on', async () => {
    const contract = {
      requests_total: ['counter', 'exchange', 'class', 'decision'],
      rate_limit_violations_total: ['counter', 'exchange', 'bucket'],
      bypass_suspected_total: ['counter', 'exchange', 'bucket'],
      limit_differs_total: ['counter', 'exchange', 'bucket'],
      adaptive_share: ['gauge', 'exchange', 'bucket'],
      token_bucket_utilization: ['gauge', 'exchange', 'bucket'],
      tokens_available: ['gauge', 'exchange', 'bucket'],
      circuit_breaker_state: ['gauge', 'host'],
      circuit_breaker_recovery_seconds: ['gauge', 'host'],
      circuit_breaker_state_changes_total: ['counter', 'host', 'from', 'to'],
      queue_length: ['gauge', 'exchange', 'class'],
      queue_wait_seconds: ['histogram'],
      request_duration_seconds: ['histogram'],
      overhead_seconds: ['histogram'],
      class_queue_wait_seconds: ['histogram', 'exchange', 'class'],
      class_request_duration_seconds: ['histogram', 'exchange', 'class'],
      class_overhead_seconds: ['histogram', 'exchange', 'class'],
      alerts_active: ['gauge', 'rule', 'severity'],
      cache_requests_total: ['counter', 'exchange', 'class', 'result'],
      upstream_responses_total: ['counter', 'exchange', 'class', 'verdict'],
      shadow_total: ['counter', 'exchange', 'class', 'would'],
      store_together: ['gauge', 'exchange'],
      store_share: ['gauge', 'exchange'],
      store_errors_total: ['counter'],
    }
    const described = Object.entries(METRICS).map(([name, { type, labels }]) => [name, [type, ...labels]])
    expect(Object.fromEntries(described)).toEqual(contract)

    const { types } = parse(await metricsWith().text())
    for (const [name, [type]] of Object.entries(contract)) expect(types.get(`weir_${name}`)).toBe(type)
    expect([...types.keys()].filter((name) => name.startsWith('weir_'))).toHaveLength(Object.keys(contract).length)
  })

  it('print the labels they describe', async () => {
    const metrics = metricsWith({
      limits: () => [limit('kraken.private', 'a1', 3, 0.8)],
      breakers: () => [{ ...breaker('api.kraken.com', 'open'), history: OUTAGE }],
      store: () => ({
        view: { onFailure: 'share', exchanges: [{ exchange: 'kraken', together: true, share: 0.5, members: 2 }] },
        errors: 0,
      }),
    })
    const shadow = { would: 'send' } as const
    metrics.observer(finished({ decision: 'forwarded', verdict: OK, cache: 'fwd=miss; stored', upstreamMs: 5, shadow }))
    metrics.observer({
      type: 'breaker.changed',
      host: 'api.kraken.com',
      from: 'closed',
      to: 'open',
      reason: 'http 503',
      openForMs: 1000,
    })
    const { values } = parse(await metrics.text())
    for (const [name, { type, labels }] of Object.entries(METRICS)) {
      const keys = [...values.keys()].filter((key) => key.split('{')[0] === `weir_${name}`)
      if (type === 'histogram') continue
      expect(keys.length, name).toBeGreaterThan(0)
      for (const key of keys) expect([...key.matchAll(/(\w+)="/g)].map(([, label]) => label)).toEqual(labels)
    }
  })

  it('say how long a host was away the last time, and nothing of one that never came back', async () => {
    const breakers = () => [
      { ...breaker('back', 'open'), history: OUTAGE },
      { ...breaker('away', 'open'), history: OUTAGE.slice(-1) },
    ]
    const { values } = parse(await metricsWith({ breakers }).text())
    expect(values.get('weir_circuit_breaker_recovery_seconds{host="back"}')).toBe(42)
    expect(values.has('weir_circuit_breaker_recovery_seconds{host="away"}')).toBe(false)
  })

  it('show the smallest share of a rate that any scope uses, and 1 for buckets that nobody used', async () => {
    const halved = { ...limit('kraken.private', 'b2', 3, 0.8), effectiveShare: 0.51 }
    const metrics = metricsWith({ limits: () => [limit('kraken.private', 'a1', 3, 0.8), halved] })
    const { values } = parse(await metrics.text())
    expect(values.get('weir_adaptive_share{exchange="kraken",bucket="private"}')).toBe(0.51)
    expect(values.get('weir_adaptive_share{exchange="kraken",bucket="engine"}')).toBe(1)
  })

  it('count how often something beside weir seems to spend a limit, from 0', async () => {
    const metrics = metricsWith()
    for (let count = 0; count < 2; count += 1) {
      metrics.observer({ type: 'bypass.suspected', exchange: 'kraken', bucket: 'kraken.private' })
    }
    const { values } = parse(await metrics.text())
    expect(values.get('weir_bypass_suspected_total{exchange="kraken",bucket="private"}')).toBe(2)
    expect(values.get('weir_bypass_suspected_total{exchange="kraken",bucket="public"}')).toBe(0)
  })

  it('count the limits of which an exchange told another number than limits.yaml, from 0', async () => {
    const metrics = metricsWith()
    const [call, differs] = [sampleCall(), { exchange: 'kraken', bucket: 'kraken.private' }]
    metrics.observer({ type: 'limit.differs', ...differs, call, configured: 30, told: 10 })
    const { values } = parse(await metrics.text())
    expect(values.get('weir_limit_differs_total{exchange="kraken",bucket="private"}')).toBe(1)
    expect(values.get('weir_limit_differs_total{exchange="kraken",bucket="public"}')).toBe(0)
  })

  it('tell waits, durations and overhead apart by class', async () => {
    const metrics = metricsWith()
    metrics.observer(finished({ decision: 'forwarded', waitedMs: 40, upstreamMs: 5 }, 46))
    metrics.observer(finished({ decision: 'cached', class: 'kraken.public' }, 1))
    const { values } = parse(await metrics.text())
    const labels = (id: string, more = '') => `{exchange="kraken",class="${id}"${more}}`
    expect(values.get(`weir_class_queue_wait_seconds_bucket${labels('private', ',le="0.025"')}`)).toBe(0)
    expect(values.get(`weir_class_queue_wait_seconds_bucket${labels('private', ',le="0.05"')}`)).toBe(1)
    expect(values.get(`weir_class_queue_wait_seconds_bucket${labels('public', ',le="0.001"')}`)).toBe(1)
    expect(values.get(`weir_class_request_duration_seconds_sum${labels('private')}`)).toBe(0.046)
    expect(values.get(`weir_class_overhead_seconds_bucket${labels('private', ',le="0.001"')}`)).toBe(1)
    expect(metrics.latencies().wait).toMatchObject({ count: 2, p99Ms: 50 })
  })

  it('count the alerts that hold, from 0', async () => {
    const alert = { rule: 'breaker_open', severity: 'warning', subject: 'api.kraken.com', message: '' } as const
    const times = { raisedAtWallMs: 0, lastAtWallMs: 0, resolvedAtWallMs: undefined }
    const { values } = parse(await metricsWith({ alerts: () => [{ ...alert, ...times }] }).text())
    expect(values.get('weir_alerts_active{rule="breaker_open",severity="warning"}')).toBe(1)
    expect(values.get('weir_alerts_active{rule="queue_full",severity="critical"}')).toBe(0)
  })

  it('carry the prefix that the rules ask for, and the process’s own metrics under their usual names', async () => {
    const { types } = parse(await metricsWith({}, 'peak_trade_').text())
    expect(types.get('peak_trade_requests_total')).toBe('counter')
    expect(types.has('weir_requests_total')).toBe(false)
    expect(types.get('process_cpu_seconds_total')).toBe('counter')
    expect(types.get('nodejs_eventloop_lag_seconds')).toBe('gauge')
  })

  it('count calls by class and decision, answers by verdict, and the cache by what it gave', async () => {
    const metrics = metricsWith()
    metrics.observer(finished({ decision: 'forwarded', verdict: OK, upstreamMs: 5 }))
    metrics.observer(finished({ decision: 'forwarded', verdict: OK, cache: 'fwd=miss; stored', upstreamMs: 5 }))
    metrics.observer(finished({ decision: 'cached', cache: 'hit' }))
    metrics.observer(finished({ decision: 'stale', cache: 'hit; ttl=-35; detail=breaker-open' }))
    metrics.observer(finished({ decision: 'coalesced', cache: 'fwd=miss; collapsed', verdict: OK }))
    metrics.observer(finished({ decision: 'forwarded', cache: 'fwd=bypass', verdict: OK }))
    const { values } = parse(await metrics.text())
    const of = (name: string, label: string) => values.get(`weir_${name}{exchange="kraken",class="private",${label}}`)
    expect(of('requests_total', 'decision="forwarded"')).toBe(3)
    expect(of('requests_total', 'decision="cached"')).toBe(1)
    // The follower shared one answer: the exchange gave it once.
    expect(of('upstream_responses_total', 'verdict="ok"')).toBe(3)
    for (const result of ['hit', 'stale', 'coalesced', 'miss', 'bypass']) {
      expect(of('cache_requests_total', `result="${result}"`), result).toBe(1)
    }
  })

  it('count a call that was refused before it had a class under `other`', async () => {
    const metrics = metricsWith()
    metrics.observer(finished({ exchange: undefined, class: undefined, decision: 'failed' }))
    const { values } = parse(await metrics.text())
    expect(values.get('weir_requests_total{exchange="other",class="other",decision="failed"}')).toBe(1)
  })

  it('show violations of every bucket, also those that never had one', async () => {
    const metrics = metricsWith()
    metrics.observer({
      type: 'limit.violated',
      exchange: 'kraken',
      bucket: 'kraken.engine',
      call: sampleCall(),
      verdict: {
        kind: 'throttled',
        reason: 'EOrder:Rate limit exceeded',
        drains: undefined,
        pauseMs: undefined,
        hostWide: false,
      },
      autopsy: anAutopsy(),
    })
    const { values } = parse(await metrics.text())
    const of = (bucket: string) => values.get(`weir_rate_limit_violations_total{exchange="kraken",bucket="${bucket}"}`)
    expect([of('engine'), of('private'), of('public')]).toEqual([1, 0, 0])
  })

  it('show a bucket by its worst scope, never a scope', async () => {
    const metrics = metricsWith({
      limits: () => [limit('kraken.private', 'a1b2c3d4', 12, 0.2), limit('kraken.private', 'e5f6a7b8', -2, 1)],
    })
    const text = await metrics.text()
    const { values } = parse(text)
    expect(values.get('weir_tokens_available{exchange="kraken",bucket="private"}')).toBe(-2)
    expect(values.get('weir_token_bucket_utilization{exchange="kraken",bucket="private"}')).toBe(1)
    expect(text).not.toContain('a1b2c3d4')
  })

  it('number the states of a breaker: 0 closed, 1 half_open, 2 open', async () => {
    const breakers = () => [breaker('a', 'closed'), breaker('b', 'half_open'), breaker('c', 'open')]
    const { values } = parse(await metricsWith({ breakers }).text())
    expect(['a', 'b', 'c'].map((host) => values.get(`weir_circuit_breaker_state{host="${host}"}`))).toEqual([0, 1, 2])
  })

  it('add up the lanes of a class, and show 0 where nobody waits', async () => {
    const metrics = metricsWith({ queues: () => [queue('kraken.private', 'a', 2), queue('kraken.private', 'b', 3)] })
    const { values } = parse(await metrics.text())
    expect(values.get('weir_queue_length{exchange="kraken",class="private"}')).toBe(5)
    expect(values.get('weir_queue_length{exchange="kraken",class="public"}')).toBe(0)
  })

  it('measure times in seconds, and weir’s own share without waiting and without the exchange', async () => {
    const metrics = metricsWith()
    metrics.observer(finished({ decision: 'forwarded', waitedMs: 300, upstreamMs: 40 }, 342))
    metrics.observer(finished({ decision: 'coalesced' }, 900))
    const { values } = parse(await metrics.text())
    const value = (name: string, more = '') => values.get(`weir_${name}${more}`)
    expect(value('queue_wait_seconds_sum')).toBeCloseTo(0.3)
    expect(value('request_duration_seconds_sum')).toBeCloseTo(1.242)
    expect(value('request_duration_seconds_bucket', '{le="0.5"}')).toBe(1)
    expect(value('request_duration_seconds_bucket', '{le="+Inf"}')).toBe(2)
    expect(value('request_duration_seconds_count')).toBe(2)
    // The follower waited for another's answer: nobody's overhead.
    expect(value('overhead_seconds_count')).toBe(1)
    expect(value('overhead_seconds_sum')).toBeCloseTo(0.002)
  })

  it('hold nothing that a bot sent', async () => {
    const metrics = metricsWith()
    metrics.observer(finished({ decision: 'failed', error: 'internal', thrown: new Error(SECRET) }))
    expect(await metrics.text()).not.toContain(SECRET)
  })
})
