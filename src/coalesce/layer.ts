// The same question, asked again while the exchange still thinks about it, is not asked twice. An answer that is not for
// others sets the followers free at once, each to go through the layers inside by itself.

import type { ClassifiedCall, Reply } from '../core/call.ts'
import type { Clock } from '../core/clock.ts'
import type { Layer } from '../core/stack.ts'
import type { Millis } from '../core/units.ts'
import { Flight } from './flight.ts'

/** What coalescing asks of others. */
export interface CoalesceParts {
  /** Calls with the same key ask the same on behalf of the same; undefined: goes by itself. */
  readonly keyOf: (call: ClassifiedCall) => string | undefined
  /** What of the leader's reply others may be given; undefined: nothing. */
  readonly share: (call: ClassifiedCall, reply: Reply) => Reply | undefined
  readonly clock: Clock
}

/** One call at a time per key; writes `decision` of those who shared its answer. */
export const coalesce = (parts: CoalesceParts): Layer<ClassifiedCall> => {
  const flights = new Map<string, Flight>()
  const loners = new Loners(parts.clock)
  return (next) => {
    const lead = async (call: ClassifiedCall, key: string): Promise<Reply> => {
      const done = (): void => {
        if (flights.get(key) === flight) flights.delete(key)
      }
      const flight = new Flight(parts.clock, done)
      flights.set(key, flight)
      flight.lead(call.presence)
      try {
        const reply = await next({ ...call, presence: flight.presence })
        done()
        const shared = parts.share(call, reply)
        if (shared === undefined && call.record.verdict?.kind === 'ok') loners.add(key)
        flight.land(shared && { reply: shared, record: call.record })
        return reply
      } catch (error) {
        done()
        // Refused for its own deadline or for all: each follower finds out for itself.
        flight.land(undefined)
        throw error
      }
    }

    const follow = async (call: ClassifiedCall, flight: Flight): Promise<Reply> => {
      const { wishes, record } = call
      const since = parts.clock.now()
      const landed = await flight.follow(call.presence, wishes.maxWaitMs)
      const waited = parts.clock.now() - since
      if (landed === undefined) return next(patience(call, waited))
      record.decision = 'coalesced'
      record.breaker = landed.record.breaker
      record.waitedMs = Math.min(waited, landed.record.waitedMs)
      return landed.reply
    }

    return (call) => {
      const key = call.wishes.skipCache ? undefined : parts.keyOf(call)
      if (key === undefined || loners.has(key)) return next(call)
      const flight = flights.get(key)
      return flight === undefined ? lead(call, key) : follow(call, flight)
    }
  }
}

/** Time spent aboard counts towards the wait that the bot has allowed. */
const patience = (call: ClassifiedCall, waited: Millis): ClassifiedCall => {
  const { maxWaitMs } = call.wishes
  if (maxWaitMs === undefined) return call
  return { ...call, wishes: { ...call.wishes, maxWaitMs: Math.max(0, maxWaitMs - waited) } }
}

const LONER_MS: Millis = 10_000

const MOST_LONERS = 1_000

/** Keys whose answers turned out not to be for others (too large, with a session): waiting for such an answer only costs time. */
class Loners {
  readonly #until = new Map<string, Millis>()
  readonly #clock: Clock

  constructor(clock: Clock) {
    this.#clock = clock
  }

  has(key: string): boolean {
    const until = this.#until.get(key)
    if (until === undefined) return false
    if (until > this.#clock.now()) return true
    this.#until.delete(key)
    return false
  }

  add(key: string): void {
    this.#until.delete(key)
    this.#until.set(key, this.#clock.now() + LONER_MS)
    for (const oldest of this.#until.keys()) {
      if (this.#until.size <= MOST_LONERS) break
      this.#until.delete(oldest)
    }
  }
}
