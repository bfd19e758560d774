// Is weir well, and what should be done? Pure functions from views to the JSON of the health pages. The health asked
// for is weir's own: an exchange that is down makes it degraded, for restarting the proxy would not bring Kraken back.

import type { Recommendation } from '../core/autopsy.ts'
import { retrySeconds } from '../core/units.ts'
import type { ActivityView, BreakerView, ConfigView, LimitView, ServiceView } from '../core/views.ts'
import type { AdminDeps } from './deps.ts'

/** `unhealthy` is the only one that an orchestrator should act on. */
export type Status = 'healthy' | 'degraded' | 'unhealthy'

/** `/health`. */
export interface Health {
  readonly status: Status
  readonly version: string
  readonly uptime_seconds: number
  /** One sentence for everything that is not well. */
  readonly reasons: readonly string[]
}

/** One line of `/health/detailed`. */
export interface Service {
  readonly name: string
  readonly kind: 'weir' | 'part' | 'config' | 'exchange' | 'check'
  readonly status: Status
  readonly message: string
  /** Of hosts and checks: the usual time to the head of an answer; null before any. */
  readonly response_time_ms?: number | null
  readonly last_ok_at?: string | null
  readonly last_error?: { readonly message: string; readonly at: string } | null
}

/** `/health/detailed`. */
export interface DetailedHealth {
  readonly overall_status: Status
  readonly healthy_services: number
  readonly total_services: number
  readonly services: readonly Service[]
  readonly config: { readonly file: string; readonly loaded_at: string; readonly last_error: string | null }
  readonly version: string
  readonly uptime_seconds: number
}

/** Part of `/health/rate_limits`: one exchange, or all together. */
export interface RateLimitHealth {
  readonly status: 'healthy' | 'degraded'
  /** Of the fullest bucket, 0 to 1. */
  readonly utilization: number
  /** What is left in it; null before any call. */
  readonly available_tokens: number | null
  readonly bucket: string | null
  /** Refusals by the exchange that weir had not foreseen, since the start. */
  readonly violations: number
  readonly '429_errors_last_5min': number
  /** Of calls that the cache may answer, 0 to 1; 0 when there were none. */
  readonly cache_hit_rate: number
  /** Share of the calls of the last five minutes that weir refused for a limit. */
  readonly rejection_rate: number
  readonly recommendation: string
}

/** What `/health` says. */
export const health = (deps: AdminDeps): Health => {
  const services = servicesOf(deps)
  return {
    status: overall(services),
    version: deps.version,
    uptime_seconds: uptime(deps),
    reasons: services.filter(({ status }) => status !== 'healthy').map(({ name, message }) => `${name}: ${message}`),
  }
}

/** What `/health/detailed` says. */
export const detailedHealth = (deps: AdminDeps): DetailedHealth => {
  const services = servicesOf(deps)
  const { file, loadedAtWallMs, lastError } = deps.config()
  return {
    overall_status: overall(services),
    healthy_services: services.filter(({ status }) => status === 'healthy').length,
    total_services: services.length,
    services,
    config: { file, loaded_at: new Date(loadedAtWallMs).toISOString(), last_error: lastError ?? null },
    version: deps.version,
    uptime_seconds: uptime(deps),
  }
}

/** What `/health/rate_limits` says: all together on top, each exchange below. */
export const rateLimitHealth = (deps: AdminDeps) => ({
  ...rateLimitsOf(deps, undefined),
  timestamp: deps.wall() / 1000,
  exchanges: Object.fromEntries(deps.exchanges().map((exchange) => [exchange, rateLimitsOf(deps, exchange)])),
})

const rateLimitsOf = (deps: AdminDeps, exchange: string | undefined): RateLimitHealth => {
  const limits = deps.limits().filter((view) => exchange === undefined || view.exchange === exchange)
  const fullest = limits.reduce<LimitView | undefined>(
    (worst, view) => (worst === undefined || view.utilization > worst.utilization ? view : worst),
    undefined,
  )
  const lately = deps.lately(exchange)
  const { violations } = deps.totals(exchange)
  const advice = deps.recommendations().findLast((one) => exchange === undefined || one.exchange === exchange)
  return {
    status: lately.throttled === 0 ? 'healthy' : 'degraded',
    utilization: rounded(fullest?.utilization ?? 0),
    available_tokens: fullest === undefined ? null : rounded(fullest.available),
    bucket: fullest?.bucket ?? null,
    violations,
    '429_errors_last_5min': lately.throttled,
    cache_hit_rate: share(lately.cacheHits, lately.cacheHits + lately.cacheMisses),
    rejection_rate: share(lately.limited, lately.calls),
    recommendation: recommend(lately, fullest, advice),
  }
}

