// One call under way on behalf of all who asked the same. It lasts for as long as anybody waits for it.

import type { CallRecord, Reply } from '../core/call.ts'
import type { Clock, Timer } from '../core/clock.ts'
import { BotLeft } from '../core/departure.ts'
import { Presence } from '../core/presence.ts'
import type { Millis } from '../core/units.ts'

/** What followers are given: the leader's answer, and what weir did to get it. */
export interface Landed {
  readonly reply: Reply
  readonly record: CallRecord
}

/** A leader's call and its followers. */
export class Flight {
  /** Whether anybody waits: the presence that the leader's call goes on with. */
  readonly presence = new Presence()
  readonly #clock: Clock
  readonly #abandoned: () => void
  readonly #waiting = new Set<(landed: Landed | undefined) => void>()
  #aboard = 0

  /** @param abandoned called once when the last of those who waited has left */
  constructor(clock: Clock, abandoned: () => void) {
    this.#clock = clock
    this.#abandoned = abandoned
  }

  /** The leader waits too, but no longer decides: its leaving ends the flight only when nobody else is aboard. */
  lead(bot: Presence): void {
    this.#board()
    bot.onLeave(() => this.#disembark())
  }

  /**
   * The leader's answer, or undefined when it is not for others, or did not come within `maxWaitMs`.
   * @throws BotLeft as soon as the follower's bot hangs up
   */
  follow(bot: Presence, maxWaitMs: Millis | undefined): Promise<Landed | undefined> {
    const { promise, resolve, reject } = Promise.withResolvers<Landed | undefined>()
    let timer: Timer | undefined
    let stopListening = (): void => {}
    const leave = (): void => {
      this.#waiting.delete(end)
      stopListening()
      timer?.cancel()
      this.#disembark()
    }
    const end = (landed: Landed | undefined): void => {
      leave()
      resolve(landed)
    }
    this.#board()
    this.#waiting.add(end)
    stopListening = bot.onLeave(() => {
      leave()
      reject(new BotLeft())
    })
    if (maxWaitMs !== undefined && this.#waiting.has(end)) timer = this.#clock.after(maxWaitMs, () => end(undefined))
    return promise
  }

  /** The leader's call is over: followers have their answer, or are free to go by themselves. */
  land(landed: Landed | undefined): void {
    for (const end of [...this.#waiting]) end(landed)
  }

  #board(): void {
    this.#aboard += 1
  }

  #disembark(): void {
    this.#aboard -= 1
    if (this.#aboard > 0 || this.presence.left) return
    this.#abandoned()
    this.presence.leave()
  }
}
