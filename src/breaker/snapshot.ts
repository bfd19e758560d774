// A breaker at rest: what must survive a restart, in wall-clock time, as plain JSON. A restart neither shortens an open
// time nor forgets violations; an open time that ran out meanwhile is half-open.

import type { BreakerState } from '../core/events.ts'
import type { Millis } from '../core/units.ts'
import type { BreakerChange } from '../core/views.ts'
import { type Cause, type Health, newHealth } from './health.ts'

/** What is kept of one host's breaker. */
export interface BreakerSnapshot {
  readonly state: BreakerState
  readonly cause: Cause | undefined
  /** Absent in snapshots of weirs that knew no others. */
  readonly shared?: boolean
  readonly reason: string
  readonly sinceWallMs: Millis
  /** End of an open time; undefined unless open, and when only a hand can close it. */
  readonly untilWallMs: Millis | undefined
  readonly level: number
  readonly violationsWallMs: readonly Millis[]
  /** Oldest first. */
  readonly history: readonly BreakerChange[]
}

/** The two clocks at one moment. */
export interface Moment {
  readonly now: Millis
  readonly wall: Millis
}

/** Writes down `health`. Probes under way are not kept: their answers die with the process. */
export const freeze = (health: Health, history: readonly BreakerChange[], { now, wall }: Moment): BreakerSnapshot => {
  const onWall = (at: Millis): Millis => Math.round(wall + at - now)
  const ends = health.kind === 'open' && health.until !== Number.POSITIVE_INFINITY
  return {
    state: health.kind,
    cause: health.kind === 'closed' ? undefined : health.cause,
    ...(health.kind === 'closed' ? {} : { shared: health.shared }),
    reason: health.reason,
    sinceWallMs: onWall(health.since),
    untilWallMs: ends ? onWall(health.until) : undefined,
    level: health.level,
    violationsWallMs: health.violations.map(onWall),
    history: [...history],
  }
}

/** Brings `snapshot` back to life. A wall clock that was set back meanwhile can not make an open time longer than it was. */
export const thaw = (snapshot: BreakerSnapshot, { now, wall }: Moment): Health => {
  const elapsed = (at: Millis): Millis => Math.max(0, wall - at)
  const { reason, level, sinceWallMs } = snapshot
  const violations = snapshot.violationsWallMs.map((at) => now - elapsed(at))
  const memory = { reason, level, violations, epoch: 1, since: now - elapsed(sinceWallMs) }
  if (snapshot.state === 'closed') return { ...newHealth(now), ...memory }
  const { cause = 'failures', shared = false } = snapshot
  if (snapshot.state === 'half_open') return { kind: 'half_open', cause, shared, probes: [], successes: 0, ...memory }
  if (cause === 'manual') return { kind: 'open', cause, shared, until: Number.POSITIVE_INFINITY, ...memory }
  const until = snapshot.untilWallMs ?? wall
  const left = Math.min(until - wall, until - sinceWallMs)
  return { kind: 'open', cause, shared, until: now + left, ...memory }
}
