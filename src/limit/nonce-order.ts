// Calls of one key by their nonce. Kraken refuses a nonce that is not above the last one it saw for the key, counts such
// refusals towards a lockout, and two calls on two connections may swap on the way
// (support.kraken.com/articles/360001148063). What can not succeed any more is refused here.

import { WeirError } from '../core/errors.ts'
import type { Millis } from '../core/units.ts'
import { insertion, type LaneOrder } from './order.ts'
import type { Spread } from './spread.ts'
import type { Outcome } from './store.ts'
import type { Ticket, Waiter } from './ticket.ts'

/** The highest nonce that the exchange has accepted, and whose it was. */
export interface Mark {
  readonly nonce: bigint
  readonly bot: string
}

/** A bot, and how many digits its nonces have. */
export interface NonceUser {
  readonly bot: string
  readonly digits: number
}

/** A call sent so long ago has reached the exchange, and its answer is what takes long: so many usual round trips, in bounds. */
const ARRIVED_TRIPS = 3
const [ARRIVED_SOONEST_MS, ARRIVED_LATEST_MS] = [1000, 3000] as const
/** Until any is known. */
const FIRST_TRIP_MS: Millis = 500

/** How long a call that is not held for budget, a cancel, waits for its turn: at most half of what it may wait at all. */
export const turnPatienceMs = (maxWaitMs: Millis, arrivedMs: Millis = ARRIVED_LATEST_MS): Millis =>
  Math.min(arrivedMs, maxWaitMs / 2)

/** A call on its way. */
interface Flight {
  readonly nonce: bigint | undefined
  readonly sentAt: Millis
}

/** What an exchange's rules say about nonces; asked each time, for they may be replaced. */
export interface NonceRules {
  readonly nonceOrder: 'strict' | 'spaced' | 'none'
  /** Distance below the highest nonce that the exchange still accepts, as declared on the key. */
  readonly nonceWindow: bigint
}

export interface NonceOptions {
  readonly rules: () => NonceRules
  /** How much round trips to the exchange vary. */
  readonly spread: Spread
  /** What an earlier process knew. */
  readonly mark?: Mark | undefined
  /** Calls of a dead process may arrive until then. */
  readonly quietUntil?: Millis
  readonly raised?: (mark: Mark) => void
  /** Two bots count in different units: the smaller one's nonces are worthless from now on. */
  readonly mixed?: (larger: NonceUser, smaller: NonceUser) => void
}

/**
 * Nonces upward. `strict`: one call in flight, or as many as lie within the window of each other, so that none is overtaken by
 * one that makes it worthless; `spaced`: sends are as far apart as round trips vary, which makes that rare; `none`: as they come.
 */
export class NonceOrder implements LaneOrder {
  readonly blocks = true
  readonly #options: NonceOptions
  #mark: Mark | undefined
  #quietUntil: Millis
  #lastSentAt: Millis = Number.NEGATIVE_INFINITY
  readonly #inFlight: Flight[] = []
  /** Mean of late; one that hangs counts for little. */
  #tripMs = FIRST_TRIP_MS

  constructor(options: NonceOptions) {
    this.#options = options
    this.#mark = options.mark
    this.#quietUntil = options.quietUntil ?? Number.NEGATIVE_INFINITY
  }

  get forgettable(): boolean {
    return this.#mark === undefined && this.#quietUntil === Number.NEGATIVE_INFINITY
  }

