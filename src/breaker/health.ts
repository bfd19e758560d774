// The states of a breaker, as data. Closed is healthy, as in the literature. Only a half-open breaker has probes and
// successes; only an open one has an end.

import type { Millis } from '../core/units.ts'
import type { Recent } from './recent.ts'

/** What a breaker believes about its host. */
export type Health = Closed | Open | HalfOpen

/**
 * What opened it. A probe is judged by the same measure: a slow one fails only where slowness was the reason. `network`: the
 * last failure of several was no answer, so that the fault may lie on this weir's own way.
 */
export type Cause = 'failures' | 'network' | 'slow' | 'limit' | 'manual'

interface Memory {
  /** Grows with every transition; an answer to a call of an older epoch says nothing about this one. */
  readonly epoch: number
  readonly since: Millis
  readonly reason: string
  /** Openings not yet lived down: the exponent of the backoff. */
  readonly level: number
  /** When the exchange refused calls over a limit; at most as many as open the breaker. */
  readonly violations: readonly Millis[]
}

/** Calls pass and are counted. */
export interface Closed extends Memory {
  readonly kind: 'closed'
  /** Failures since the last success. */
  readonly run: number
  readonly recent: Recent
  /** Latest end of a pause that a failing answer asked for (`Retry-After`). */
  readonly pauseUntil: Millis
}

/** Nothing passes before `until`. */
export interface Open extends Memory {
  readonly kind: 'open'
  /** Infinite when opened by hand. */
  readonly until: Millis
  readonly cause: Cause
  /** All weirs of a fleet go by this opening, and by its end. */
  readonly shared: boolean
}

/** A few reads pass, to see whether the host is well again. */
export interface HalfOpen extends Memory {
  readonly kind: 'half_open'
  readonly cause: Cause
  readonly shared: boolean
  readonly probes: readonly Probe[]
  readonly successes: number
}

/** A probe under way. */
export interface Probe {
  readonly id: number
  /** Without an answer by then it has failed, so that a hung probe can not hold the breaker half open for ever. */
  readonly expires: Millis
}

/** A breaker that nothing has happened to. */
export const newHealth = (now: Millis): Closed => ({
  kind: 'closed',
  epoch: 1,
  since: now,
  reason: '',
  level: 0,
  violations: [],
  run: 0,
  recent: [],
  pauseUntil: 0,
})

/** Time until the breaker lets probes through; undefined when only a hand can close it. */
export const openFor = (open: Open, now: Millis): Millis | undefined =>
  open.until === Number.POSITIVE_INFINITY ? undefined : Math.max(0, open.until - now)
