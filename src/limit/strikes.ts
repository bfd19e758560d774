// How long a bucket rests after the exchange refused: the rule's recovery time, doubled while refusals repeat.

import type { Clock } from '../core/clock.ts'
import type { Millis } from '../core/units.ts'
import type { BucketKey, Take } from './store.ts'

/** Kraken's older rule suspended a key for 15 minutes; no rest is longer. */
const LONGEST_REST_MS: Millis = 15 * 60_000
/** A refusal this many rests after the last one starts anew. */
const FORGIVEN_AFTER_RESTS = 10
const KEPT = 10_000

interface Strike {
  readonly restMs: Millis
  readonly at: Millis
}

/** Remembers recent refusals per bucket. */
export class Strikes {
  readonly #clock: Clock
  readonly #strikes = new Map<BucketKey, Strike>()

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** Counts a refusal and says how long the bucket rests. */
  pauseMs({ key, rule }: Take): Millis {
    const now = this.#clock.now()
    const last = this.#strikes.get(key)
    const repeated = last !== undefined && now - last.at < last.restMs * FORGIVEN_AFTER_RESTS
    const restMs = Math.min(LONGEST_REST_MS, repeated ? last.restMs * 2 : rule.recoveryMs)
    if (this.#strikes.size >= KEPT) this.#strikes.clear()
    this.#strikes.set(key, { restMs, at: now })
    return restMs
  }
}
