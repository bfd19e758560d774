// What the numbers of a bucket's rule come to, whichever kind it is.

import type { BucketRule } from '../core/rules.ts'
import type { Tokens, TokensPerMs } from '../core/units.ts'

/** Tokens of a full bucket, its margin among them; or all that a window lets through. */
export const capacityOf = (rule: BucketRule): Tokens => (rule.kind === 'bucket' ? rule.capacity : rule.limit)

/** What comes back, on the whole. */
export const refillOf = (rule: BucketRule): TokensPerMs =>
  rule.kind === 'bucket' ? rule.refill : rule.limit / rule.everyMs

/** All that may ever be used at once: the margin stays. */
export const usableOf = (rule: BucketRule): Tokens =>
  rule.kind === 'bucket' ? rule.capacity - rule.margin : rule.limit

/** The rule with a limit that the exchange told, where that is the smaller one; a bucket's rate shrinks with it. */
export const limited = (rule: BucketRule, told: Tokens): BucketRule => {
  const own = capacityOf(rule)
  if (told >= own) return rule
  return rule.kind === 'bucket'
    ? { ...rule, capacity: told, refill: (rule.refill * told) / own }
    : { ...rule, limit: told }
}
