// What becomes of calls that ask to go: granted by the store, or, while it is away, out of this weir's share.

import type { Clock } from '../../core/clock.ts'
import type { Millis } from '../../core/units.ts'
import { keepOf, longestWait } from '../need.ts'
import type { Denial, Grant, Manner, Take, Taken } from '../store.ts'
import type { Counter, Purse } from './counter.ts'
import type { Counters } from './counters.ts'
import type { Turns } from './turns.ts'
import type { TakeReply, TakeWord, Wait } from './wire.ts'

/** A call that asks. */
export interface Asking {
  /** The first of its takes: there is one. */
  readonly first: Take
  readonly takes: readonly Take[]
  readonly manner: Manner
  readonly answer: (taken: Taken) => void
}

/** When a store that is away will be asked again, as far as a call that it alone could let go is concerned. */
export const AWAY_WAIT_MS: Millis = 1000

/** The store's pauses are told in fractions of a millisecond, and timers end in whole ones. */
const GRAIN_MS: Millis = 1

export interface GrantsOptions {
  readonly clock: Clock
  readonly counters: Counters
  readonly turns: Turns
  /** A process that stood still for so long may have been taken for dead. */
  readonly stillMs: Millis
  /** How long ago the process before last spent anything; undefined when there was none. */
  readonly idleMs: Millis | undefined
}

/** Leave to go, given and handed back. */
export class Grants {
  readonly #options: GrantsOptions
  #usedAt: Millis | undefined

  constructor(options: GrantsOptions) {
    this.#options = options
    if (options.idleMs !== undefined) this.#usedAt = options.clock.now() - options.idleMs
  }

  /** How long ago this installation last spent anything, as far as is known; undefined when it never did. */
  get idleMs(): Millis | undefined {
    return this.#usedAt === undefined ? undefined : this.#options.clock.now() - this.#usedAt
  }

  /** How a call asks the store; `told` are the buckets that its message tells of. */
  word(
    { takes, manner: { held, turn, more, withinMs = Number.POSITIVE_INFINITY } }: Asking,
    told: readonly Counter[],
  ): TakeWord {
    const { counters, turns } = this.#options
    const costs = takes.map((take) => {
      const counter = counters.of(take)
      return [told.indexOf(counter) + 1, take.cost, keepOf(take, counter.rule)] as const
    })
    const within = !Number.isFinite(withinMs) ? {} : { within: withinMs }
    if (turn !== undefined) return { costs, held, turn: turns.word(turn), ...within }
    return { costs, held, ...(more === true ? { more } : {}), ...within }
  }

  /** @param known the store has granted it, and so knows of it */
  give(takes: readonly Take[], known: boolean): Grant {
    const { clock, counters } = this.#options
    const now = clock.now()
    this.#usedAt = now
    return { granted: true, purses: takes.map((take) => counters.of(take).reserve(take.cost, known, now)) }
  }

  /**
   * Passes on what the store said. Leave that came too late is handed back: this process stood still, or the exchange has closed
   * a bucket and the store did not know it yet.
   * @param handedBack hears of leave that was not used: the store keeps it back until it is told
   */
  fromStore({ first, takes, manner: { held, turn }, answer }: Asking, reply: TakeReply, handedBack: () => void): void {
    if ('stale' in reply) return void answer({ granted: false, waitMs: 0, by: first, stale: true })
    const { clock, counters, turns, stillMs } = this.#options
    const since = clock.now()
    if (!('after' in reply)) {
      return void answer(this.#deny(reply, takes) ?? { granted: false, waitMs: Math.ceil(reply.wait), by: first })
    }
    const grant = this.give(takes, true)
    if (reply.next !== undefined) this.#deny(reply.next, takes)
    if (turn !== undefined) turns.granted(turn, reply.sole ?? false, reply.high)
    const go = (): void => {
      const now = clock.now()
      const { waitMs, by = first } = longestWait(held ? takes : [], (take) => counters.of(take).meter.closedUntil - now)
      if (now - since < stillMs && waitMs < GRAIN_MS) return void answer(grant)
      this.#handBack(grant, takes)
      if (turn !== undefined) turns.ended(turn, false)
      handedBack()
      answer({ granted: false, waitMs, by })
    }
    if (reply.after <= 0) go()
    else clock.after(reply.after, go)
  }

  /** What the store has denied, and would deny again: a line looks at its head whenever a call ends. */
  denied(first: Take, takes: readonly Take[]): Denial | undefined {
    const { clock, counters } = this.#options
    const { waitMs, by = first } = longestWait(takes, (take) => counters.of(take).deniedMs(take, clock.now()))
    return waitMs > 0 ? { granted: false, waitMs, by } : undefined
  }

  /** Lets go what this weir's share has room for. */
  fromShare(first: Take, takes: readonly Take[], { held, turn }: Manner): Taken {
    const { clock, counters, turns } = this.#options
    const now = clock.now()
    const { waitMs, by = first } = longestWait(takes, (take) => counters.of(take).wait(take, now))
    if (held && waitMs > 0) return { granted: false, waitMs, by }
    if (turn !== undefined) turns.granted(turn, turns.isMine(turn.lane))
    return this.give(takes, false)
  }

  #deny({ wait, by: index }: Wait, takes: readonly Take[]): Denial | undefined {
    const { clock, counters } = this.#options
    const by = takes[index - 1]
    if (by === undefined) return undefined
    const waitMs = Math.ceil(wait)
    counters.of(by).deny(by, waitMs, clock.now())
    return { granted: false, waitMs, by }
  }

  #handBack({ purses }: Grant, takes: readonly Take[]): void {
    const { clock, counters } = this.#options
    for (const [index, take] of takes.entries()) {
      counters.of(take).settle(take.cost, 'never_left', (purses?.[index] ?? 'shared') as Purse, clock.now())
    }
    counters.touch(takes.map((take) => counters.of(take)))
  }
}
