// The exchange's limits as rules: numbers chosen, headroom taken off, header values written out.

import type { BucketConfig, ExchangeConfig } from '../config/schema.ts'
import type { Path } from '../config/yaml.ts'
import type { BucketRule, Scope, TokenBucketRule, WindowRule } from '../core/rules.ts'
import type { Millis, Tokens, TokensPerMs } from '../core/units.ts'
import type { Report, Variants } from './variants.ts'

/** What all kinds of buckets have in common. */
export interface BucketFrame {
  readonly exchange: string
  readonly name: string
  readonly scopes: readonly Scope[]
  readonly recoveryMs: Millis
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
      return [name, linkBucket(exchange, name, bucket, path, variants, report)]
    }),
  )

/** A token bucket with its header values. */
export const tokenBucket = (
  frame: BucketFrame,
  capacity: Tokens,
  refill: TokensPerMs,
  margin: Tokens = 0,
): TokenBucketRule => ({
  ...titles(frame, capacity, capacity / refill),
  kind: 'bucket',
  capacity,
  margin,
  refill,
})

/** A window with its header values. */
export const windowOf = (frame: BucketFrame, limit: Tokens, everyMs: Millis): WindowRule => ({
  ...titles(frame, limit, everyMs),
  kind: 'window',
  limit,
  everyMs,
})

const linkBucket = (
  exchange: string,
  name: string,
  bucket: BucketConfig,
  path: Path,
  variants: Variants,
  report: Report,
): BucketRule => {
  const scopes = typeof bucket.per === 'string' ? [bucket.per] : bucket.per
  const frame = { exchange, name, scopes, recoveryMs: bucket.recovery }
  const usable = bucket.headroom < 1 ? 1 - bucket.headroom : 1
  const positive = (value: number, key: string): number => {
    if (value > 0) return value
    report([...path, key], 'must be more than 0, or nothing would ever pass')
    return 1
  }
  if (bucket.headroom >= 1) report([...path, 'headroom'], 'leaves nothing of the limit')
  if (new Set(scopes).size < scopes.length) report([...path, 'per'], 'names the same scope twice')
  const number = (key: string, value: Parameters<Variants['choose']>[0]) =>
    positive(variants.choose(value, [...path, key]), key)
  return 'capacity' in bucket
    ? tokenBucket(
        frame,
        number('capacity', bucket.capacity) * usable,
        number('refill', bucket.refill) * usable,
        bucket.margin,
      )
    : windowOf(frame, number('limit', bucket.limit) * usable, number('every', bucket.every))
}

/** RateLimit and RateLimit-Policy (draft-ietf-httpapi-ratelimit-headers): `w` is the time a whole budget takes to come back. */
const titles = ({ exchange, name, scopes, recoveryMs }: BucketFrame, quota: Tokens, everyMs: Millis) => {
  const label = `"${exchange.replaceAll('_', '-')}-${name.replaceAll('_', '-')}"`
  const policy = `${label};q=${Math.max(1, Math.floor(quota))};w=${Math.max(1, Math.round(everyMs / 1000))}`
  return { id: `${exchange}.${name}`, name, exchange, scopes, policy, label, recoveryMs }
}
