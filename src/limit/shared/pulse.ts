// When a weir speaks to the store: one message at a time, at once when a call asks, soon when there is something to tell, and
// ever more seldom while nobody answers.

import type { Clock, Timer } from '../../core/clock.ts'
import type { Millis } from '../../core/units.ts'

/** While the store is away it is asked again after this, and after twice as long each time, up to half a second. */
const RETRY_MS: Millis = 30
const LONGEST_RETRY_MS: Millis = 500

/** The next message's moment. */
export class Pulse {
  readonly #clock: Clock
  readonly #speak: () => Promise<void>
  #failures = 0
  #timer: Timer | undefined
  #timerAt: Millis = Number.POSITIVE_INFINITY
  #speaking: Promise<void> | undefined
  #busy = false
  /** Something came up while a message was on its way that is to be said at once. */
  #urgent = false
  #stopped = false

  /** @param speak sends a message and takes in its answer; it calls `rest` last of all */
  constructor(clock: Clock, speak: () => Promise<void>) {
    this.#clock = clock
    this.#speak = speak
  }

  /** Speaks within that time; at once means: when the message that is on its way has been answered. @param patient nobody may be there */
  soon(withinMs: Millis, patient: boolean): void {
    if (this.#busy) this.#urgent ||= withinMs === 0
    const delayMs = this.#urgent ? 0 : withinMs
    const retryMs = Math.min(LONGEST_RETRY_MS, RETRY_MS * 2 ** this.#failures)
    const at = this.#clock.now() + (patient ? Math.max(delayMs, retryMs) : delayMs)
    if (this.#stopped || this.#busy || at >= this.#timerAt) return
    this.#timer?.cancel()
    this.#timerAt = at
    // What belongs to one moment goes in one message: a call's end, its turn's, and the take of the next.
    if (delayMs === 0 && !patient) queueMicrotask(() => this.#wake())
    else this.#timer = this.#clock.after(at - this.#clock.now(), () => this.#wake())
  }

  /** The message has been answered, or will never be. */
  rest(): void {
    this.#busy = false
  }

  answered(): void {
    this.#failures = 0
  }

  unanswered(): void {
    this.#failures += 1
  }

  /** Nothing is said any more; resolves when the last message has been answered. */
  async stop(): Promise<void> {
    this.#stopped = true
    this.#timer?.cancel()
    await this.#speaking
  }

  #wake(): void {
    this.#timer?.cancel()
    this.#timerAt = Number.POSITIVE_INFINITY
    if (this.#stopped || this.#busy) return
    this.#busy = true
    this.#urgent = false
    this.#speaking = this.#speak()
  }
}
