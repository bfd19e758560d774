// What a call needs of its buckets, and how long it waits for all of them: as long as for the slowest.

import type { BucketRule } from '../core/rules.ts'
import type { Millis, Tokens } from '../core/units.ts'
import { usableOf } from './capacity.ts'
import type { Take } from './store.ts'

/**
 * What must remain beside the cost. A call brings it along as a part of the limit that was configured; of a smaller one that
 * holds instead, it is the same part, or less urgent calls would never go again.
 */
export const keepOf = ({ keep = 0, rule }: Take, inForce: BucketRule): Tokens =>
  keep === 0 || rule === inForce ? keep : (keep * Math.max(0, usableOf(inForce))) / usableOf(rule)

/** The longest of the waits, and whose it is; nobody's when there is none. */
export const longestWait = (
  takes: readonly Take[],
  waitFor: (take: Take) => Millis,
): { readonly waitMs: Millis; readonly by: Take | undefined } => {
  let waitMs = 0
  let by: Take | undefined
  for (const take of takes) {
    const one = waitFor(take)
    if (one <= waitMs) continue
    waitMs = one
    by = take
  }
  return { waitMs, by }
}
