// How long a bucket rests after the exchange refused: the rule's recovery time, doubled while nothing passes between refusals,
// as long as before when something did, and from the beginning after long peace. Calls that were on the way when a refusal
// became known say nothing new.

import type { Clock } from '../core/clock.ts'
import type { Millis, Tokens } from '../core/units.ts'
import type { BucketKey, Take } from './store.ts'

/** Kraken's older rule suspended a key for 15 minutes; no rest is longer. */
const LONGEST_REST_MS: Millis = 15 * 60_000
/** A refusal this many rests after the last one starts anew. */
const FORGIVEN_AFTER_RESTS = 10
const KEPT = 10_000

/** What a refusal means for its bucket. */
export interface Strike {
  /** How long the bucket rests from now on. */
  readonly pauseMs: Millis
  /** False when the call had left before an earlier refusal was known. */
  readonly fresh: boolean
  /** The last refusal but this, and what was sent since. */
  readonly previous: { readonly agoMs: Millis; readonly sent: Tokens } | undefined
}

interface Remembered {
  readonly restMs: Millis
  readonly at: Millis
  /** All that the bucket had been charged by then. */
  readonly charged: Tokens
  /** A call has passed that left after it. */
  passed: boolean
}

/** Remembers recent refusals per bucket. */
export class Strikes {
  readonly #clock: Clock
  readonly #last = new Map<BucketKey, Remembered>()

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /**
   * Counts a refusal.
   * @param leftAt when the refused call was sent
   * @param charged all that was ever charged to the bucket
   */
  strike({ key, rule }: Take, leftAt: Millis, charged: Tokens): Strike {
    const now = this.#clock.now()
    const last = this.#last.get(key)
    const previous = last && { agoMs: now - last.at, sent: charged - last.charged }
    if (last !== undefined && leftAt <= last.at) {
      return { pauseMs: Math.max(0, last.at + last.restMs - now), fresh: false, previous }
    }
    const restMs = Math.min(
      LONGEST_REST_MS,
      last === undefined ? rule.recoveryMs : nextRest(last, now, rule.recoveryMs),
    )
    if (this.#last.size >= KEPT) this.#last.clear()
    this.#last.set(key, { restMs, at: now, charged, passed: false })
    return { pauseMs: restMs, fresh: true, previous }
  }

  /** A call was not refused for a limit: the rest was long enough. */
  passed(takes: readonly Take[], leftAt: Millis): void {
    if (this.#last.size === 0) return
    for (const { key } of takes) {
      const last = this.#last.get(key)
      if (last !== undefined && leftAt > last.at) last.passed = true
    }
  }
}

const nextRest = ({ restMs, at, passed }: Remembered, now: Millis, recoveryMs: Millis): Millis => {
  if (now - at > restMs * FORGIVEN_AFTER_RESTS) return recoveryMs
  return passed ? restMs : restMs * 2
}
