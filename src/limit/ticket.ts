// What a call brings to a lane, and what it is given there.

import type { Presence } from '../core/presence.ts'
import type { Bytes, Millis } from '../core/units.ts'
import type { Outcome, Take } from './store.ts'

/** A call at the door of a lane. */
export interface Ticket {
  readonly takes: readonly Take[]
  /** False: charged without asking whether it fits; only the lane's order can make it wait. */
  readonly held: boolean
  /** Who asks: bots take turns. */
  readonly bot: string
  /** Lower goes first where order is free. */
  readonly rank: number
  /** The bot's own order number; undefined where order is free. */
  readonly nonce: bigint | undefined
  /** Body held while waiting. */
  readonly bytes: Bytes
  readonly maxWaitMs: Millis
  /** Why it may not wait longer: the class's own rule, or something the call brought along. */
  readonly tooLate: 'limit_reached' | 'deadline_too_short'
  readonly presence: Presence
  /** Host the call is for, so that a breaker can clear its line. */
  readonly host: string
}

/** Leave to go. Must be closed exactly once, with how the call ended. */
export interface Pass {
  readonly waitedMs: Millis
  /** `accepted`: the exchange took the call, nonce and all. */
  close(outcome: Outcome, accepted: boolean): void
}

/** A ticket in line. */
export interface Waiter extends Ticket {
  readonly since: Millis
  readonly deadline: Millis
  /** Fair-queueing tag; smaller goes first. */
  readonly tag: number
  readonly grant: (pass: Pass) => void
  readonly refuse: (reason: Error) => void
}
