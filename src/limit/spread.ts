// How much round trips to an exchange vary: two calls sent further apart than that seldom swap on the way. Seldom, not never:
// it is what was seen lately, and a new connection or a lost packet takes longer than anything seen.

import type { Millis } from '../core/units.ts'

const LEAST_GAP_MS: Millis = 5
const LONGEST_GAP_MS: Millis = 250
/** Round trips remembered, and how many are needed to say anything. */
const KEPT = 64
const ENOUGH = 16
/** The gap is worked out anew after so many. */
const EVERY = 8

/** The round trips of late. */
export class Spread {
  readonly #tookMs: Millis[] = []
  #seen = 0
  #gapMs = LONGEST_GAP_MS

  /** A call went and its answer came. */
  add(tookMs: Millis): void {
    this.#tookMs[this.#seen % KEPT] = tookMs
    this.#seen += 1
    if (this.#seen >= ENOUGH && this.#seen % EVERY === 0) this.#gapMs = gapOf(this.#tookMs)
  }

  /** From the quickest to the slowest round trip, without the odd ones at both ends: 5 to 250 ms. */
  get gapMs(): Millis {
    return this.#gapMs
  }
}

const gapOf = (tookMs: readonly Millis[]): Millis => {
  const sorted = tookMs.toSorted((a, b) => a - b)
  const at = (share: number): Millis => sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? 0
  return Math.min(LONGEST_GAP_MS, Math.max(LEAST_GAP_MS, at(0.95) - at(0.05)))
}
