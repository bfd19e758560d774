// What stands at the head of messages to the store: who writes, by which settings, and the numbers by which the store knows old
// messages from new ones, late ones from fresh ones, and that its own books are older than what it has told.

import type { Millis } from '../../core/units.ts'
import type { Heard, Message } from './wire.ts'

/** A message is worthless to its sender this long after it was sent: the time-out, and as much again. */
export const LATE_MS: Millis = 100

/** Not heard of for so long, a weir is taken to live on its share. */
export const OUT_MS: Millis = 1000
/** A grant may lie this far ahead; it is waited for here. */
const HORIZON_MS: Millis = 20
/** A stalled exchange may yet take in what was sent to it before a weir died. */
const STRAGGLERS_MS: Millis = 10_000

/** Who writes. */
export interface Sender {
  /** This process, and this installation. */
  readonly me: string
  readonly home: string
  /** The process that ran in this installation before. */
  readonly replaces: string | undefined
  readonly coldStart: () => number
  /** How long the share of a weir that vanished is kept for it. */
  readonly yieldMs: () => Millis
  /** How many bots called lately, where weirs split limits by that; undefined where they split them in equal parts. */
  readonly bots: () => number | undefined
}

type Head = Omit<Message, 'returns' | 'buckets' | 'takes' | 'ends' | 'keys'>

/** What one sender writes on its messages. */
export class Letters {
  readonly #sender: Sender
  /** Number of the last message, and of the last whose reply came. */
  #count = 0
  #heard = 0
  #epoch = 0
  #lost = false
  #jumped = false
  /** How far the server's clock is ahead of this one, at least, and how much further it may be. */
  #ahead: { readonly ms: Millis; readonly orMoreMs: Millis } | undefined

  constructor(sender: Sender) {
    this.#sender = sender
  }

  /** The last reply said that its message came late, and was here at once: the server's clock jumped. */
  get jumped(): boolean {
    return this.#jumped
  }

  /**
   * What the next message begins with.
   * @param claim the share that the sender lives on, or may
   * @param idleMs since it last spent anything
   */
  next(now: Millis, claim: number, idleMs: Millis | undefined): Head {
    const { me, home, replaces, coldStart, yieldMs } = this.#sender
    const bots = this.#sender.bots()
    this.#count += 1
    return {
      me,
      home,
      ...(replaces === undefined ? {} : { replaces }),
      count: this.#count,
      heard: this.#heard,
      epoch: this.#epoch,
      ...(this.#ahead === undefined ? {} : { at: now + this.#ahead.ms }),
      late_ms: LATE_MS,
      jumped: this.#jumped,
      lost: this.#lost,
      claim,
      ...(idleMs === undefined ? {} : { idle: idleMs }),
      // Where nobody called yet, somebody may in a moment.
      ...(bots === undefined ? {} : { bots: Math.max(1, bots) }),
      cold_start: coldStart(),
      horizon_ms: HORIZON_MS,
      out_ms: OUT_MS,
      stragglers_ms: STRAGGLERS_MS,
      yield_ms: yieldMs(),
    }
  }

  /**
   * A reply is here. A process that stood still while one lay in its socket knows little of the server's clock, and must not
   * take that for a jump: time would be set back for everybody.
   * @param late it says that its message came too late
   */
  dated(serverNow: Millis, late: boolean, sentAt: Millis, now: Millis): void {
    const roundTripMs = now - sentAt
    const { ms = 0, orMoreMs = 0 } = this.#ahead ?? {}
    this.#jumped = late && roundTripMs <= LATE_MS && serverNow > now + ms + orMoreMs
    if (!this.#jumped) this.#ahead = { ms: serverNow - now, orMoreMs: roundTripMs }
  }

  /** A message was taken in. */
  heard({ count }: Message, { epoch }: Heard): void {
    this.#heard = count
    this.#epoch = epoch
    this.#lost = false
  }

  /** Whether the last message was taken in is not known. */
  unheard(): void {
    this.#lost = true
  }

  /** Nothing that was heard counts any more. */
  anew(): void {
    this.#heard = 0
    this.#epoch = 0
  }
}
