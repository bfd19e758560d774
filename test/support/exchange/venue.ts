// What the parts of the simulated exchange have in common: a venue answers calls, an answer is plain data,
// a refusal is thrown and knows how it looks on the wire.

import type { Clock } from './clock.ts'
import type { Call, Journal } from './journal.ts'

/** What goes back to the bot. An object is sent as JSON. */
export interface Answer {
  readonly status: number
  readonly headers?: Readonly<Record<string, string>>
  readonly body: Buffer | string | object
}

/** An exchange behind one host name. It judges and answers at once; delays are the wire's business. */
export interface Venue {
  answer(call: Call): Answer
}

/** What every venue is made with. */
export interface Ground {
  readonly clock: Clock
  readonly journal: Journal
  /** Seeded chance in [0, 1). */
  readonly random: () => number
}

/** Thrown by a venue to refuse a call; `limit` tells a broken limit from any other reason. */
export class Refusal extends Error {
  readonly answer: Answer
  readonly limit: boolean

  constructor(reason: string, answer: Answer, limit = false) {
    super(reason)
    this.answer = answer
    this.limit = limit
  }
}

/** Runs a venue's handler, writes the verdict into the journal, turns a thrown refusal into its answer. */
export function judged(journal: Journal, call: Call, handle: () => Answer): Answer {
  try {
    const answer = handle()
    journal.judged(call, 'served')
    return answer
  } catch (error) {
    if (!(error instanceof Refusal)) throw error
    call.reason = error.message
    journal.judged(call, error.limit ? 'refused' : 'rejected')
    return error.answer
  }
}

/** One header of a call as a string, empty when absent. */
export function header(call: Call, name: string): string {
  const value = call.headers[name]
  return Array.isArray(value) ? (value[0] ?? '') : (value ?? '')
}
