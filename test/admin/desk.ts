// An admin port with everything behind it made up, and a client that can send any header.

import { request as httpRequest, type IncomingHttpHeaders } from 'node:http'
import type { AdminDeps } from '../../src/admin/deps.ts'
import { type AdminOptions, type AdminServer, startAdmin } from '../../src/admin/server.ts'
import { realClock } from '../../src/core/clock.ts'
import type { ActivityView, BreakerView, LimitView, QueueView, TotalsView } from '../../src/core/views.ts'

export const limitView = (change: Partial<LimitView> = {}): LimitView => ({
  exchange: 'kraken',
  bucket: 'kraken.private',
  scope: 'a1b2c3d4',
  kind: 'bucket',
  available: 12,
  capacity: 15,
  refillPerSecond: 0.33,
  utilization: 0.2,
  inFlight: 0,
  closedForMs: 0,
  fullInMs: 9000,
  effectiveShare: 1,
  effectiveRefillPerSecond: 0.33,
  ...change,
})

export const breakerView = (change: Partial<BreakerView> = {}): BreakerView => ({
  host: 'api.kraken.com',
  state: 'closed',
  reason: '',
  forced: false,
  openForMs: 0,
  failures: 0,
  window: { calls: 0, failed: 0, slow: 0 },
  history: [],
  ...change,
})

export const queueView = (change: Partial<QueueView> = {}): QueueView => ({
  exchange: 'kraken',
  class: 'kraken.private',
  lane: 'a1',
  waiting: 0,
  bytes: 0,
  capacity: 10,
  oldestWaitMs: 0,
  nextWaitMs: 0,
  inFlight: 0,
  mixedNonces: [],
  ...change,
})

const totals: TotalsView = {
  violations: 0,
  decision: { forwarded: 5, cached: 0, stale: 0, coalesced: 0, refused: 0, failed: 0, left: 0 },
  verdict: { ok: 5, client: 0, auth: 0, throttled: 0, banned: 0, failing: 0 },
  result: { hit: 0, stale: 0, coalesced: 0, miss: 0, bypass: 0 },
  would: { send: 0, wait: 0, refuse: 0 },
}
const quiet: ActivityView = { calls: 0, refused: 0, limited: 0, throttled: 0, cacheHits: 0, stale: 0, cacheMisses: 0 }
const none = { count: 0, meanMs: undefined, p50Ms: undefined, p95Ms: undefined, p99Ms: undefined }

export const sampleDeps = (change: Partial<AdminDeps> = {}): AdminDeps => ({
  version: '0.1.0',
  startedAtWallMs: 1_700_000_000_000,
  wall: () => 1_700_000_060_000,
  after: realClock.after,
  proxy: () => 'http://127.0.0.1:8080',
  notServing: () => undefined,
  exchanges: () => ['kraken', 'coinbase'],
  metrics: { contentType: 'text/plain; version=0.0.4; charset=utf-8', text: async () => 'weir_requests_total 1\n' },
  totals: () => totals,
  lately: () => quiet,
  upstream: () => none,
  latencies: () => ({ wait: none, duration: none, overhead: none }),
  calls: () => [],
  violations: () => [],
  recommendations: () => [],
  limits: () => [limitView()],
  queues: () => [],
  breakers: () => [breakerView()],
  cache: () => ({ entries: 0, bytes: 0, maxBytes: 1000 }),
  handshakes: () => [],
  alerts: () => [],
  stats: () => ({ sinceWallMs: 1_700_000_000_000, bots: [], classes: [] }),
  failures: () => [],
  analyse: (service) => ({
    ...{
      service,
      windowMs: 300_000,
      totalFailures: 0,
      failureRate: 0,
      trend: 'stable',
      shouldOpen: false,
      categories: {},
    },
    ...{ detectedPatterns: [], recommendations: [] },
  }),
  services: () => [],
  reach: async () => [],
  config: () => ({ file: 'limits.yaml', loadedAtWallMs: 1_700_000_000_000, lastError: undefined }),
  store: () => undefined,
  rules: () => [],
  history: () => ({ stepMs: 5000, atWallMs: [], series: {}, utilization: {} }),
  spenders: () => [],
  subscribe: () => () => {},
  parts: () => [],
  moveBreaker: () => {},
  explain: () => undefined,
  explanationText: () => '',
  caPem: () => '-----BEGIN CERTIFICATE-----\n',
  ...change,
})

export interface Got {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  readonly body: string
  json<Shape = unknown>(): Shape
}

export interface Desk extends AsyncDisposable {
  readonly server: AdminServer
  readonly errors: unknown[]
  get(path: string, headers?: Record<string, string>): Promise<Got>
  ask(method: string, path: string, headers?: Record<string, string>, body?: string): Promise<Got>
}

/** Starts one on a free port of this machine. */
export const openDesk = async (deps: Partial<AdminDeps> = {}, options: Partial<AdminOptions> = {}): Promise<Desk> => {
  const errors: unknown[] = []
  const onError = (error: unknown) => errors.push(error)
  const server = await startAdmin(
    { host: '127.0.0.1', port: 0, token: undefined, onError, ...options },
    sampleDeps(deps),
  )
  const ask: Desk['ask'] = (method, path, headers = {}, body) =>
    new Promise((resolve, reject) => {
      const sent = httpRequest(
        { host: '127.0.0.1', port: server.port, method, path, headers, agent: false, timeout: 12_000 },
        (response) => {
          const chunks: Buffer[] = []
          response.on('data', (chunk: Buffer) => chunks.push(chunk))
          response.on('error', reject)
          response.on('end', () => {
            const text = Buffer.concat(chunks).toString()
            resolve({
              status: response.statusCode ?? 0,
              headers: response.headers,
              body: text,
              json: () => JSON.parse(text),
            })
          })
        },
      )
      sent.on('error', reject)
      sent.on('timeout', () => sent.destroy(new Error('no answer')))
      sent.end(body)
    })
  return {
    server,
    errors,
    ask,
    get: (path, headers) => ask('GET', path, headers),
    [Symbol.asyncDispose]: () => server.close(),
  }
}
