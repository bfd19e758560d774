// The least time that a call surely spends on the way. Buckets lose nothing by charging late; a window does: each place in it
// is free again a window after the *answer*, so a whole round trip is lost per window. What is certain to have passed
// between arrival and answer, and again before the next call can arrive, need not be lost.

import type { Millis } from '../core/units.ts'

const SAMPLES = 128
/** Below this nothing is certain. */
const LEAST_SAMPLES = 64
const RENEWED_EVERY = 16
/** A real floor has company: a tenth of all calls comes near it. Times that only chance made short do not. */
const COMPANY = 1.3
/** The next call may go out faster than this one came back, but not come back earlier than it did: half of it is sure. */
const SURE_SHARE = 0.5

/** Learns the floor under round trips from calls that ended. */
export class Floor {
  readonly #samples = new Float64Array(SAMPLES)
  #count = 0
  #floorMs: Millis = 0

  /** Takes in how long a call took, and says how much of that is sure. */
  sureOf(tookMs: Millis): Millis {
    this.#samples[this.#count % SAMPLES] = tookMs
    this.#count += 1
    if (this.#count % RENEWED_EVERY === 0 && this.#count >= LEAST_SAMPLES) this.#floorMs = this.#renewed()
    // A call that was quicker than all before it is the new truth at once.
    this.#floorMs = Math.min(this.#floorMs, tookMs)
    return this.#floorMs * SURE_SHARE
  }

  #renewed(): Millis {
    const known = this.#samples.slice(0, Math.min(this.#count, SAMPLES)).sort()
    const least = known[0] ?? 0
    const tenth = known[Math.floor(known.length / 10)] ?? Number.POSITIVE_INFINITY
    return tenth <= least * COMPANY ? least : 0
  }
}
