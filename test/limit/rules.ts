// Small honest bucket rules.

import type { TokenBucketRule, WindowRule } from '../../src/core/rules.ts'
import type { Take } from '../../src/limit/store.ts'

const base = (name: string) => ({
  id: `test.${name}`,
  name,
  exchange: 'test',
  scopes: ['ip'] as const,
  policy: '',
  label: `"test-${name}"`,
  recoveryMs: 5000,
  adaptive: true,
})

/** A bucket of `capacity` tokens that gains `perSecond`. */
export const bucketRule = (capacity: number, perSecond: number, name = 'bucket'): TokenBucketRule => ({
  ...base(name),
  kind: 'bucket',
  capacity,
  margin: 0,
  lowerTiers: [],
  refill: perSecond / 1000,
})

/** At most `limit` in any `everyMs`. */
export const windowRule = (limit: number, everyMs: number, name = 'window'): WindowRule => ({
  ...base(name),
  kind: 'window',
  limit,
  everyMs,
  shortestRoundTripMs: 0,
})

/** A take of `cost` from that rule's only scope. */
export const takeFrom = (rule: TokenBucketRule | WindowRule, cost = 1): Take => ({
  key: `{test}${rule.name}`,
  rule,
  cost,
})
