// Pages that look at many things at once: the counters, one screen of everything, and what moves from second to second.

import type { LevelsView } from '../core/watch.ts'
import type { AdminDeps } from './deps.ts'
import { health } from './health.ts'
import { fromWire } from './wire.ts'

/** Among so many of the last calls refusals are looked for. */
const LOOKED_AT = 500
/** So many of each are shown. */
const REFUSALS = 10
const DECISIONS = 5
const BOTS = 5

/** `/health/metrics`: what the counters say, by exchange, and how long things take. */
export const numbers = (deps: AdminDeps) => ({
  uptimeSeconds: Math.round((deps.wall() - deps.startedAtWallMs) / 1000),
  total: deps.totals(undefined),
  exchanges: Object.fromEntries(deps.exchanges().map((exchange) => [exchange, deps.totals(exchange)])),
  lately: deps.lately(undefined),
  latencies: deps.latencies(),
  cache: deps.cache(),
  process: {
    memoryBytes: process.memoryUsage.rss(),
    cpuSeconds: process.cpuUsage().user / 1e6 + process.cpuUsage().system / 1e6,
  },
})

/** `/v1/status`: one look at everything. */
export const statusOf = (deps: AdminDeps) => {
  const calls = deps.calls(LOOKED_AT)
  return {
    health: health(deps),
    exchanges: deps.exchanges(),
    limits: deps.limits(),
    queues: deps.queues(),
    breakers: deps.breakers(),
    cache: deps.cache(),
    config: deps.config(),
    store: deps.store(),
    lately: deps.lately(undefined),
    total: deps.totals(undefined),
    traffic: deps.exchanges().flatMap((exchange) => {
      const lately = deps.lately(exchange)
      return lately.calls === 0 ? [] : [{ exchange, ...lately, upstream: deps.upstream(exchange) }]
    }),
    spenders: deps.spenders(),
    bots: deps
      .stats()
      .bots.slice(0, BOTS)
      .map(({ classes: _, ...bot }) => bot),
    decisions: calls.slice(-DECISIONS),
    refusals: calls.filter(({ decision }) => decision === 'refused' || decision === 'failed').slice(-REFUSALS),
    alerts: deps.alerts(true),
    recommendations: deps.recommendations(),
  }
}

/** What moves from second to second. */
export const levelsOf = (deps: AdminDeps): LevelsView => ({
  atWallMs: deps.wall(),
  proxy: deps.proxy(),
  health: fromWire(health(deps)),
  limits: deps.limits(),
  spenders: deps.spenders(),
  queues: deps.queues(),
  breakers: deps.breakers(),
  cache: deps.cache(),
  lately: deps.lately(undefined),
  exchanges: Object.fromEntries(deps.exchanges().map((exchange) => [exchange, deps.lately(exchange)])),
  total: deps.totals(undefined),
  latencies: deps.latencies(),
  alerts: deps.alerts(true),
  recommendations: deps.recommendations(),
  config: deps.config(),
})
