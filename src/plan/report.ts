// What a plan says, as data: `weir plan --json` prints it, and the text is made of it.

import type { Millis, Tokens } from '../core/units.ts'
import type { Replay } from './replay.ts'
import type { FormatName } from './trace.ts'

/** What `weir plan` tells. */
export interface PlanReport {
  readonly format: FormatName
  readonly calls: number
  readonly keys: number
  /** Hosts that are not in limits.yaml: their calls are left out. */
  readonly elsewhere: readonly { readonly host: string; readonly calls: number }[]
  /** Calls of a log that no exchange saw: left out. */
  readonly answered: number
  /** Calls priced as for the youngest of orders, since the trace does not tell how old theirs are. */
  readonly guessed: number
  /** All at once, at the limits, round trips not counted. */
  readonly totalMs: Millis
  readonly exchanges: readonly ExchangePlan[]
  /** Undefined when not every call has a time. */
  readonly replay: Replay | undefined
  /** What `used` of the buckets is a share of. */
  readonly spanMs: Millis
  /** Those that take longest first. */
  readonly buckets: readonly BucketPlan[]
  /** Those with most calls first. */
  readonly classes: readonly ClassPlan[]
  readonly cache: CachePlan
  /** What would help, one sentence each. */
  readonly advice: readonly string[]
  /** What the numbers leave out, one sentence each. */
  readonly notes: readonly string[]
}

/** One exchange of the trace. */
export interface ExchangePlan {
  readonly exchange: string
  readonly calls: number
  readonly totalMs: Millis
  /** The bucket that makes it last so long; undefined when nothing waits. */
  readonly binds: Scoped | undefined
  /** How long it would last with another tier. */
  readonly tiers: readonly { readonly tier: string; readonly totalMs: Millis }[]
}

/** A bucket at one scope: `ip`, `key 1`, `key 1/XBT/USD`. */
export interface Scoped {
  readonly bucket: string
  readonly scope: string
}

export interface BucketPlan extends Scoped {
  readonly calls: number
  readonly cost: Tokens
  /** Share of what it gives within `spanMs`; above 1 it can not give it. */
  readonly used: number
  /** How long it alone would take to give it. */
  readonly aloneMs: Millis
  readonly binds: boolean
}

export interface ClassPlan {
  readonly class: string
  readonly calls: number
  /** Its share in all that the trace takes from that kind of bucket. */
  readonly costs: readonly { readonly bucket: string; readonly cost: Tokens; readonly share: number }[]
}

/** What answering repeated public GETs from a cache would save. */
export interface CachePlan {
  readonly asked: number
  readonly different: number
  /** Empty without times. `freshMs` is undefined for the cache as limits.yaml has it. */
  readonly savings: readonly {
    readonly freshMs: Millis | undefined
    readonly saved: number
    readonly totalMs: Millis
  }[]
}
