// What a call brings to a lane, and what it is given there.

import { WeirError } from '../core/errors.ts'
import type { Presence } from '../core/presence.ts'
import type { Bytes, Millis } from '../core/units.ts'
import type { Outcome, Take, Turn } from './store.ts'

/** A call at the door of a lane. */
export interface Ticket {
  readonly takes: readonly Take[]
  /** Asks for the price again when its turn has come; absent when waiting does not change it. */
  readonly reprice?: (() => readonly Take[]) | undefined
  /** False: charged without asking whether it fits; only the lane's order can make it wait. */
  readonly held: boolean
  /** Who asks: bots take turns. */
  readonly bot: string
  /** Its share of turns; 1 unless said. */
  readonly weight?: number | undefined
  /** Lower goes first where order is free. */
  readonly rank: number
  /** An order or a cancel: where nobody may overtake, a read that has to wait makes way for it. */
  readonly trades?: boolean
  /** The bot's own order number; undefined where order is free. */
  readonly nonce: bigint | undefined
  /** Its place among the calls of its key at all weirs; absent where order is free. */
  readonly turn?: Turn | undefined
  /** Body held while waiting. */
  readonly bytes: Bytes
  readonly maxWaitMs: Millis
  /** Why it may not wait longer: the class's own rule, or something the call brought along. */
  readonly tooLate: 'limit_reached' | 'deadline_too_short'
  /** The same in words, after a number of milliseconds; `allowed` unless said. */
  readonly because?: string
  /** How long its signature still lives, asked when its turn has come; absent when it does not expire. */
  readonly signatureMs?: (() => Millis) | undefined
  readonly presence: Presence
  /** Host the call is for, so that a breaker can clear its line. */
  readonly host: string
}

/** Leave to go. Must be closed exactly once, with how the call ended. */
export interface Pass {
  readonly waitedMs: Millis
  /** What it took. */
  readonly takes: readonly Take[]
  /**
   * @param accepted the exchange took the call, nonce and all
   * @param cameTo the takes as the exchange must have counted them, where that is less; the rest is given back
   */
  close(outcome: Outcome, accepted: boolean, cameTo?: readonly Take[]): void
}

/** A ticket in line. */
export interface Waiter extends Ticket {
  takes: readonly Take[]
  readonly since: Millis
  readonly deadline: Millis
  /** Fair-queueing tag; smaller goes first. */
  readonly tag: number
  readonly grant: (pass: Pass) => void
  readonly refuse: (reason: Error) => void
}

/** The refusal for a call whose signature is dead, as the exchange's clock sees it; undefined while it lives. */
export const expired = ({ signatureMs }: Ticket): WeirError | undefined =>
  signatureMs === undefined || signatureMs() > 0
    ? undefined
    : new WeirError('deadline_too_short', { message: 'the signature has expired by the clock of the exchange' })

/** The refusal for a call that would wait too long. @param by what it would wait for */
export const tooLate = (ticket: Ticket, waitMs: Millis, by: string): WeirError => {
  const wait = `${by}: the wait would be ${Math.ceil(waitMs)} ms`
  const message =
    waitMs > ticket.maxWaitMs
      ? `${wait}, more than the ${Math.floor(ticket.maxWaitMs)} ms ${ticket.because ?? 'allowed'}`
      : `${wait}, and the time is up, or something more urgent stands behind it`
  return new WeirError(ticket.tooLate, { message, retryAfterMs: waitMs })
}
