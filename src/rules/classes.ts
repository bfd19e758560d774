// Endpoint classes as rules: manners with their defaults, costs linked, and what can not go together reported.

import {
  type CacheConfig,
  type ClassConfig,
  type FallbackConfig,
  type MannersConfig,
  USUAL_WAIT,
} from '../config/classes.ts'
import type { ExchangeConfig, LimitsConfig } from '../config/schema.ts'
import { durationMs } from '../config/units.ts'
import type { Path } from '../config/yaml.ts'
import type { BucketRule, CacheRule, CostRule, EndpointClass, ExchangeRule } from '../core/rules.ts'
import type { Millis } from '../core/units.ts'
import { checkCosts, linkCosts } from './costs.ts'
import type { ExchangeOverrides } from './override.ts'
import { parsePattern, type Route } from './pattern.ts'
import { linkReserve } from './reserve.ts'
import type { Report, Variants } from './variants.ts'

/** A class and the routes that lead to it. */
export interface LinkedClass {
  readonly rule: EndpointClass
  readonly routes: readonly { readonly route: Route; readonly path: Path }[]
}

/** What classes of one exchange are linked with. */
export interface ClassContext {
  readonly limits: LimitsConfig
  readonly config: ExchangeConfig
  readonly exchange: ExchangeRule
  readonly buckets: ReadonlyMap<string, BucketRule>
  readonly variants: Variants
  readonly report: Report
  /** What environment variables say about this exchange. */
  readonly own: ExchangeOverrides
  /** Replaces the `max_queue` of every class. */
  readonly maxQueue: number | undefined
}

/** One class of the file. */
export const linkClass = (name: string, config: ClassConfig, path: Path, context: ClassContext): LinkedClass => {
  const patterns = typeof config.match === 'string' ? [config.match] : config.match
  const routes = patterns.flatMap((pattern, index) => {
    const at = typeof config.match === 'string' ? [...path, 'match'] : [...path, 'match', index]
    const parsed = parsePattern(pattern)
    if (parsed.ok) return parsed.routes.map((route) => ({ route, path: at }))
    context.report(at, parsed.message)
    return []
  })
  const kind = config.kind ?? (routes.every(({ route }) => route.method === 'GET') ? 'read' : 'write')
  const rule = endpointClass(name, kind, config, patterns, path, context)
  return { rule, routes }
}

/** The class of everything that no pattern matches. */
export const linkFallback = (config: FallbackConfig, path: Path, context: ClassContext): EndpointClass =>
  endpointClass('default', config.kind, config, [], path, context)

const endpointClass = (
  name: string,
  kind: EndpointClass['kind'],
  config: Omit<ClassConfig, 'match'>,
  patterns: readonly string[],
  path: Path,
  context: ClassContext,
): EndpointClass => {
  const { limits, exchange, report } = context
  const manners: MannersConfig = { ...limits.defaults, ...given(config) }
  const written = linkCosts(config.cost, [...path, 'cost'], context.buckets, context.variants, report)
  const costs = context.own.extraCosts(name, written)
  const hold = config.hold ?? kind !== 'cancel'
  const learns = (config.learns ?? (kind === 'order' || kind === 'cancel')) && pricesByAge(context.config)
  if (hold) checkCosts(costs, [...path, 'cost'], context.own.origin, report)
  const isPrivate = manners.lane === 'nonce' || costs.some(({ bucket }) => bucket.scopes.some(isPersonal))
  const signatureLifeMs = isPrivate ? context.config.signature_life : undefined
  const waitPath = config.max_wait === undefined ? ['defaults', 'max_wait'] : [...path, 'max_wait']
  if (signatureLifeMs !== undefined) checkWait(manners.max_wait, signatureLifeMs, waitPath, report)
  if (config.cache !== undefined) checkCache(config.cache, kind, isPrivate, [...path, 'cache'], report)
  return {
    id: `${exchange.name}.${name}`,
    name,
    exchange,
    kind,
    costs,
    lane: manners.lane,
    keeps: hold ? linkReserve(costs, { kind, priority: manners.priority }, context.config, path, report) : undefined,
    pricedByAge: costs.some(({ byAge }) => byAge.length > 0),
    hold,
    onExhausted: manners.on_exhausted,
    enforce: limits.enforce === 'shadow' ? 'shadow' : manners.enforce,
    maxWaitMs: manners.max_wait,
    longestWaitMs: config.max_wait ?? longestDefault(limits.defaults.max_wait),
    maxQueue: context.maxQueue ?? manners.max_queue,
    priority: manners.priority,
    cache: config.cache === undefined ? undefined : cacheRule(config.cache, limits),
    needs: {
      nonce: manners.lane === 'nonce',
      pair: costs.some(({ bucket }) => bucket.scopes.includes('pair')),
      orders: learns || costs.some(({ byAge }) => byAge.length > 0),
      expiry: signatureLifeMs !== undefined || (isPrivate && carriesDeadline(exchange, kind)),
      params: pricedParams(costs),
    },
    signatureLifeMs,
    learns,
    patterns,
  }
}

