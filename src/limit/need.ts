// How long a call waits for its buckets: as long as for the one that keeps it waiting the longest.

import type { Millis } from '../core/units.ts'
import type { Take } from './store.ts'

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
