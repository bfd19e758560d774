// Limits set by environment variables: KRAKEN_RATE_LIMIT_{CLASS}_{RPM|RPS|BURST} and the like, for every exchange.
// RPS and BURST set refill and capacity of the buckets of the class, for all who share them; when several variables
// speak of one bucket, the strictest holds. RPM adds a window of its own to the class, with the same scopes.

import { didYouMeanOneOf } from '../config/suggest.ts'
import { type BucketRule, type CostRule, isGate, type TokenBucketRule, type WindowRule } from '../core/rules.ts'
import type { Millis } from '../core/units.ts'
import { tokenBucket, windowOf } from './buckets.ts'

/** Environment variables, as in `process.env`. */
export type Environment = Readonly<Record<string, string | undefined>>

/** Takes one fault of a variable. */
export type ReportVariable = (variable: string, message: string) => void

/** Numbers that hold for all exchanges. */
export interface GlobalOverrides {
  /** RATE_LIMIT_CB_VIOLATIONS */
  readonly violations: number | undefined
  /** RATE_LIMIT_CB_SECONDS */
  readonly violationOpenMs: Millis | undefined
  /** MAX_INBOX_SIZE */
  readonly maxQueue: number | undefined
}

/** What variables say about one class. */
interface Override {
  readonly variable: string
  readonly className: string
  readonly what: 'RPM' | 'RPS' | 'BURST'
  readonly value: number
}

/** What variables say about one exchange, ready to be applied. */
export interface ExchangeOverrides {
  /** @returns the buckets with new numbers */
  readonly retuned: (buckets: ReadonlyMap<string, BucketRule>) => Map<string, BucketRule>
  /** @returns the costs with those of the buckets that variables add */
  readonly extraCosts: (className: string, costs: readonly CostRule[]) => readonly CostRule[]
  /** ` (set by VARIABLE)` where the numbers of a bucket are not those of the file. */
  readonly origin: (bucket: BucketRule) => string
}

/** RATE_LIMIT_CB_VIOLATIONS, RATE_LIMIT_CB_SECONDS, MAX_INBOX_SIZE. */
export const globalOverrides = (env: Environment, report: ReportVariable): GlobalOverrides => {
  const whole = (variable: string): number | undefined => {
    const value = positive(env[variable], variable, report)
    if (value === undefined || Number.isInteger(value)) return value
    report(variable, `expected a whole number, got "${env[variable]}"`)
    return undefined
  }
  const seconds = positive(env.RATE_LIMIT_CB_SECONDS, 'RATE_LIMIT_CB_SECONDS', report)
  return {
    violations: whole('RATE_LIMIT_CB_VIOLATIONS'),
    violationOpenMs: seconds === undefined ? undefined : seconds * 1000,
    maxQueue: whole('MAX_INBOX_SIZE'),
  }
}

/**
 * Reads the variables of one exchange.
 * @param classes which buckets each class takes from
 */
export const exchangeOverrides = (
  exchange: string,
  classes: ReadonlyMap<string, readonly string[]>,
  env: Environment,
  report: ReportVariable,
): ExchangeOverrides => {
  const overrides = readOverrides(exchange, classes, env, report)
  const origins = new Map<string, string>()
  const retuned = (buckets: ReadonlyMap<string, BucketRule>) => {
    const changed = new Map(buckets)
    for (const [name, bucket] of buckets) {
      if (isGate(bucket)) continue
      const mine = overrides.filter(({ className }) => classes.get(className)?.includes(name) === true)
      const rps = strictest(mine, 'RPS')
      const burst = bucket.kind === 'bucket' ? strictest(mine, 'BURST') : undefined
      if (rps === undefined && burst === undefined) continue
      const rule = retune(bucket, rps?.value, burst?.value)
      const variables = [burst, rps].flatMap((found) => (found === undefined ? [] : [found.variable]))
      origins.set(rule.id, ` (set by ${variables.join(' and ')})`)
      changed.set(name, rule)
    }
    return changed
  }
  const extraCosts = (className: string, costs: readonly CostRule[]) => {
    const mine = overrides.filter((override) => override.className === className)
    const extra = mine.flatMap((override) => extraBucket(exchange, override, costs))
    return [...costs, ...extra.map((bucket) => ({ bucket, fixed: 1, each: [], byParam: [], byAge: [] }))]
  }
  return { retuned, extraCosts, origin: ({ id }) => origins.get(id) ?? '' }
}

const KIND = /_(RPM|RPS|BURST)$/

const readOverrides = (
  exchange: string,
  classes: ReadonlyMap<string, readonly string[]>,
  env: Environment,
  report: ReportVariable,
): readonly Override[] => {
  const prefix = `${exchange.toUpperCase()}_RATE_LIMIT_`
  const found: Override[] = []
  for (const variable of Object.keys(env).sort()) {
    if (!variable.startsWith(prefix) || env[variable] === undefined) continue
    const what = KIND.exec(variable)?.[1] as Override['what'] | undefined
    if (what === undefined) {
      report(variable, 'must end in _RPM, _RPS or _BURST')
      continue
    }
    const className = variable.slice(prefix.length, -what.length - 1).toLowerCase()
    const buckets = classes.get(className)
    if (buckets === undefined) {
      report(variable, `no class "${className}" in ${exchange}${didYouMeanOneOf(className, classes.keys())}`)
      continue
    }
    const value = positive(env[variable], variable, report)
    if (value === undefined) continue
    if (buckets.length === 0) report(variable, `the class ${exchange}.${className} takes from no bucket`)
    else found.push({ variable, className, what, value })
  }
  return found
}

const strictest = (overrides: readonly Override[], what: Override['what']): Override | undefined =>
  overrides.filter((override) => override.what === what).toSorted((a, b) => a.value - b.value)[0]

const retune = (bucket: BucketRule, rps: number | undefined, burst: number | undefined): BucketRule =>
  bucket.kind === 'bucket'
    ? tokenBucket(
        bucket,
        burst ?? bucket.capacity,
        rps === undefined ? bucket.refill : rps / 1000,
        burst === undefined ? bucket.margin : 0,
        burst === undefined && rps === undefined ? bucket.lowerTiers : [],
      )
    : windowOf(
        bucket,
        rps === undefined ? bucket.limit : (rps * bucket.everyMs) / 1000,
        bucket.everyMs,
        bucket.shortestRoundTripMs,
      )

/** RPM: a window. BURST where the exchange states a window, which has no burst: a bucket beside it, at its rate. */
const extraBucket = (
  exchange: string,
  { className, what, value }: Override,
  costs: readonly CostRule[],
): readonly (TokenBucketRule | WindowRule)[] => {
  const like = costs[0]?.bucket
  if (like === undefined) return []
  const frame = { exchange, scopes: like.scopes, recoveryMs: like.recoveryMs, adaptive: like.adaptive }
  if (what === 'RPM') return [windowOf({ ...frame, name: `${className}_rpm` }, value, 60_000)]
  if (what === 'BURST' && like.kind === 'window') {
    return [tokenBucket({ ...frame, name: `${className}_burst` }, value, like.limit / like.everyMs)]
  }
  return []
}

const positive = (text: string | undefined, variable: string, report: ReportVariable): number | undefined => {
  if (text === undefined || text.trim() === '') return undefined
  const value = Number(text)
  if (Number.isFinite(value) && value > 0) return value
  report(variable, `expected a number above 0, got "${text}"`)
  return undefined
}
