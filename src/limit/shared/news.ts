// What came up about one bucket that the store is to hear: it is said until the store confirms it, and what comes up while a
// word is under way is said in the next.

import type { Millis } from '../../core/units.ts'
import type { BucketWord, WrongName } from './wire.ts'

interface Items {
  /** The exchange closed it until then. */
  readonly until: Millis
  readonly empty: boolean
  readonly shrink: boolean
  readonly from: readonly WrongName[]
}

/** Of one bucket; one word is under way at a time. */
export class News {
  #said: Items = NONE
  #fresh: Items = NONE

  /** The store has confirmed all of it. */
  get none(): boolean {
    return this.#said === NONE && this.#fresh === NONE
  }

  /** Until when the exchange has closed it, where that has not been said. */
  get unsaidUntil(): Millis {
    return this.#fresh.until
  }

  add(items: Partial<Items>): void {
    this.#fresh = together(this.#fresh, { ...NONE, ...items })
  }

  /** Says all that is not confirmed. */
  word(now: Millis): Pick<BucketWord, 'gate' | 'empty' | 'shrink' | 'from'> {
    if (this.#fresh !== NONE) this.#said = together(this.#said, this.#fresh)
    this.#fresh = NONE
    const { until, empty, shrink, from } = this.#said
    return {
      ...(until > now ? { gate: until - now } : {}),
      ...(empty ? { empty } : {}),
      ...(shrink ? { shrink } : {}),
      ...(from.length > 0 ? { from } : {}),
    }
  }

  /** The store has taken in the last word. */
  confirmed(): void {
    this.#said = NONE
  }
}

const NONE: Items = { until: Number.NEGATIVE_INFINITY, empty: false, shrink: false, from: [] }

const together = (one: Items, more: Items): Items => ({
  until: Math.max(one.until, more.until),
  empty: one.empty || more.empty,
  shrink: one.shrink || more.shrink,
  from: [...one.from.filter(({ name }) => more.from.every((other) => other.name !== name)), ...more.from],
})
