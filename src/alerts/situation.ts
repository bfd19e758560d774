// What the rules look at: the state of weir at one moment, and what has been heard lately.

import type { Clock } from '../core/clock.ts'
import type { Observer } from '../core/events.ts'
import type { Bytes, Millis } from '../core/units.ts'
import type { ActivityView, BreakerView, LimitView, QueueView, RestingKeyView } from '../core/views.ts'
import type { AlertRules } from '../core/watch-rules.ts'

/** The state, asked for anew each time. */
export interface Look {
  readonly settings: AlertRules
  readonly limits: readonly LimitView[]
  readonly queues: readonly QueueView[]
  readonly maxQueueBytes: Bytes
  readonly breakers: readonly BreakerView[]
  readonly exchanges: readonly { readonly name: string; readonly lately: ActivityView }[]
  readonly restingKeys: readonly RestingKeyView[]
  readonly bots: readonly { readonly bot: string; readonly firstAtWallMs: Millis; readonly lastAtWallMs: Millis }[]
  /** Bots that limits.yaml names: missed even if they never called. */
  readonly namedBots: readonly string[]
  /** Checks of limits.yaml that fail, and why. */
  readonly failedChecks: readonly { readonly name: string; readonly error: string }[]
  /** Failures of the common store since the start; 0 where there is none. */
  readonly storeErrors: number
  /** Why the state file can not be written; undefined when it can. */
  readonly stateTrouble: string | undefined
  /** Why the limits.yaml on disk is not in force; undefined when it is. */
  readonly rulesError: string | undefined
}

/** The state, and how often things happened lately. */
export interface Situation extends Look {
  readonly wallMs: Millis
  readonly startedAtWallMs: Millis
  /** Refusals by the exchange within `HEARD_MS`, by bucket. */
  readonly violations: ReadonlyMap<string, number>
  /** The same of signs that something beside weir spends a bucket. */
  readonly bypasses: ReadonlyMap<string, number>
  /** Lanes that reached a bound within `FILLED_MS`: a rush may be over before anybody looks. */
  readonly filled: ReadonlyMap<string, { readonly waiting: number; readonly capacity: number }>
  /** Failures of the common store within the last minute. */
  readonly storeErrorsPerMinute: number
}

/** As long as a violation keeps its alert up. */
export const HEARD_MS: Millis = 300_000
const FILLED_MS: Millis = 10_000
const MINUTE_MS: Millis = 60_000
/** Of each kind; more say nothing more. */
const KEPT = 1000

interface Heard {
  readonly at: Millis
  readonly subject: string
}

/** Remembers what is said once and passes. */
export class Hearing {
  readonly #clock: Clock
  readonly #startedAtWallMs: Millis
  #violations: Heard[] = []
  #bypasses: Heard[] = []
  #filled: (Heard & { readonly waiting: number; readonly capacity: number })[] = []
  #storeErrors: { readonly at: Millis; readonly total: number }[] = []

  constructor(clock: Clock) {
    this.#clock = clock
    this.#startedAtWallMs = clock.wall()
  }

  readonly observer: Observer = (event) => {
    // By far the most frequent, and of no interest here.
    if (event.type === 'call.finished') return
    const at = this.#clock.now()
    if (event.type === 'limit.violated') this.#violations.push({ at, subject: event.bucket })
    else if (event.type === 'bypass.suspected') this.#bypasses.push({ at, subject: event.bucket })
    else if (event.type === 'lane.filled') this.#filled.push({ ...event, at, subject: event.lane })
  }

  /** The situation now. */
  situation(look: Look): Situation {
    const now = this.#clock.now()
    const within =
      (ms: Millis) =>
      ({ at }: { readonly at: Millis }): boolean =>
        at > now - ms
    this.#violations = this.#violations.filter(within(HEARD_MS)).slice(-KEPT)
    this.#bypasses = this.#bypasses.filter(within(HEARD_MS)).slice(-KEPT)
    this.#filled = this.#filled.filter(within(FILLED_MS)).slice(-KEPT)
    this.#storeErrors = [...this.#storeErrors.filter(within(MINUTE_MS)), { at: now, total: look.storeErrors }]
    return {
      ...look,
      wallMs: this.#clock.wall(),
      startedAtWallMs: this.#startedAtWallMs,
      violations: counted(this.#violations),
      bypasses: counted(this.#bypasses),
      filled: new Map(this.#filled.map((lane) => [lane.subject, lane])),
      storeErrorsPerMinute: look.storeErrors - (this.#storeErrors[0]?.total ?? look.storeErrors),
    }
  }
}

const counted = (heard: readonly Heard[]): ReadonlyMap<string, number> => {
  const counts = new Map<string, number>()
  for (const { subject } of heard) counts.set(subject, (counts.get(subject) ?? 0) + 1)
  return counts
}