  check({ nonce, bot }: Ticket): WeirError | undefined {
    const mark = this.#mark
    if (nonce === undefined || mark === undefined) return undefined
    if (nonce > mark.nonce - this.#rules.nonceWindow && nonce !== mark.nonce) return undefined
    this.#compare(mark, { nonce, bot })
    return new WeirError('nonce_too_low')
  }

  tag(): number {
    return 0
  }

  joined(): void {}

  left(): void {}

  place(waiting: readonly Waiter[], { nonce }: Ticket): number {
    if (this.#rules.nonceOrder === 'none') return waiting.length
    return insertion(waiting, (other) => compareNonces(other.nonce, nonce))
  }

  /** The lowest nonce; where the window lets some overtake it without harm, the most urgent of these. */
  next(waiting: readonly Waiter[]): Waiter | undefined {
    const [lowest] = waiting
    const { nonceOrder, nonceWindow } = this.#rules
    if (lowest?.nonce === undefined || nonceWindow === 0n || nonceOrder === 'none') return lowest
    let urgent = lowest
    for (const waiter of waiting) {
      if (waiter.nonce === undefined || waiter.nonce - lowest.nonce >= nonceWindow) break
      if (waiter.rank < urgent.rank) urgent = waiter
    }
    return urgent
  }

  restMs({ nonce, held, maxWaitMs }: Ticket, now: Millis): Millis {
    const { nonceOrder, nonceWindow } = this.#rules
    if (nonceOrder === 'none') return 0
    const patienceMs = held ? Number.POSITIVE_INFINITY : turnPatienceMs(maxWaitMs, this.#arrivedMs)
    let turnMs = 0
    for (const other of this.#inFlight) {
      if (nonce === undefined || other.nonce === undefined) return Number.POSITIVE_INFINITY
      const behind = other.nonce - nonce
      if (behind >= nonceWindow) return Number.POSITIVE_INFINITY
      if (nonceOrder === 'strict' && -behind >= nonceWindow) turnMs = Math.max(turnMs, other.sentAt + patienceMs - now)
    }
    // Where nothing is on the way, nothing can be overtaken.
    const gapMs =
      nonceOrder === 'spaced' && this.#inFlight.length > 0 ? this.#lastSentAt + this.#options.spread.gapMs - now : 0
    // A cancel does not wait for the dead: the worst that it does to them is one invalid nonce.
    return Math.max(turnMs, gapMs, held ? this.#quietUntil - now : 0)
  }

  turnsMs(waiting: number, inFlight: number, serviceMs: Millis): Millis {
    const { nonceOrder, nonceWindow } = this.#rules
    if (nonceOrder === 'spaced') return waiting * this.#options.spread.gapMs
    return nonceOrder === 'strict' && nonceWindow === 0n ? (waiting + inFlight) * serviceMs : 0
  }

  granted({ nonce }: Ticket, _waiter: Waiter | undefined, _waiting: readonly Waiter[], now: Millis): void {
    this.#inFlight.push({ nonce, sentAt: now })
    this.#lastSentAt = now
  }

  closed({ nonce, bot }: Ticket, outcome: Outcome, accepted: boolean, tookMs: Millis): void {
    const ended = this.#inFlight.findIndex((one) => one.nonce === nonce)
    this.#inFlight.splice(ended, 1)
    if (outcome === 'never_left') return
    this.#tripMs += (Math.min(tookMs, ARRIVED_LATEST_MS) - this.#tripMs) / 8
    if (this.#rules.nonceOrder === 'spaced') this.#options.spread.add(tookMs)
    // Only an accepted nonce raises the mark: a call with a wild nonce and a wrong signature must not lock the key out.
    if (nonce === undefined || !accepted) return
    // What the dead left on the way has been overtaken, or has arrived: waiting longer would save nothing.
    this.#quietUntil = Number.NEGATIVE_INFINITY
    if (this.#mark !== undefined && nonce <= this.#mark.nonce) return
    if (this.#mark !== undefined) this.#compare({ nonce, bot }, this.#mark)
    this.#mark = { nonce, bot }
    this.#options.raised?.(this.#mark)
  }

  get #rules(): NonceRules {
    return this.#options.rules()
  }

  get #arrivedMs(): Millis {
    return Math.min(ARRIVED_LATEST_MS, Math.max(ARRIVED_SOONEST_MS, ARRIVED_TRIPS * this.#tripMs))
  }

  /** Nonces are clocks in some unit: those of one unit are nearly equal, those of two differ by more than twice. */
  #compare(larger: Mark, smaller: Mark): void {
    if (larger.nonce < smaller.nonce * 2n) return
    this.#options.mixed?.(user(larger), user(smaller))
  }
}

const user = ({ nonce, bot }: Mark): NonceUser => ({ bot, digits: nonce.toString().length })

/** A call without a nonce goes after those that have one. */
const compareNonces = (a: bigint | undefined, b: bigint | undefined): number => {
  if (a === b) return 0
  if (a === undefined) return 1
  if (b === undefined) return -1
  return a < b ? -1 : 1
}
