import { describe, expect, it } from 'vitest'
import type { AdminDeps } from '../../src/admin/deps.ts'
import type { DetailedHealth, Health, RateLimitHealth } from '../../src/admin/health.ts'
import type { ActivityView, ServiceView } from '../../src/core/views.ts'
import { breakerView, limitView, openDesk } from './desk.ts'

const health = async <Body = Health>(deps: Partial<AdminDeps>, path = '/health') => {
  await using desk = await openDesk(deps)
  const got = await desk.get(path)
  return { status: got.status, body: got.json<Body>() }
}

const open = breakerView({ state: 'open', reason: 'http 503', openForMs: 4200 })

describe('/health', () => {
  it('is 200 and healthy while all is well', async () => {
    expect(await health({})).toEqual({
      status: 200,
      body: { status: 'healthy', version: '0.1.0', uptime_seconds: 60, reasons: [] },
    })
  })

  it('stays 200 while an exchange is down: a restart of weir would not bring it back', async () => {
    const { status, body } = await health({ breakers: () => [open] })
    expect([status, body.status]).toEqual([200, 'degraded'])
    expect(body.reasons).toEqual(['api.kraken.com: breaker is open, probes in 5 s: http 503'])
  })

  it('stays 200 while limits.yaml has mistakes and the rules from before are in force', async () => {
    const config = () => ({ file: 'limits.yaml', loadedAtWallMs: 0, lastError: 'limits.yaml:14:7' })
    expect(await health({ config })).toMatchObject({ status: 200, body: { status: 'degraded' } })
  })

  it('is 503 only when weir itself can not serve', async () => {
    expect((await health({ notServing: () => 'stopping' })).status).toBe(503)
    const part = { name: 'store', healthy: false, message: 'the disk is full' }
    expect((await health({ parts: () => [part] })).status).toBe(200)
  })
})

describe('/live and /ready', () => {
  it('part ways while weir stops: it lives, but takes no calls', async () => {
    await using desk = await openDesk({ notServing: () => 'stopping' })
    const [live, ready] = [await desk.get('/live'), await desk.get('/ready')]
    expect([live.status, ready.status, ready.body]).toEqual([200, 503, 'stopping\n'])
  })
})

describe('/health/detailed', () => {
  it('counts the services that are well and names each', async () => {
    const { body } = await health<DetailedHealth>(
      { breakers: () => [open, breakerView({ host: 'api.coinbase.com' })] },
      '/health/detailed',
    )
    expect(body).toMatchObject({ overall_status: 'degraded', healthy_services: 3, total_services: 4 })
    expect(body.services.map(({ name, status }) => `${name} ${status}`)).toEqual([
      'weir healthy',
      'config healthy',
      'api.kraken.com degraded',
      'api.coinbase.com healthy',
    ])
    expect(body.config).toEqual({ file: 'limits.yaml', loaded_at: '2023-11-14T22:13:20.000Z', last_error: null })
  })
})

describe('/health/detailed of hosts and checks', () => {
  const service: ServiceView = {
    ...{ name: 'api.kraken.com', kind: 'exchange', healthy: true, responseMs: 41.2, failures: 0 },
    ...{ lastOkAtWallMs: 1_700_000_000_000, lastError: { message: 'http 503', atWallMs: 1_699_999_990_000 } },
  }
  const detailed = async (deps: Partial<AdminDeps>) => (await health<DetailedHealth>(deps, '/health/detailed')).body

  it('tells how fast a host answers and what went wrong last', async () => {
    const { services } = await detailed({ services: () => [service] })
    expect(services.at(-1)).toEqual({
      ...{ name: 'api.kraken.com', kind: 'exchange', status: 'healthy', message: 'answers', response_time_ms: 41.2 },
      last_ok_at: '2023-11-14T22:13:20.000Z',
      last_error: { message: 'http 503', at: '2023-11-14T22:13:10.000Z' },
    })
  })

  it('does not say that a host answers which nobody has called', async () => {
    expect((await detailed({})).services.at(-1)).toMatchObject({ status: 'healthy', message: 'no calls yet' })
  })

  it('calls a host degraded that keeps failing, though its breaker is closed', async () => {
    const body = await detailed({ services: () => [{ ...service, healthy: false, failures: 3 }] })
    expect(body).toMatchObject({ overall_status: 'degraded', healthy_services: 2, total_services: 3 })
    expect(body.services.at(-1)?.message).toBe('3 failures in a row, last: http 503')
  })

  it('lists checks beside the hosts; one that fails is never a reason to restart weir', async () => {
    const deps = {
      services: () => [{ ...service, name: 'status_page', kind: 'check' as const, healthy: false, failures: 4 }],
    }
    const body = await detailed(deps)
    expect(body.services.map(({ name, status }) => `${name} ${status}`).slice(-2)).toEqual([
      'api.kraken.com healthy',
      'status_page degraded',
    ])
    expect((await health(deps)).status).toBe(200)
  })
})

