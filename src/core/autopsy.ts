// What is known of a refusal that weir had not foreseen, and what is advised when such refusals repeat.

import type { LowerTier, Scope } from './rules.ts'
import type { Millis, Tokens, TokensPerMs } from './units.ts'

/**
 * Why the exchange refused, as far as the evidence says.
 * `gate`: it closed the scope for a time and spoke of no counter. `foreseen`: the bucket was overdrawn by charges that are
 * never held. `echo`: the call had left before an earlier refusal was known. `host`: the exchange was unwell, or may have
 * counted a call twice. `cold_start`: spent before weir first saw the bucket. `lower_tier`: what passed fits a lower tier.
 * `steps`: a near miss of a rested bucket. `unexplained`: there was room.
 */
export type Cause = 'gate' | 'foreseen' | 'echo' | 'host' | 'cold_start' | 'lower_tier' | 'steps' | 'unexplained'

/** The bucket and the call at the moment the refusal was known. */
export interface Evidence {
  readonly kind: 'bucket' | 'window'
  readonly capacity: Tokens
  /** The documented rate. */
  readonly refill: TokensPerMs
  readonly margin: Tokens
  readonly lowerTiers: readonly LowerTier[]
  readonly cost: Tokens
  /** What weir believed was left once the call was counted. */
  readonly believed: Tokens
  /** The same, had weir used the documented rate all along. */
  readonly room: Tokens
  /** The most that was spent at once before, with no refusal. */
  readonly deepest: Tokens
  /** Of other calls whose answers were not here. */
  readonly inFlight: Tokens
  /** Share of the documented rate that was used. */
  readonly share: number
  readonly waitedMs: Millis
  readonly roundTripMs: Millis
  /** Since the process started. */
  readonly sinceStartMs: Millis
  /** Since weir first saw the bucket; endless when an earlier process had seen it. */
  readonly knownForMs: Millis
  /** How full it was taken to be then, 0 to 1. */
  readonly coldStart: number
  /** The last refusal of this bucket, and what was sent since. */
  readonly previous: { readonly agoMs: Millis; readonly sent: Tokens } | undefined
  /** The call left after the last refusal was known. */
  readonly fresh: boolean
  /** The exchange named a time and spoke of no counter. */
  readonly gate: boolean
  /** The breaker was not closed, or the call was sent twice. */
  readonly troubled: boolean
}

/** The evidence, and what it comes to. */
export interface Autopsy extends Evidence {
  readonly cause: Cause
  /** When the call was let go, by the wall clock. */
  readonly grantedAtWallMs: Millis
  /** Who shares the bucket. */
  readonly scopes: readonly Scope[]
  /** Ids of the classes that take from it. */
  readonly sharers: readonly string[]
}

/** What to do about refusals that repeat. */
export type Advice = 'used_outside' | 'lower_tier' | 'raise_cost' | 'cold_start' | 'margin'

/** Advice with its reasons. */
export interface Recommendation {
  readonly advice: Advice
  readonly exchange: string
  /** Id of the rule: `kraken.private`. */
  readonly bucket: string
  /** The class that the evidence is about. */
  readonly class: string | undefined
  /** One or two sentences, with numbers. */
  readonly text: string
  /** How many refusals or answers say so. */
  readonly count: number
  readonly firstAtWallMs: Millis
  readonly lastAtWallMs: Millis
}
