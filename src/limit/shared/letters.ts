// The numbers on messages to the store, by which it knows old ones from new ones, late ones from fresh ones, and that its own
// books are older than what it has told.

import type { Millis } from '../../core/units.ts'
import type { Heard, Message } from './wire.ts'

/** A message is worthless to its sender this long after it was sent: the time-out, and as much again. */
export const LATE_MS: Millis = 100

/** What one sender writes on its messages. */
export class Letters {
  /** Number of the last message, and of the last whose reply came. */
  #count = 0
  #heard = 0
  #epoch = 0
  #lost = false
  #jumped = false
  #serverAhead: Millis | undefined

  /** The last reply said that its message came late, and was here at once: the server's clock jumped. */
  get jumped(): boolean {
    return this.#jumped
  }

  /** What the next message begins with. */
  next(now: Millis): Pick<Message, 'count' | 'heard' | 'epoch' | 'at' | 'late_ms' | 'jumped' | 'lost'> {
    this.#count += 1
    return {
      count: this.#count,
      heard: this.#heard,
      epoch: this.#epoch,
      ...(this.#serverAhead === undefined ? {} : { at: now + this.#serverAhead }),
      late_ms: LATE_MS,
      jumped: this.#jumped,
      lost: this.#lost,
    }
  }

  /** A reply is here. @param late it says that its message came too late */
  dated(serverNow: Millis, late: boolean, sentAt: Millis, now: Millis): void {
    this.#jumped = late && now - sentAt <= LATE_MS
    if (!this.#jumped) this.#serverAhead = serverNow - now
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
