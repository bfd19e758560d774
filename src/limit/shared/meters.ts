// Meters of a part of a limit: what the store has of it, or this weir's share.

import type { BucketRule } from '../../core/rules.ts'
import type { Millis, Tokens } from '../../core/units.ts'
import { Bucket } from '../bucket.ts'
import { usableOf } from '../capacity.ts'
import { Window } from '../window.ts'
import type { Heard } from './wire.ts'

/** All that may ever be used of a limit. */
export const limitOf = (rule: BucketRule): Tokens => Math.min(ENDLESS, usableOf(rule))

/** Stands for a limit without end, which JSON can not say. */
const ENDLESS: Tokens = 1e12

/** A part of a limit with `level` of it there, as of a moment that may lie ahead: nothing is gained until then. */
export const meterOf = (rule: BucketRule, share: number, level: Tokens, asOf: Millis): Bucket | Window => {
  const part = partOf(rule, share)
  const limit = limitOf(part)
  const filled = limit === 0 ? 0 : Math.min(1, level / limit)
  return part.kind === 'bucket' ? new Bucket(part, asOf, filled) : new Window(part, asOf, filled)
}

/** What the store told of its part. */
export const seenMeter = (rule: BucketRule, told: Heard['buckets'][number], now: Millis): Bucket | Window => {
  const part = partOf(rule, told.part)
  const capacity = limitOf(part)
  const snapshot = { inFlight: told.held, closedForMs: told.closed, share: told.trust }
  const there = told.free + told.held
  if (part.kind === 'bucket') return Bucket.restore(part, { ...snapshot, spent: [], tokens: there, capacity }, 0, now)
  const spent = [{ agoMs: 0, cost: Math.max(0, capacity - there) }]
  return Window.restore(part, { ...snapshot, spent, tokens: undefined }, 0, now)
}

/** A share of all that may ever be used of a limit. */
const partOf = (rule: BucketRule, share: number): BucketRule =>
  rule.kind === 'bucket'
    ? { ...rule, capacity: limitOf(rule) * share, margin: 0, refill: rule.refill * share }
    : { ...rule, limit: limitOf(rule) * share }

/** The same with other numbers; a new one, with nothing in it, where it is of another kind. */
export const retuned = (meter: Bucket | Window, rule: BucketRule, share: number, now: Millis): Bucket | Window => {
  const part = partOf(rule, share)
  if (meter instanceof Bucket && part.kind === 'bucket') meter.retune(part, now)
  else if (meter instanceof Window && part.kind === 'window') meter.retune(part)
  else return meterOf(rule, share, 0, now)
  return meter
}
