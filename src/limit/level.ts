// A bucket's level, as every store tells it.

import type { BucketRule } from '../core/rules.ts'
import type { Millis } from '../core/units.ts'
import type { Meter } from './meter.ts'
import type { BucketKey, BucketLevel } from './store.ts'

/** What the meter says now. @param knownForMs how long the store has kept it */
export const levelOf = (
  key: BucketKey,
  rule: BucketRule,
  meter: Meter,
  now: Millis,
  knownForMs: Millis,
): BucketLevel => ({
  key,
  rule,
  available: meter.available(now),
  inFlight: meter.inFlight,
  fullInMs: meter.fullIn(now),
  closedForMs: Math.max(0, meter.closedUntil - now),
  share: meter.share(now),
  room: meter.room(now),
  charged: meter.charged,
  deepest: meter.deepest,
  knownForMs,
})
