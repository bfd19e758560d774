// How many bots called lately: by this, where it is asked for, weirs that share a limit divide it.

import type { Clock } from '../core/clock.ts'
import type { Millis } from '../core/units.ts'

/** A bot counts for so long after its call, and up to twice as long: calls wait less than that. */
const LATELY_MS: Millis = 15_000
/** Bots beyond that are not told apart: anybody can make up names. */
const KEPT = 1000

interface Callers {
  since: Millis
  now: Set<string>
  before: Set<string>
  /** Different ones in both. */
  count: number
}

/** Who called which exchange lately. */
export class Bots {
  readonly #clock: Clock
  readonly #byExchange = new Map<string, Callers>()

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** A bot calls. */
  seen(exchange: string, bot: string): void {
    const callers = this.#callers(exchange)
    if (callers.now.size >= KEPT || callers.now.has(bot)) return
    callers.now.add(bot)
    if (!callers.before.has(bot)) callers.count += 1
  }

  /** How many different ones called in the last quarter of a minute, and some of those before. */
  count(exchange: string): number {
    return this.#callers(exchange).count
  }

  #callers(exchange: string): Callers {
    const time = this.#clock.now()
    let callers = this.#byExchange.get(exchange)
    if (callers === undefined) {
      callers = { since: time, now: new Set(), before: new Set(), count: 0 }
      this.#byExchange.set(exchange, callers)
    }
    const passedMs = time - callers.since
    if (passedMs >= LATELY_MS) {
      callers.before = passedMs < 2 * LATELY_MS ? callers.now : new Set()
      callers.now = new Set()
      callers.count = callers.before.size
      callers.since = time
    }
    return callers
  }
}
