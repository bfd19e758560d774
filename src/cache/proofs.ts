// Who may see private answers. A key id is public, so knowing one proves nothing: only a pair of bot and credential whose
// own signed call the exchange accepted lately is served what that pair was answered before.

import type { ClassifiedCall } from '../core/call.ts'
import type { Clock } from '../core/clock.ts'
import type { Millis } from '../core/units.ts'
import { ownerOf } from './key.ts'

const VALID_MS: Millis = 600_000

/** Pairs remembered; one too many costs its pair a call to the exchange. */
const MOST_PAIRS = 1_000

/** Accepted calls of private classes, by owner. */
export class Proofs {
  readonly #accepted = new Map<string, Millis>()
  readonly #clock: Clock

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** True when nobody has a private answer. */
  get empty(): boolean {
    return this.#accepted.size === 0
  }

  /** The exchange has checked the signature of this pair's own call. Only calls of private classes are proof: on public paths exchanges ignore keys. */
  accept(call: ClassifiedCall): void {
    const owner = ownerOf(call)
    if (owner === undefined) return
    this.#accepted.delete(owner)
    this.#accepted.set(owner, this.#clock.now())
    for (const oldest of this.#accepted.keys()) {
      if (this.#accepted.size <= MOST_PAIRS) break
      this.#accepted.delete(oldest)
    }
  }

  /** Whether the pair of `call` was accepted within the last ten minutes. */
  hold(call: ClassifiedCall): boolean {
    const owner = ownerOf(call)
    const at = owner === undefined ? undefined : this.#accepted.get(owner)
    return at !== undefined && this.#clock.now() - at < VALID_MS
  }

  /** The exchange has refused the pair. Returns the owner whose answers must go; undefined when it has none. */
  revoke(call: ClassifiedCall): string | undefined {
    const owner = ownerOf(call)
    return owner !== undefined && this.#accepted.delete(owner) ? owner : undefined
  }
}
