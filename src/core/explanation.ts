// What weir would do with a call, in plain data: made by `explain`, shown by the admin port and the command line.

import type { BreakerState } from './events.ts'
import type { EndpointClass } from './rules.ts'
import type { Millis, Tokens } from './units.ts'
import type { LimitView } from './views.ts'

/** What weir would do with a call that arrived now. Nothing is spent by asking. */
export interface Explanation {
  readonly method: string
  readonly host: string
  readonly path: string
  readonly exchange: string
  readonly class: string
  readonly kind: EndpointClass['kind']
  /** Pattern that matched, as written; undefined when none did and the exchange's default class answers. */
  readonly pattern: string | undefined
  /** All patterns of the class. */
  readonly patterns: readonly string[]
  readonly lane: EndpointClass['lane']
  readonly hold: boolean
  readonly enforce: EndpointClass['enforce']
  readonly priority: EndpointClass['priority']
  readonly maxWaitMs: Millis
  readonly costs: readonly ExplainedCost[]
  readonly cache:
    | { readonly freshMs: Millis; readonly staleMs: Millis; readonly staleWhen: readonly string[] }
    | undefined
  readonly breaker: BreakerState | undefined
  /** What would happen now; undefined when no running weir was asked. */
  readonly now: Forecast | undefined
}

/** What weir would do with a call, as far as can be known without spending anything. */
export interface Forecast {
  readonly decision: 'forward' | 'wait' | 'refuse' | 'cached' | 'stale'
  readonly waitMs: Millis
  /** One sentence. */
  readonly why: string
}

/** The price in one bucket, and its level where known. */
export interface ExplainedCost {
  readonly bucket: string
  readonly cost: Tokens
  /** How the cost comes about when it is not one number: `1, and up to 3 more while the order is younger than 15 s`. */
  readonly note: string | undefined
  /** Level at the scope asked about; undefined when that hangs on a key that was not given, or no running weir was asked. */
  readonly level: LimitView | undefined
}
