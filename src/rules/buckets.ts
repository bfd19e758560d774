// The exchange's limits as rules: numbers chosen, headroom taken off, header values written out.

import type { BucketConfig, ExchangeConfig } from '../config/schema.ts'
import type { Path } from '../config/yaml.ts'
import type { BucketRule, LowerTier, Scope, TokenBucketRule, WindowRule } from '../core/rules.ts'
import type { Millis, Tokens, TokensPerMs } from '../core/units.ts'
import type { Report, Variants, Varied } from './variants.ts'

/** What all kinds of buckets have in common. */
export interface BucketFrame {
  readonly exchange: string
  readonly name: string
  readonly scopes: readonly Scope[]
  readonly recoveryMs: Millis
  readonly adaptive: boolean
}

/** The buckets of one exchange, by name. */
export const linkBuckets = (
  exchange: string,
  config: ExchangeConfig,
  variants: Variants,
  report: Report,
): Map<string, BucketRule> =>
  new Map(
    Object.entries(config.buckets).map(([name, bucket]) => {
      const path = ['exchanges', exchange, 'buckets', name]
      return [name, linkBucket(config, exchange, name, bucket, path, variants, report)]
    }),
  )

/** A token bucket with its header values. */
export const tokenBucket = (
  frame: BucketFrame,
  capacity: Tokens,
  refill: TokensPerMs,
  margin: Tokens = 0,
  lowerTiers: readonly LowerTier[] = [],
): TokenBucketRule => ({
  ...titles(frame, capacity, capacity / refill),
  kind: 'bucket',
  capacity,
  margin,
  refill,
  lowerTiers,
})

/** A window with its header values. */
export const windowOf = (
  frame: BucketFrame,
  limit: Tokens,
  everyMs: Millis,
  shortestRoundTripMs: Millis = 0,
): WindowRule => ({
  ...titles(frame, limit, everyMs),
  kind: 'window',
  limit,
  everyMs,
  shortestRoundTripMs,
})

/** A gate: a bucket that holds nothing, and never adapts, for there is no rate. */
const gateOf = (frame: BucketFrame): TokenBucketRule => ({
  ...titles(frame, 0, 0),
  kind: 'bucket',
  capacity: 0,
  margin: 0,
  refill: 0,
  lowerTiers: [],
})

const linkBucket = (
  { adaptive }: ExchangeConfig,
  exchange: string,
  name: string,
  bucket: BucketConfig,
  path: Path,
  variants: Variants,
  report: Report,
): BucketRule => {
  const scopes = typeof bucket.per === 'string' ? [bucket.per] : bucket.per
  if (new Set(scopes).size < scopes.length) report([...path, 'per'], 'names the same scope twice')
  if ('gate' in bucket) return gateOf({ exchange, name, scopes, recoveryMs: bucket.recovery, adaptive: false })
  const frame = { exchange, name, scopes, recoveryMs: bucket.recovery, adaptive: bucket.adaptive ?? adaptive }
  const usable = bucket.headroom < 1 ? 1 - bucket.headroom : 1
  const positive = (value: number, key: string): number => {
    if (value > 0) return value
    report([...path, key], 'must be more than 0, or nothing would ever pass')
    return 1
  }
  if (bucket.headroom >= 1) report([...path, 'headroom'], 'leaves nothing of the limit')
  const number = (key: string, value: Parameters<Variants['choose']>[0]) =>
    positive(variants.choose(value, [...path, key]), key)
  if ('limit' in bucket) {
    const everyMs = number('every', bucket.every)
    if (bucket.shortest_round_trip >= everyMs) report([...path, 'shortest_round_trip'], 'must be less than every')
    return windowOf(frame, number('limit', bucket.limit) * usable, everyMs, bucket.shortest_round_trip)
  }
  const capacity = number('capacity', bucket.capacity) * usable
  const refill = number('refill', bucket.refill) * usable
  return tokenBucket(frame, capacity, refill, bucket.margin, lowerTiers(bucket, usable, refill))
}

/** Tiers with a lower rate, where both numbers are given per tier. */
const lowerTiers = (
  { capacity, refill }: { capacity: Varied<Tokens>; refill: Varied<TokensPerMs> },
  usable: number,
  chosen: TokensPerMs,
): readonly LowerTier[] => {
  if (typeof capacity === 'number' || typeof refill === 'number') return []
  return Object.keys(capacity).flatMap((name) => {
    const tier = { name, capacity: (capacity[name] ?? 0) * usable, refill: (refill[name] ?? 0) * usable }
    return tier.refill > 0 && tier.refill < chosen ? [tier] : []
  })
}

/** RateLimit and RateLimit-Policy (draft-ietf-httpapi-ratelimit-headers): `w` is the time a whole budget takes to come back. */
const titles = ({ exchange, name, scopes, recoveryMs, adaptive }: BucketFrame, quota: Tokens, everyMs: Millis) => {
  const label = `"${exchange.replaceAll('_', '-')}-${name.replaceAll('_', '-')}"`
  const rate = `q=${Math.max(1, Math.floor(quota))};w=${Math.max(1, Math.round(everyMs / 1000))}`
  const policy = `${label};${quota === 0 ? 'q=0' : rate}`
  return { id: `${exchange}.${name}`, name, exchange, scopes, policy, label, recoveryMs, adaptive }
}