/** The most urgent thing to do, in a sentence. */
const recommend = (
  lately: ActivityView,
  fullest: LimitView | undefined,
  advice: Recommendation | undefined,
): string => {
  if (lately.throttled > 0 && advice !== undefined) return advice.text
  const asked = lately.cacheHits + lately.cacheMisses
  if (lately.throttled > 0 && asked > 0 && lately.cacheHits / asked < 0.8) {
    return 'The exchange turned calls away and most market data was fetched anew: cache it longer, or take it from the WebSocket.'
  }
  if (lately.throttled > 0) {
    return 'The exchange turned calls away that weir had budget for: find what else uses this key or address, or set a lower capacity.'
  }
  if (share(lately.limited, lately.calls) > 0.1) {
    return 'More than a tenth of the calls are refused for want of budget: poll less often, or let calls wait longer (max_wait).'
  }
  if (fullest !== undefined && fullest.utilization >= 0.9) {
    return `Little is left of ${fullest.bucket}: calls will wait. Poll less often, or cache more.`
  }
  return advice?.text ?? 'Nothing to do.'
}

const servicesOf = (deps: AdminDeps): readonly Service[] => {
  const why = deps.notServing()
  const parts = deps.parts().map<Service>(({ name, healthy, message }) => ({
    name,
    kind: 'part',
    status: healthy ? 'healthy' : 'degraded',
    message,
  }))
  return [
    { name: 'weir', kind: 'weir', status: why === undefined ? 'healthy' : 'unhealthy', message: why ?? 'takes calls' },
    configService(deps.config()),
    ...parts,
    ...hostServices(deps.breakers(), deps.services()),
    ...deps.services().flatMap((service) => (service.kind === 'check' ? [checkService(service)] : [])),
  ]
}

/** A host is as well as its breaker and its answers say. */
const hostServices = (breakers: readonly BreakerView[], services: readonly ServiceView[]): readonly Service[] => {
  const heard = new Map(services.map((service) => [service.name, service]))
  return breakers.map((breaker) => {
    const found = exchangeService(breaker)
    const service = heard.get(breaker.host)
    if (service === undefined || service.kind === 'check')
      return breaker.state === 'closed' ? { ...found, message: 'no calls yet' } : found
    const fails = !service.healthy && found.status === 'healthy'
    const unwell = { status: 'degraded' as const, message: failing(service) }
    return { ...found, ...(fails ? unwell : {}), ...answering(service) }
  })
}

const checkService = (service: ServiceView): Service => ({
  ...{ name: service.name, kind: 'check', status: service.healthy ? 'healthy' : 'degraded' },
  message: service.healthy ? 'answers' : failing(service),
  ...answering(service),
})

const failing = ({ failures, lastError }: ServiceView): string =>
  failures === 0 ? 'answers again' : `${failures} failures in a row, last: ${lastError?.message ?? 'unknown'}`

const answering = ({ responseMs, lastOkAtWallMs, lastError }: ServiceView) => ({
  response_time_ms: responseMs ?? null,
  last_ok_at: lastOkAtWallMs === undefined ? null : new Date(lastOkAtWallMs).toISOString(),
  last_error:
    lastError === undefined ? null : { message: lastError.message, at: new Date(lastError.atWallMs).toISOString() },
})

const configService = ({ file, lastError }: ConfigView): Service => ({
  name: 'config',
  kind: 'config',
  status: lastError === undefined ? 'healthy' : 'degraded',
  message: lastError === undefined ? `${file} is in force` : `${file} has mistakes: the rules from before are in force`,
})

const exchangeService = ({ host, state, reason, openForMs, forced }: BreakerView): Service => {
  const message = {
    closed: 'answers',
    half_open: `is being probed: ${reason}`,
    open: `breaker is open${forced ? ' by hand' : `, probes in ${retrySeconds(openForMs)} s`}: ${reason}`,
  }
  return { name: host, kind: 'exchange', status: state === 'closed' ? 'healthy' : 'degraded', message: message[state] }
}

const overall = (services: readonly Service[]): Status => {
  if (services.some(({ status }) => status === 'unhealthy')) return 'unhealthy'
  return services.every(({ status }) => status === 'healthy') ? 'healthy' : 'degraded'
}

const uptime = ({ wall, startedAtWallMs }: AdminDeps): number =>
  Math.max(0, Math.round((wall() - startedAtWallMs) / 1000))

const share = (part: number, whole: number): number => (whole === 0 ? 0 : rounded(part / whole))

const rounded = (value: number): number => Math.round(value * 1000) / 1000
