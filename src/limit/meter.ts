// What weir believes an exchange's counter to be. Pure: time is an argument, nothing is scheduled.
//
// Every charge is made twice. `reserve` when a call leaves: the cost is held as in flight. `settle` when its answer is
// here: the cost is spent as of that moment. The counter is thus modelled as if each call arrived as late as it can have
// arrived, and a counter that is fed later is never lower than one fed earlier; so the exchange's own counter is never
// above ours, whatever the network delays, reorders or stalls.

import type { Millis, Tokens } from '../core/units.ts'

/**
 * Exchanges may stamp arrivals with whole milliseconds, and so may we: an interval can look this much shorter to them
 * than to us. Settling this much late covers both roundings and costs nothing but the same delay, once.
 */
export const CLOCK_GRAIN_MS: Millis = 2

/** Decimal fractions (0.33 per second) do not add up exactly in binary; a shortfall of this size is no shortfall. */
export const ROUNDING: Tokens = 1e-9

/** One counter at one scope. */
export interface Meter {
  /** Time until `cost` fits beside what is in flight; 0 = now. A wait that hangs on calls in flight is an estimate. */
  wait(cost: Tokens, now: Millis): Millis
  /** A call leaves. May exceed what is there: charges that are never held back. */
  reserve(cost: Tokens): void
  /** The call's answer is here, or it may have arrived: spent. */
  settle(cost: Tokens, now: Millis): void
  /** The call never left: nothing was spent. */
  release(cost: Tokens): void
  /** The exchange says the budget is gone, with `counted` of what is in flight; nothing goes before `until`. */
  drain(until: Millis, now: Millis, counted?: Tokens): void
  /** Nothing goes before `until`, whatever is left. */
  close(until: Millis): void
  /** The exchange refused without a reason that is known: a smaller share of the documented rate is used for a time. */
  shrink(now: Millis): void
  /** Tokens there now, after what is in flight; may be negative after charges that were not held. */
  available(now: Millis): Tokens
  /** Time until the meter is full again if nothing more is spent. */
  fullIn(now: Millis): Millis
  /** As `available`, had the documented rate been used all along; more only while the trusted share is below 1. */
  room(now: Millis): Tokens
  /** Trusted share of the documented rate, 0.3 to 1. */
  share(now: Millis): number
  /** All that was ever reserved: the difference of two readings is what was sent between them. */
  readonly charged: Tokens
  readonly inFlight: Tokens
  /** The most that was spent at once with no refusal since the meter was last full: no smaller limit would have let it. */
  readonly deepest: Tokens
  /** Nothing goes before this; in the past when open. */
  readonly closedUntil: Millis
  /** True when nothing would be lost by forgetting it. */
  idle(now: Millis): boolean
  snapshot(now: Millis): MeterSnapshot
}

/** A meter at rest, in times relative to the moment it was taken, so that it survives a restart and another clock. */
export interface MeterSnapshot {
  /** What a window remembers; empty in buckets. */
  readonly spent: readonly { readonly agoMs: Millis; readonly cost: Tokens }[]
  /** Cost of calls whose answer had not come: they may reach the exchange even after the process that sent them died. */
  readonly inFlight: Tokens
  readonly tokens: Tokens | undefined
  /** Of which capacity `tokens` was the rest; absent in windows. */
  readonly capacity?: Tokens
  readonly closedForMs: Millis
  /** Trusted share of the documented rate; absent when all of it is trusted. */
  readonly share?: number
}
