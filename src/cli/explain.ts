// What limits.yaml makes of a call, without a running weir: its class, its costs, its manners. Levels, breakers and
// what would happen now are a running weir's to tell.

import { readFacts } from '../classify/facts.ts'
import type { Facts } from '../core/call.ts'
import type { ExplainedCost, Explanation } from '../core/explanation.ts'
import { type CostRule, type EndpointClass, isGate, type ParamCost, type Rules } from '../core/rules.ts'
import { saidCost } from '../limit/price.ts'
import { parsePattern, type Route } from '../rules/pattern.ts'
import { amount, duration } from './words.ts'

/** Explains a call by the rules alone; undefined when the host is none of an exchange's. */
export const explainByRules = (rules: Rules, method: string, url: URL): Explanation | undefined => {
  const host = rules.hosts.get(url.hostname)
  if (host === undefined) return undefined
  const rule = host.classify(method, url.pathname)
  return {
    method,
    host: host.host,
    path: url.pathname,
    exchange: rule.exchange.name,
    class: rule.id,
    kind: rule.kind,
    pattern: rule.patterns.find((pattern) => matches(pattern, method, url.pathname)),
    patterns: rule.patterns,
    lane: rule.lane,
    hold: rule.hold,
    enforce: rule.enforce,
    priority: rule.priority,
    maxWaitMs: rule.maxWaitMs,
    costs: rule.costs.map((cost) => explainCost(cost, factsOf(rule, method, url))),
    cache: rule.cache && {
      freshMs: rule.cache.freshMs,
      staleMs: rule.cache.staleMs,
      staleWhen: [...rule.cache.staleWhen],
    },
    breaker: undefined,
    now: undefined,
  }
}

/** What the address alone tells of the price. */
const factsOf = (rule: EndpointClass, method: string, { hostname, pathname, search }: URL): Facts => {
  const target = `${pathname}${search}`
  const request = { method, host: hostname, port: 443, target, path: pathname, query: search.slice(1) }
  return readFacts({ ...request, headers: [], body: undefined }, rule)
}

/** The most that a call with one order can cost: one of unknown age counts as the youngest. */
const explainCost = (cost: CostRule, facts: Facts): ExplainedCost => ({
  bucket: cost.bucket.id,
  cost: saidCost(cost, facts) + Math.max(0, ...cost.byAge.map((step) => step.cost)),
  note: costNote(cost),
  level: undefined,
})

/** How a cost comes about when it is not one number; undefined when it is. */
export const costNote = ({ bucket, fixed, each, byParam, byAge }: CostRule): string | undefined => {
  if (isGate(bucket)) return 'a gate: it holds nothing back until the exchange refuses'
  const oldest = byAge.at(-1)
  const most = amount(Math.max(0, ...byAge.map((step) => step.cost)))
  const parts = [
    ...each.map(({ name, cost }) => `${amount(cost)} for each entry of ${name}`),
    ...byParam.map(paramNote),
    ...(oldest === undefined ? [] : [`up to ${most} for each order younger than ${duration(oldest.underMs)}`]),
  ]
  if (parts.length === 0) return undefined
  return [...(fixed > 0 ? [`${amount(fixed)} for the call`] : []), ...parts].join(', and ')
}

/** `2 without lastFillTime, else 25`, `3 without count, 1 up to 25, 2 up to 50, else 2`. */
const paramNote = ({ name, absent, steps, present }: ParamCost): string => {
  const upTo = steps.map((step) => `${amount(step.cost)} up to ${step.upTo}`)
  return [`${amount(absent)} without ${name}`, ...upTo, `else ${amount(present)}`].join(', ')
}

/** Whether `pattern`, as written in limits.yaml, is a way to this method and path. */
export const matches = (pattern: string, method: string, path: string): boolean => {
  const parsed = parsePattern(pattern)
  // HEAD is GET without a body (RFC 9110 §9.3.2), and one slash at the end does not count.
  const asked = method === 'HEAD' ? ['HEAD', 'GET', '*'] : [method, '*']
  const segments = path
    .replace(/(.)\/$/, '$1')
    .slice(1)
    .split('/')
  return parsed.ok && parsed.routes.some((route) => asked.includes(route.method) && leadsTo(route, segments))
}

const leadsTo = ({ segments: wanted }: Route, segments: readonly string[]): boolean => {
  const open = wanted.at(-1) === '**'
  const fixed = open ? wanted.slice(0, -1) : wanted
  const longEnough = open ? segments.length >= fixed.length : segments.length === Math.max(1, fixed.length)
  return longEnough && fixed.every((segment, index) => segment === '*' || segment === segments[index])
}
