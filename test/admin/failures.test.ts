import { describe, expect, it } from 'vitest'
import type { FailureView } from '../../src/core/failure.ts'
import type { ServiceView } from '../../src/core/views.ts'
import { breakerView, openDesk } from './desk.ts'

const AT = 1_700_000_000_000

const failure = (at: number, change: Partial<FailureView> = {}): FailureView => ({
  ...{ atWallMs: AT + at, service: 'kraken', class: 'kraken.private', credential: 'a1', bot: 'grid', call: 'c' },
  ...{ host: 'api.kraken.com', pattern: 'bad_gateway', category: 'server', severity: 'high', message: 'http 503' },
  ...{ status: 503, responseMs: 5 },
  ...change,
})

const all = [
  failure(0, { call: 'c1' }),
  failure(10, { call: 'c2', category: 'timeout', message: 'upstream_timeout' }),
  failure(20, { call: 'c3', service: 'coinbase' }),
]
const failures = (exchange: string | undefined) => all.filter(({ service }) => (exchange ?? service) === service)

describe('/v1/failures', () => {
  it('lists the newest, oldest first, and says how all are spread', async () => {
    await using desk = await openDesk({ failures })
    const body = (await desk.get('/v1/failures?limit=2')).json<{ failures: { at_wall_ms: number }[] }>()
    expect(body).toMatchObject({
      global_stats: { total_failures: 3, total_services: 2, category_distribution: { server: 2, timeout: 1 } },
      services: { kraken: { failure_count: 0, failure_rate: 0 }, coinbase: {} },
    })
    expect(body.failures.map((one) => one.at_wall_ms - AT)).toEqual([10, 20])
  })

  it('speaks of one exchange when asked to', async () => {
    await using desk = await openDesk({ failures })
    expect((await desk.get('/v1/failures?service=coinbase')).json()).toMatchObject({
      global_stats: { total_failures: 1 },
    })
  })

  it('is analysed for each exchange, or for the one that is named', async () => {
    await using desk = await openDesk({ failures })
    const analyses = (await desk.get('/v1/failures/analysis')).json<{ analyses: { service: string }[] }>().analyses
    expect(analyses.map(({ service }) => service)).toEqual(['kraken', 'coinbase'])
    expect((await desk.get('/v1/failures/analysis?service=coinbase')).json()).toMatchObject({ service: 'coinbase' })
    expect((await desk.get('/v1/failures/analysis?service=krakken')).status).toBe(404)
  })
})

describe('/errors', () => {
  it('has the newest first, each resolved once its host has answered again', async () => {
    const service = { name: 'api.kraken.com', kind: 'exchange', lastOkAtWallMs: AT + 5 } as ServiceView
    await using desk = await openDesk({ failures, services: () => [service] })
    expect((await desk.get('/errors?limit=2')).json()).toEqual({
      errors: [
        {
          ...{ id: `server_${AT + 20}_c3`, error_type: 'kraken.private', message: 'http 503' },
          ...{ timestamp: '2023-11-14T22:13:20.020Z', resolved: false },
        },
        expect.objectContaining({ id: `timeout_${AT + 10}_c2`, resolved: false }),
      ],
    })
    const { errors } = (await desk.get('/errors')).json<{ errors: { resolved: boolean }[] }>()
    expect(errors.map(({ resolved }) => resolved)).toEqual([false, false, true])
  })

  it('gives each an id of its own, also those of one moment', async () => {
    const burst = ['c1', 'c2', 'c3'].map((call) => failure(0, { call }))
    await using desk = await openDesk({ failures: () => burst })
    const { errors } = (await desk.get('/errors')).json<{ errors: { id: string }[] }>()
    expect(new Set(errors.map(({ id }) => id)).size).toBe(3)
  })
})

describe('/v1/breakers', () => {
  it('says of all together how many are well and how much fails', async () => {
    const breakers = () => [
      breakerView({ window: { calls: 90, failed: 5, slow: 0 } }),
      breakerView({ host: 'b', state: 'open', window: { calls: 10, failed: 10, slow: 0 } }),
      breakerView({ host: 'c', state: 'half_open' }),
    ]
    await using desk = await openDesk({ breakers })
    expect((await desk.get('/v1/breakers')).json()).toMatchObject({
      ...{ total_breakers: 3, states: { closed: 1, half_open: 1, open: 1 } },
      health_summary: { healthy: 1, degraded: 1, unhealthy: 1 },
      aggregate_metrics: { total_calls: 100, total_failures: 15, overall_failure_rate: 0.15 },
    })
  })
})

describe('/v1/breakers/{host}', () => {
  it('says how many of the calls in the window went well, and how fast the host answers', async () => {
    const service = {
      ...{ kind: 'exchange' as const, healthy: true, failures: 0, lastOkAtWallMs: 1 },
      lastError: undefined,
    }
    await using desk = await openDesk({
      breakers: () => [breakerView({ window: { calls: 90, failed: 9, slow: 0 } }), breakerView({ host: 'quiet' })],
      services: () => [{ ...service, name: 'api.kraken.com', responseMs: 43.2 }],
    })
    const told = async (host: string) => (await desk.get(`/v1/breakers/${host}`)).json()
    expect(await told('api.kraken.com')).toMatchObject({ success_rate: 0.9, avg_response_time_ms: 43.2 })
    expect(await told('quiet')).toMatchObject({ success_rate: null, avg_response_time_ms: null })
  })
})

describe('/v1/alerts', () => {
  it('shows what is over only to who asks for all', async () => {
    const asked: boolean[] = []
    await using desk = await openDesk({
      alerts: (activeOnly) => {
        asked.push(activeOnly)
        return []
      },
    })
    await desk.get('/v1/alerts')
    await desk.get('/v1/alerts?active=1')
    expect(asked).toEqual([false, true])
  })
})
