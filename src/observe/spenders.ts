// Who spent it: what each bot took from each bucket within the last fifteen minutes, in minutes that fade as a whole.
// Bounded, since bots, keys and pairs come from outside.

import type { Clock } from '../core/clock.ts'
import type { Observer } from '../core/events.ts'
import type { Millis, Tokens } from '../core/units.ts'
import { OTHER } from './tally.ts'

const MINUTE_MS: Millis = 60_000
const MINUTES = 15
/** Of one minute; what comes beyond is not told apart. */
const BUCKETS_KEPT = 512
const BOTS_KEPT = 50

type Spent = Map<string, Map<string, Tokens>>

/** What was spent, by key of the bucket and by bot. */
export class Spenders {
  readonly #clock: Clock
  readonly #minutes: Spent[] = [new Map()]
  #minuteEnds: Millis

  constructor(clock: Clock) {
    this.#clock = clock
    this.#minuteEnds = clock.now() + MINUTE_MS
  }

  readonly observer: Observer = (event) => {
    if (event.type !== 'call.finished') return
    const { spent, sent } = event.call.record
    if (spent === undefined || sent === 'no') return
    this.#elapse()
    for (const { key, cost } of spent) if (cost > 0) this.#add(key, event.call.bot, cost)
  }

  /** Sums of the last fifteen minutes: bucket key → bot → tokens. */
  sums(): ReadonlyMap<string, ReadonlyMap<string, Tokens>> {
    this.#elapse()
    const sums: Spent = new Map()
    for (const minute of this.#minutes) {
      for (const [key, bots] of minute) {
        const sum = sums.get(key) ?? new Map<string, Tokens>()
        sums.set(key, sum)
        for (const [bot, tokens] of bots) sum.set(bot, (sum.get(bot) ?? 0) + tokens)
      }
    }
    return sums
  }

  #add(key: string, bot: string, cost: Tokens): void {
    const minute = this.#minutes[0] as Spent
    let bots = minute.get(key)
    if (bots === undefined) {
      if (minute.size >= BUCKETS_KEPT) return
      bots = new Map()
      minute.set(key, bots)
    }
    const known = bots.get(bot)
    if (known !== undefined || bots.size < BOTS_KEPT) bots.set(bot, (known ?? 0) + cost)
    else bots.set(OTHER, (bots.get(OTHER) ?? 0) + cost)
  }

  #elapse(): void {
    const now = this.#clock.now()
    if (now < this.#minuteEnds) return
    const passed = Math.min(MINUTES, 1 + Math.floor((now - this.#minuteEnds) / MINUTE_MS))
    for (let minute = 0; minute < passed; minute += 1) this.#minutes.unshift(new Map())
    this.#minutes.length = Math.min(this.#minutes.length, MINUTES)
    this.#minuteEnds = now + MINUTE_MS - ((now - this.#minuteEnds) % MINUTE_MS)
  }
}
