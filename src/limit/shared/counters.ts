// The counters of one exchange, as one weir knows them, and what of them the store is still to be told.

import type { Clock } from '../../core/clock.ts'
import type { Millis } from '../../core/units.ts'
import type { BucketKey, Take } from '../store.ts'
import { Counter } from './counter.ts'

/** Buckets that were not used for so long are not counted on any more. */
export const UNUSED_MS: Millis = 30_000

/** Made on demand, forgotten when nothing is lost by it. */
export class Counters implements Iterable<Counter> {
  readonly #clock: Clock
  readonly #made: (counter: Counter, now: Millis) => void
  readonly #all = new Map<BucketKey, Counter>()
  readonly #untold = new Set<Counter>()

  /** @param made sees each new one */
  constructor(clock: Clock, made: (counter: Counter, now: Millis) => void) {
    this.#clock = clock
    this.#made = made
  }

  [Symbol.iterator](): Iterator<Counter> {
    return this.#all.values()
  }

  get untold(): boolean {
    return this.#untold.size > 0
  }

  /** The rule of the take is for a new one only: a call may bring it along from before the rules were replaced. */
  of({ key, rule }: Take): Counter {
    const known = this.#all.get(key)
    if (known !== undefined) return known
    const now = this.#clock.now()
    const counter = new Counter(key, rule, now)
    this.#made(counter, now)
    this.#all.set(key, counter)
    return counter
  }

  /** Something about these is to be told. */
  touch(counters: Iterable<Counter>): void {
    for (const counter of counters) this.#untold.add(counter)
  }

  /** What a message is about: what is asked for, what changed, and what the store keeps back for this weir. */
  toTell(asked: Iterable<Take>, now: Millis): readonly Counter[] {
    const counters = new Set(this.#untold)
    this.#untold.clear()
    for (const take of asked) counters.add(this.of(take))
    for (const counter of this.#all.values()) {
      if (counter.promised) counters.add(counter)
      else if (counter.idle && now - counter.usedAt > 2 * UNUSED_MS) this.#all.delete(counter.key)
    }
    return [...counters]
  }
}
