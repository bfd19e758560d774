// The road between bot and exchange: a fixed latency, seeded jitter that may reorder calls of different connections,
// and stalls in which everything piles up and then arrives together.

import type { Clock } from './clock.ts'

export class Gate {
  readonly #clock: Clock
  readonly #random: () => number
  readonly #latencyMs: number
  readonly #jitterMs: number
  #stalled: Promise<void> | undefined
  #held = 0

  constructor(clock: Clock, random: () => number, rule: { readonly latencyMs: number; readonly jitterMs: number }) {
    this.#clock = clock
    this.#random = random
    this.#latencyMs = rule.latencyMs
    this.#jitterMs = rule.jitterMs
  }

  /** Resolves when the call has arrived at the exchange: half the latency, all the jitter, and any stall later. */
  async arrive(): Promise<void> {
    const ms = this.#latencyMs / 2 + this.#random() * this.#jitterMs
    if (ms > 0) await this.#clock.sleep(ms)
    this.#held += 1
    while (this.#stalled) await this.#stalled
    this.#held -= 1
  }

  /** Calls that a stall holds back just now. */
  get held(): number {
    return this.#held
  }

  /** Resolves when the answer has travelled back. */
  async leave(): Promise<void> {
    if (this.#latencyMs > 0) await this.#clock.sleep(this.#latencyMs / 2)
  }

  /** Holds every arrival for that long; they go on in the order in which they came. */
  stall(ms: number): void {
    const stalled = this.#clock.sleep(ms).then(() => {
      if (this.#stalled === stalled) this.#stalled = undefined
    })
    this.#stalled = stalled
  }
}

/** A small seeded generator of numbers in [0, 1): the same seed gives the same run. */
export function seeded(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296
  }
}
