// What weirs tell each other of a breaker: that the exchange itself said it is unwell, or is well again. Trouble on the way
// to it is no news: the next weir may have another way.

import type { Millis } from '../core/units.ts'
import { type Cause, type Health, openFor } from './health.ts'

/** An opening that all go by, or its end. When to probe is nobody's news: each knows from the open time. */
export type BreakerNews =
  | {
      readonly state: 'open'
      readonly cause: Cause
      readonly reason: string
      /** Undefined: until a hand closes it. */
      readonly openForMs: Millis | undefined
      /** Openings not yet lived down. */
      readonly level: number
    }
  | { readonly state: 'closed'; readonly reason: string }

/** The other weirs. Nothing here throws or rejects: when they can not be reached, each goes by what it sees itself. */
export interface BreakerFleet {
  tell(host: string, news: BreakerNews): void
  /** Whether this weir is the one that may probe the host, for so long or until it yields. */
  claim(host: string, forMs: Millis): Promise<boolean>
  yield(host: string): void
}

/** What the others should hear of a change; undefined when it is none of theirs. */
export const newsOf = (before: Health, after: Health, now: Millis): BreakerNews | undefined => {
  if (after.kind === 'closed') {
    return before.kind !== 'closed' && before.shared ? { state: 'closed', reason: after.reason } : undefined
  }
  if (after.kind !== 'open' || !after.shared) return undefined
  const known = before.kind === 'open' && before.epoch === after.epoch && before.until >= after.until
  const { cause, reason, level } = after
  return known ? undefined : { state: 'open', cause, reason, openForMs: openFor(after, now), level }
}
