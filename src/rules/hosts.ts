// Which host belongs to which exchange, and which path to which class: one router per host, built once.
// Exchanges may share a host when their prefixes differ; the longest prefix wins.

import type { ExchangeConfig, LimitsConfig } from '../config/schema.ts'
import type { BreakerRule, UpstreamRule } from '../core/host-rules.ts'
import type { EndpointClass, ExchangeRule, HostRule } from '../core/rules.ts'
import type { LinkedClass } from './classes.ts'
import type { GlobalOverrides } from './override.ts'
import { routeText } from './pattern.ts'
import { Routes } from './router.ts'
import type { Report } from './variants.ts'

/** One exchange with all that hosts need of it. */
export interface LinkedExchange {
  readonly rule: ExchangeRule
  readonly config: ExchangeConfig
  readonly classes: readonly LinkedClass[]
}

/** The hosts of all exchanges; two that claim the same place, and patterns that can never match, are reported. */
export const linkHosts = (
  exchanges: readonly LinkedExchange[],
  limits: LimitsConfig,
  overrides: GlobalOverrides,
  report: Report,
): Map<string, HostRule> => {
  const sharers = Map.groupBy(
    exchanges.flatMap((exchange) => exchange.config.hosts.map((host, index) => ({ host, index, exchange }))),
    ({ host }) => host,
  )
  const hosts = new Map<string, HostRule>()
  for (const [host, claims] of sharers) {
    const tenants: LinkedExchange[] = []
    for (const { exchange, index } of claims) {
      const rival = tenants.find(({ config }) => prefixOf(config) === prefixOf(exchange.config))
      const place = `${host}${prefixOf(exchange.config)}`
      if (rival === undefined) tenants.push(exchange)
      else report(['exchanges', exchange.rule.name, 'hosts', index], `${place} belongs to ${rival.rule.name} already`)
    }
    hosts.set(host, hostRule(host, tenants, limits, overrides, report))
  }
  return hosts
}

const prefixOf = ({ prefix }: ExchangeConfig): string => (prefix === undefined ? '' : prefix.replace(/\/+$/, ''))

const hostRule = (
  host: string,
  tenants: readonly LinkedExchange[],
  limits: LimitsConfig,
  overrides: GlobalOverrides,
  report: Report,
): HostRule => {
  const byPrefix = tenants.toSorted((a, b) => prefixOf(a.config).length - prefixOf(b.config).length)
  const root = byPrefix[0]
  if (root === undefined) throw new Error('a host without an exchange')
  const routes = new Routes<EndpointClass>()
  for (const tenant of byPrefix) {
    routes.addFallback(prefixOf(tenant.config).split('/').slice(1), tenant.rule.fallback)
    addRoutes(routes, tenant, byPrefix, report)
  }
  return {
    host,
    classify: routes.router(root.rule.fallback),
    hasDeadlines: tenants.some(({ rule }) => rule.classes.some(({ needs }) => needs.expiry)),
    breaker: breakerRule({ ...limits.breaker, ...root.config.breaker }, overrides),
    upstream: upstreamRule({ ...limits.upstream, ...root.config.upstream }),
    exchange: root.rule,
  }
}

const addRoutes = (
  routes: Routes<EndpointClass>,
  tenant: LinkedExchange,
  tenants: readonly LinkedExchange[],
  report: Report,
): void => {
  for (const { rule, routes: own } of tenant.classes) {
    for (const { route, path } of own) {
      const owner = ownerOf(`/${route.segments.join('/')}`, tenants)
      if (owner !== tenant) {
        const whose =
          owner === undefined ? 'outside the prefix of this exchange' : `under the prefix of ${owner.rule.name}`
        report(path, `"${routeText(route)}" never matches: it is ${whose}`)
        continue
      }
      const taken = routes.add(route, rule)
      if (taken === rule) report(path, `"${routeText(route)}" is written twice`)
      else if (taken !== undefined) report(path, `"${routeText(route)}" belongs to class ${taken.id} already`)
    }
  }
}

/** The exchange with the longest prefix that the path is under. */
const ownerOf = (path: string, tenants: readonly LinkedExchange[]): LinkedExchange | undefined =>
  tenants.findLast(({ config }) => path === prefixOf(config) || path.startsWith(`${prefixOf(config)}/`))

const breakerRule = (config: LimitsConfig['breaker'], overrides: GlobalOverrides): BreakerRule => ({
  failures: config.failures,
  failureRate: config.failure_rate,
  slowRate: config.slow_rate,
  slowCallMs: config.slow_call,
  minimumCalls: config.minimum_calls,
  windowMs: config.window,
  openMs: config.open,
  maxOpenMs: config.max_open,
  multiplier: config.multiplier,
  jitter: config.jitter,
  probes: config.probes,
  successes: config.successes,
  probeTimeoutMs: config.probe_timeout,
  violations: overrides.violations ?? config.violations,
  violationWindowMs: config.violation_window,
  violationOpenMs: overrides.violationOpenMs ?? config.violation_open,
})

const upstreamRule = (config: LimitsConfig['upstream']): UpstreamRule => ({
  connectTimeoutMs: config.connect_timeout,
  headersTimeoutMs: config.headers_timeout,
  bodyTimeoutMs: config.body_timeout,
  idleMs: config.idle,
  connections: config.connections,
})
