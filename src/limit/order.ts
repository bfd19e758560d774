// Who goes first. Two answers: bots in turn, or nonces upward.

import { WeirError } from '../core/errors.ts'
import type { Outcome } from './store.ts'
import type { Ticket, Waiter } from './ticket.ts'

/** The discipline of a lane. */
export interface LaneOrder {
  readonly maxInFlight: number
  /** True when forgetting the lane would lose nothing. */
  readonly forgettable: boolean
  /** @throws WeirError `nonce_too_low` when a call can not succeed any more */
  check(nonce: bigint | undefined): void
  /** The refusal for a call whose turn came too late; undefined when it is still good. */
  staleness(nonce: bigint | undefined): WeirError | undefined
  /** Fair-queueing tag of a newcomer. */
  tag(ticket: Ticket): number
  /** Where a newcomer stands among those who wait. */
  place(waiting: readonly Waiter[], ticket: Ticket, tag: number): number
  /** A call goes; `tag` is undefined when it never stood in line. */
  granted(tag: number | undefined): void
  closed(nonce: bigint | undefined, outcome: Outcome, accepted: boolean): void
}

/** Start-time fair queueing: each bot's next call is tagged one cost after its last, so that a busy bot can not starve a quiet one. */
export class FairOrder implements LaneOrder {
  readonly maxInFlight = Number.POSITIVE_INFINITY
  /** Tag of the call granted last: the virtual time of the lane. */
  #virtual = 0
  readonly #last = new Map<string, number>()

  get forgettable(): boolean {
    return true
  }

  check(): void {}

  staleness(): undefined {}

  tag(ticket: Ticket): number {
    const cost = ticket.takes.reduce((most, take) => Math.max(most, take.cost), 0) || 1
    const tag = Math.max(this.#virtual, this.#last.get(ticket.bot) ?? 0) + cost
    this.#last.set(ticket.bot, tag)
    return tag
  }

  place(waiting: readonly Waiter[], { rank }: Ticket, tag: number): number {
    return insertion(waiting, (other) => other.rank - rank || other.tag - tag)
  }

  granted(tag: number | undefined): void {
    if (tag === undefined) return
    this.#virtual = Math.max(this.#virtual, tag)
    // Bots that are not ahead of the virtual time owe nothing: forgetting them changes no turn.
    for (const [bot, tag] of this.#last) if (tag <= this.#virtual) this.#last.delete(bot)
  }

  closed(): void {}
}

/**
 * Nonces upward, one call in flight. Kraken refuses a nonce that is not above the last one it saw for the key, counts
 * such refusals towards a lockout, and two calls on two connections may swap on the way.
 */
export class NonceOrder implements LaneOrder {
  readonly maxInFlight = 1
  readonly #window: bigint
  #highest: bigint | undefined

  /** @param window distance below the highest nonce that the exchange still accepts, as declared on the key */
  constructor(window: bigint) {
    this.#window = window
  }

  get forgettable(): boolean {
    return this.#highest === undefined
  }

  check(nonce: bigint | undefined): void {
    const stale = this.staleness(nonce)
    if (stale !== undefined) throw stale
  }

  staleness(nonce: bigint | undefined): WeirError | undefined {
    if (nonce === undefined || this.#highest === undefined || nonce > this.#highest - this.#window) return undefined
    return new WeirError('nonce_too_low')
  }

  tag(): number {
    return 0
  }

  place(waiting: readonly Waiter[], { nonce }: Ticket): number {
    return insertion(waiting, (other) => compareNonces(other.nonce, nonce))
  }

  granted(): void {}

  closed(nonce: bigint | undefined, outcome: Outcome, accepted: boolean): void {
    // Only an accepted nonce raises the mark: a call with a wild nonce and a wrong signature must not lock the key out.
    if (nonce === undefined || outcome === 'never_left' || !accepted) return
    if (this.#highest === undefined || nonce > this.#highest) this.#highest = nonce
  }
}

/** A call without a nonce goes after those that have one. */
const compareNonces = (a: bigint | undefined, b: bigint | undefined): number => {
  if (a === b) return 0
  if (a === undefined) return 1
  if (b === undefined) return -1
  return a < b ? -1 : 1
}

/** First index whose waiter goes after the newcomer; equals keep their order of arrival. */
const insertion = (waiting: readonly Waiter[], compare: (other: Waiter) => number): number => {
  let low = 0
  let high = waiting.length
  while (low < high) {
    const middle = (low + high) >>> 1
    const other = waiting[middle]
    if (other !== undefined && compare(other) <= 0) low = middle + 1
    else high = middle
  }
  return low
}
