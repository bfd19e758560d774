// Who goes first where order is free: urgent calls before others, and bots in turn. What an order has to answer for a lane.

import type { WeirError } from '../core/errors.ts'
import type { Millis } from '../core/units.ts'
import type { Outcome } from './store.ts'
import type { Ticket, Waiter } from './ticket.ts'

/** The discipline of a lane. */
export interface LaneOrder {
  /** True when a call that waits holds up all that stand behind it. */
  readonly blocks: boolean
  /** True when forgetting the lane would lose nothing. */
  readonly forgettable: boolean
  /** The refusal for a call that can not succeed any more; undefined while it can. */
  check(ticket: Ticket): WeirError | undefined
  /** Fair-queueing tag of a newcomer, should it join the line. */
  tag(ticket: Ticket): number
  /** It has joined the line. */
  joined(ticket: Ticket, tag: number): void
  /** It has left the line unserved, and owes nothing for it. */
  left(waiter: Waiter): void
  /** Where a newcomer stands among those who wait. */
  place(waiting: readonly Waiter[], ticket: Ticket, tag: number): number
  /** Whose turn it is. */
  next(waiting: readonly Waiter[]): Waiter | undefined
  /** How long order alone keeps a call back; 0 = not at all, infinite = until a call in flight has ended. */
  restMs(ticket: Ticket, now: Millis): Millis
  /** Time that so many calls before it take, when one holds the lane for `serviceMs`. */
  turnsMs(waiting: number, inFlight: number, serviceMs: Millis): Millis
  /** A call goes; `waiter` is undefined when it never stood in line, else it has left `waiting`. */
  granted(ticket: Ticket, waiter: Waiter | undefined, waiting: readonly Waiter[], now: Millis): void
  closed(ticket: Ticket, outcome: Outcome, accepted: boolean, tookMs: Millis): void
}

/** So many urgent calls in a row may pass one that is less so. */
const PASSES = 8

/**
 * Urgent classes first, and within one, start-time fair queueing: each bot's next call is tagged its cost, divided by the bot's
 * weight, after its last, so that a busy bot can not starve a quiet one. Nor can urgent calls starve the others.
 */
export class FairOrder implements LaneOrder {
  readonly blocks = false
  readonly forgettable = true
  /** Tag of the call granted last: the virtual time of the lane. */
  #virtual = 0
  readonly #last = new Map<string, number>()
  /** Calls that passed less urgent ones since one of these went. */
  #passes = 0

  check(): undefined {}

  tag(ticket: Ticket): number {
    return Math.max(this.#virtual, this.#last.get(ticket.bot) ?? 0) + turnOf(ticket)
  }

  joined({ bot }: Ticket, tag: number): void {
    this.#last.set(bot, tag)
  }

  left(waiter: Waiter): void {
    const last = this.#last.get(waiter.bot)
    if (last !== undefined) this.#last.set(waiter.bot, last - turnOf(waiter))
  }

  place(waiting: readonly Waiter[], { rank }: Ticket, tag: number): number {
    return insertion(waiting, (other) => other.rank - rank || other.tag - tag)
  }

  /** The most urgent; after enough of them the one among the others that has been owed its turn the longest. */
  next(waiting: readonly Waiter[]): Waiter | undefined {
    const [first] = waiting
    if (first === undefined || this.#passes < PASSES) return first
    let owed: Waiter | undefined
    for (let at = this.#endOfRank(waiting, first.rank); at < waiting.length; ) {
      const head = waiting[at]
      if (head === undefined) break
      if (owed === undefined || head.tag < owed.tag) owed = head
      at = this.#endOfRank(waiting, head.rank)
    }
    return owed ?? first
  }

  restMs(): Millis {
    return 0
  }

  turnsMs(): Millis {
    return 0
  }

  granted(_ticket: Ticket, waiter: Waiter | undefined, waiting: readonly Waiter[]): void {
    if (waiter === undefined) return
    this.#passes = (waiting.at(-1)?.rank ?? 0) > waiter.rank && this.#passes < PASSES ? this.#passes + 1 : 0
    this.#virtual = Math.max(this.#virtual, waiter.tag)
    // Bots that are not ahead of the virtual time owe nothing: forgetting them changes no turn.
    for (const [bot, tag] of this.#last) if (tag <= this.#virtual) this.#last.delete(bot)
  }

  closed(): void {}

  #endOfRank(waiting: readonly Waiter[], rank: number): number {
    return insertion(waiting, (other) => other.rank - rank)
  }
}

/** How far a call puts off its bot's next turn. */
const turnOf = ({ takes, weight }: Ticket): number =>
  (takes.reduce((most, take) => Math.max(most, take.cost), 0) || 1) / (weight ?? 1)

/** First index whose waiter goes after the newcomer; equals keep their order of arrival. */
export const insertion = (waiting: readonly Waiter[], compare: (other: Waiter) => number): number => {
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