/** A default that was made smaller than usual is meant as a bound; else a client that waits longer may be given longer. */
const longestDefault = (waitMs: Millis): Millis => (waitMs < durationMs(USUAL_WAIT) ? waitMs : Number.POSITIVE_INFINITY)

/** Whether anything at the exchange costs by the age of an order, so that births are worth remembering. */
const pricesByAge = ({ classes }: ExchangeConfig): boolean =>
  Object.values(classes).some(({ cost }) =>
    Object.values(cost).some((one) => typeof one === 'object' && 'by_age' in one),
  )

/** Every parameter once, and what of it costs. */
const pricedParams = (costs: readonly CostRule[]): EndpointClass['needs']['params'] => {
  const each = new Set(costs.flatMap((cost) => cost.each.map(({ name }) => name)))
  const byParam = new Set(costs.flatMap((cost) => cost.byParam.map(({ name }) => name)))
  return [...each.union(byParam)].map((name) => ({ name, each: each.has(name), byParam: byParam.has(name) }))
}

/** Answers of classes whose limits belong to a key or account belong to it as well. */
const isPersonal = (scope: string): boolean => scope === 'key' || scope === 'account'

/** A JWT says when it expires; an order of Kraken may carry a deadline, and at Kraken Futures a cancel as well. */
const carriesDeadline = (exchange: ExchangeRule, kind: EndpointClass['kind']): boolean =>
  exchange.credential.some(({ from }) => from === 'jwt') ||
  (exchange.dialect === 'kraken' && kind === 'order') ||
  (exchange.dialect === 'kraken_futures' && (kind === 'order' || kind === 'cancel'))

const checkWait = (waitMs: Millis, lifeMs: Millis, path: Path, report: Report): void => {
  if (waitMs < lifeMs) return
  report(path, `a wait of ${waitMs / 1000} s would outlive the signature, which lives ${lifeMs / 1000} s`)
}

const checkCache = (cache: CacheConfig, kind: string, isPrivate: boolean, path: Path, report: Report): void => {
  if (kind !== 'read') report(path, `only reads can be cached, and this class is of kind ${kind}`, 'key')
  else if (isPrivate && !cache.private) {
    report(path, 'answers of this class belong to a key; say "private: true" if they are to be cached', 'key')
  }
  if (cache.shared && (isPrivate || cache.private)) {
    report(
      [...path, 'shared'],
      'answers that belong to a key stay with the weir that fetched them: they are never shared',
    )
  }
  if (cache.stale > 0 && cache.when.length === 0) {
    report([...path, 'stale'], 'never applies, because "when" names no occasion')
  }
}

const cacheRule = (cache: CacheConfig, limits: LimitsConfig): CacheRule => ({
  freshMs: cache.fresh,
  staleMs: cache.stale,
  staleWhen: new Set(cache.when),
  staleAfterMs: cache.after,
  bodyParams: cache.body,
  private: cache.private,
  shared: cache.shared,
  maxEntryBytes: limits.cache.max_entry,
})

const MANNERS = ['max_wait', 'max_queue', 'on_exhausted', 'enforce', 'priority', 'lane'] as const

/** The manners that a class sets itself. */
const given = (config: Partial<MannersConfig>): Partial<MannersConfig> =>
  Object.fromEntries(MANNERS.filter((key) => config[key] !== undefined).map((key) => [key, config[key]]))
