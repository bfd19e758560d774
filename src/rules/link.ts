// limits.yaml and the environment to rules: names resolved, tiers chosen, everything frozen.
// Checks what a schema can not see, and goes on after a fault, so that all of them are told at once.

import type { ExchangeConfig, LimitsConfig } from '../config/schema.ts'
import type { BotRule, CredentialSource, EndpointClass, ExchangeRule, ProbeRule, Rules } from '../core/rules.ts'
import { linkAnswers } from './answers.ts'
import { linkBuckets } from './buckets.ts'
import { linkClass, linkFallback } from './classes.ts'
import { type LinkedExchange, linkHosts } from './hosts.ts'
import {
  type Environment,
  exchangeOverrides,
  type GlobalOverrides,
  globalOverrides,
  type ReportVariable,
} from './override.ts'
import { type Report, Variants } from './variants.ts'
import { linkAlerts, linkHealth, linkPatterns } from './watching.ts'

/** Links a config of the right shape. The result counts only when nothing was reported. */
export const linkRules = (
  limits: LimitsConfig,
  env: Environment,
  report: Report,
  reportVariable: ReportVariable,
): Rules => {
  const overrides = globalOverrides(env, reportVariable)
  if (Object.keys(limits.exchanges).length === 0) report(['exchanges'], 'names no exchange', 'key')
  const job = { limits, overrides, env, report, reportVariable }
  const exchanges = Object.entries(limits.exchanges).map(([name, config]) => linkExchange(name, config, job))
  const hosts = linkHosts(exchanges, limits, overrides, report)
  for (const { rule } of exchanges) {
    checkQuestion(rule, 'probe', hosts, report)
    checkQuestion(rule, 'pairs', hosts, report)
  }
  return deepFreeze({
    hosts,
    exchanges: exchanges.map(({ rule }) => rule),
    tunnel: limits.tunnel,
    maxBody: limits.max_body,
    maxQueueBytes: limits.max_queue_bytes,
    cacheBytes: limits.cache.max_bytes,
    metricsPrefix: limits.metrics.prefix,
    bots: new Map(Object.entries(limits.bots).map(([name, bot]) => [name, botRule(bot)])),
    clients: limits.clients.map(({ agent, max_wait }) => ({ agent: agent.toLowerCase(), maxWaitMs: max_wait })),
    alerts: linkAlerts(limits, env, reportVariable),
    health: linkHealth(limits),
    failurePatterns: linkPatterns(limits),
    onStoreFailure: limits.on_store_failure,
    split: limits.split,
    yieldMs: limits.yield_for,
    coldStart: typeof limits.cold_start === 'number' ? limits.cold_start : COLD_START[limits.cold_start],
  })
}

const botRule = ({ weight, max_wait, priority }: LimitsConfig['bots'][string]): BotRule => ({
  weight,
  maxWaitMs: max_wait,
  priority,
})

const COLD_START = { full: 1, half: 0.5, empty: 0 } as const

/** What every exchange is linked with. */
interface Job {
  readonly limits: LimitsConfig
  readonly overrides: GlobalOverrides
  readonly env: Environment
  readonly report: Report
  readonly reportVariable: ReportVariable
}

/** An exchange rule while it is built: its classes point back to it. */
type Draft = { -readonly [K in keyof ExchangeRule]: ExchangeRule[K] }

const linkExchange = (name: string, config: ExchangeConfig, job: Job): LinkedExchange => {
  const { limits, overrides, env, report } = job
  const path = ['exchanges', name]
  const variants = new Variants(config, path, report)
  const bucketsOf = bucketsByClass(config)
  const own = exchangeOverrides(name, bucketsOf, env, job.reportVariable)
  const buckets = own.retuned(linkBuckets(name, config, variants, report))
  const rule = draftOf(name, config, report)
  rule.answers = linkAnswers(config.answers, [...path, 'answers'], buckets, report)
  const context = { limits, config, exchange: rule, buckets, variants, report, own, maxQueue: overrides.maxQueue }
  if ('default' in config.classes) {
    report([...path, 'classes', 'default'], 'the class "default" is written beside "classes", not in it', 'key')
  }
  const classes = Object.entries(config.classes).map(([className, found]) =>
    linkClass(className, found, [...path, 'classes', className], context),
  )
  rule.fallback = linkFallback(config.default, [...path, 'default'], context)
  rule.classes = [...classes.map((linked) => linked.rule), rule.fallback]
  const named = new Set([...bucketsOf.values()].flat())
  for (const bucket of buckets.keys()) {
    if (!named.has(bucket)) report([...path, 'buckets', bucket], 'no class takes from this bucket', 'key')
  }
  const taken = rule.classes.flatMap(({ costs }) => costs.map(({ bucket }) => bucket))
  rule.buckets = [...new Set([...buckets.values(), ...taken])]
  variants.finish()
  return { rule, config, classes }
}

