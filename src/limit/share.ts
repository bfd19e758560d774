// How much of an exchange's documented rate a bucket trusts itself to use. Each refusal that nothing explains takes a fifth of
// it away, down to 30 %; clean time gives it back, a tenth of the documented rate per minute, and never more than all of it.
// Pure: time is an argument, nothing is scheduled.

import type { Millis } from '../core/units.ts'

/** Below this it is not the rate that is wrong, and a bot must not starve for somebody else's traffic. */
const FLOOR = 0.3
/** What a refusal leaves of it: few refusals reach any level, so they die down within a minute. */
const KEPT = 0.8
/** From the floor to the whole rate in seven minutes. */
const REGAINED_PER_MS = 0.1 / 60_000

/** The trusted share of one bucket's rate, 0.3 to 1. */
export class Share {
  #value = 1
  #asOf: Millis = 0

  /** Takes up what an earlier process had. */
  static of(value: number, now: Millis): Share {
    const share = new Share()
    share.#value = Math.min(1, Math.max(FLOOR, value))
    share.#asOf = now
    return share
  }

  at(now: Millis): number {
    if (this.#value === 1) return 1
    return Math.min(1, this.#value + Math.max(0, now - this.#asOf) * REGAINED_PER_MS)
  }

  /** The mean between two moments: what a refill over that time is worth. */
  between(from: Millis, to: Millis): number {
    if (this.#value === 1) return 1
    const [start, end] = [this.at(from), this.at(to)]
    if (start >= 1) this.#value = 1
    const still = Math.min(to, Math.max(from, this.#asOf)) - from
    const growing = Math.min(to - from - still, (1 - start) / REGAINED_PER_MS)
    if (growing <= 0) return start
    return (start * still + ((start + end) / 2) * growing + end * (to - from - still - growing)) / (to - from)
  }

  /** A refusal that nothing explains. Nothing is regained before `openAt`: a time without calls proves nothing. */
  shrink(now: Millis, openAt: Millis): void {
    this.#value = Math.max(FLOOR, this.at(now) * KEPT)
    this.#asOf = Math.max(now, openAt)
  }

  /** Trusts the documented rate again. */
  reset(): void {
    this.#value = 1
  }
}