describe('/health/metrics', () => {
  it('tells counts in all and by exchange', async () => {
    const { body } = await health<{ exchanges: object; process: { memory_bytes: number } }>({}, '/health/metrics')
    expect(body).toMatchObject({ total: { violations: 0, decision: { forwarded: 5 } } })
    expect(Object.keys(body.exchanges)).toEqual(['kraken', 'coinbase'])
    expect(body.process.memory_bytes).toBeGreaterThan(1e6)
  })
})

describe('/health/rate_limits', () => {
  const quiet: ActivityView = {
    ...{ calls: 0, refused: 0, limited: 0, throttled: 0, cacheHits: 0, stale: 0, cacheMisses: 0 },
  }
  type All = RateLimitHealth & { exchanges: Record<string, RateLimitHealth> }
  const rateLimits = async (lately: Partial<ActivityView>, deps: Partial<AdminDeps> = {}) =>
    (await health<All>({ lately: () => ({ ...quiet, ...lately }), ...deps }, '/health/rate_limits')).body

  it('has the fields that monitoring reads, for all and for each exchange', async () => {
    const body = await rateLimits({ cacheHits: 3, cacheMisses: 1 })
    const all = {
      status: 'healthy',
      utilization: 0.2,
      available_tokens: 12,
      bucket: 'kraken.private',
      violations: 0,
      '429_errors_last_5min': 0,
      cache_hit_rate: 0.75,
      rejection_rate: 0,
      recommendation: 'Nothing to do.',
    }
    expect(body).toMatchObject({ ...all, timestamp: 1_700_000_060 })
    expect(body.exchanges.kraken).toEqual(all)
    expect(body.exchanges.coinbase).toMatchObject({ utilization: 0, available_tokens: null, bucket: null })
  })

  it('is judged by the fullest bucket', async () => {
    const limits = () => [limitView(), limitView({ bucket: 'kraken.engine', utilization: 0.95, available: 3 })]
    const body = await rateLimits({}, { limits })
    expect(body).toMatchObject({ utilization: 0.95, available_tokens: 3, bucket: 'kraken.engine' })
    expect(body.recommendation).toContain('kraken.engine')
  })

  it.each([
    [{ throttled: 1, cacheHits: 1, cacheMisses: 9 }, 'degraded', 'cache it longer'],
    [{ throttled: 1, cacheHits: 9, cacheMisses: 1 }, 'degraded', 'what else uses this key'],
    [{ calls: 10, limited: 2 }, 'healthy', 'poll less often'],
    [{ calls: 10, refused: 10 }, 'healthy', 'Nothing to do'],
  ] as const)('says what to do: %j', async (lately, status, advice) => {
    const body = await rateLimits(lately)
    expect(body.status).toBe(status)
    expect(body.recommendation).toContain(advice)
  })

  it('says what the refusals of the exchange have in common, when that is known', async () => {
    const recommendation = {
      advice: 'margin' as const,
      exchange: 'kraken',
      bucket: 'kraken.private',
      class: undefined,
      text: 'set margin: 1',
      count: 3,
      firstAtWallMs: 1,
      lastAtWallMs: 2,
    }
    const deps = { recommendations: () => [recommendation] }
    for (const lately of [{ throttled: 1 }, {}]) {
      const body = await rateLimits(lately, deps)
      expect(body.recommendation).toBe('set margin: 1')
      expect(body.exchanges.kraken?.recommendation).toBe('set margin: 1')
      expect(body.exchanges.coinbase?.recommendation).not.toBe('set margin: 1')
    }
  })
})