/** All of an exchange that needs no linking. */
const draftOf = (name: string, config: ExchangeConfig, report: Report): Draft => ({
  name,
  dialect: config.dialect,
  credential: config.credential.map(credentialSource),
  accounts: accountsByKey(name, config, report),
  refusalStatus: config.refusal?.status,
  buckets: [],
  classes: [],
  fallback: NO_CLASS,
  answers: [],
  probe: config.probe === undefined ? undefined : probeRule(config.hosts[0] ?? '', config.probe),
  pairs: config.pairs === undefined ? undefined : { host: config.hosts[0] ?? '', target: config.pairs },
  nonceWindow: BigInt(config.nonce_window),
  nonceOrder: config.order,
  headers: config.headers && {
    limit: config.headers.limit?.toLowerCase(),
    remaining: config.headers.remaining?.toLowerCase(),
  },
  lockout: config.lockout && { failures: config.lockout.failures, pauseMs: config.lockout.pause },
})

const probeRule = (host: string, probe: NonNullable<ExchangeConfig['probe']>): ProbeRule => {
  if (typeof probe === 'string') return { host, target: probe }
  const { path, field, down, limited } = probe
  return { host, target: path, says: { field: field.split('.'), down, limited } }
}

/** Stands in until the fallback is linked. */
const NO_CLASS = {} as EndpointClass

const bucketsByClass = (config: ExchangeConfig): Map<string, readonly string[]> =>
  new Map(
    [...Object.entries(config.classes), ['default', config.default] as const].map(([name, { cost }]) => [
      name,
      Object.keys(cost),
    ]),
  )

const credentialSource = (config: ExchangeConfig['credential'][number]): CredentialSource =>
  'header' in config
    ? { from: 'header', name: config.header.toLowerCase() }
    : { from: 'jwt', claims: typeof config.jwt === 'string' ? [config.jwt] : config.jwt }

/** Key ids are not for messages: a fault names the account and the place in its list. */
const accountsByKey = (exchange: string, config: ExchangeConfig, report: Report): Map<string, string> => {
  const accounts = new Map<string, string>()
  for (const [account, keys] of Object.entries(config.accounts)) {
    for (const [index, key] of keys.entries()) {
      const taken = accounts.get(key)
      if (taken !== undefined) {
        report(['exchanges', exchange, 'accounts', account, index], `this key belongs to account "${taken}" already`)
      }
      accounts.set(key, account)
    }
  }
  return accounts
}

/** What weir asks of its own must be harmless, and needs a class that says what it costs. */
const checkQuestion = (rule: ExchangeRule, key: 'probe' | 'pairs', hosts: Rules['hosts'], report: Report): void => {
  const asked = rule[key]
  if (asked === undefined) return
  const found = hosts.get(asked.host)?.classify('GET', asked.target)
  const path = ['exchanges', rule.name, key, ...('says' in asked ? ['path'] : [])]
  if (found === undefined || found === found.exchange.fallback || found.kind !== 'read') {
    report(path, 'must be a path that a class of kind read serves to GET')
  } else if (
    found.lane === 'nonce' ||
    found.costs.some(({ bucket }) => bucket.scopes.some((scope) => scope !== 'ip'))
  ) {
    report(path, `must need no key, but its class ${found.id} takes from limits of a key or account`)
  }
}

const deepFreeze = <T>(value: T, seen = new Set<unknown>()): T => {
  if (value === null || typeof value !== 'object' || seen.has(value)) return value
  seen.add(value)
  const inner = value instanceof Map || value instanceof Set ? value.values() : Object.values(value)
  for (const part of inner) deepFreeze(part, seen)
  return Object.freeze(value)
}
