// Keys that an exchange keeps refusing. Kraken locks a key out for a quarter of an hour after too many refusals in a row, and
// older texts of it tie that to the address, which would take innocent bots down too: so such a key rests before that.

import type { Verdict } from '../core/call.ts'
import type { Clock } from '../core/clock.ts'
import { WeirError } from '../core/errors.ts'
import type { LockoutRule } from '../core/rules.ts'
import type { Millis } from '../core/units.ts'
import type { RestingKeyView } from '../core/views.ts'

/** No rest is longer than the lockout it is to prevent. */
const LONGEST_REST_MS: Millis = 15 * 60_000
/** Keys remembered; they come from bots. */
const KEPT = 4096

interface Trouble {
  /** Refusals in a row. */
  readonly failures: number
  readonly restsUntil: Millis
  /** The exchange's own words, from a closed list. */
  readonly reason: string
}

/** What is known of keys in trouble, by the hash of their id. A key that is well is not here. */
export class Keys {
  readonly #clock: Clock
  readonly #troubled = new Map<string, Trouble>()

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** @throws WeirError `key_stopped` while the key rests */
  admit(credential: string): void {
    const trouble = this.#troubled.get(credential)
    if (trouble === undefined) return
    const leftMs = trouble.restsUntil - this.#clock.now()
    if (leftMs <= 0) return
    throw new WeirError('key_stopped', {
      message: `the exchange refused this key again and again: ${trouble.reason}`,
      retryAfterMs: leftMs,
    })
  }

  /** The keys that rest now. */
  resting(): readonly RestingKeyView[] {
    const now = this.#clock.now()
    return [...this.#troubled].flatMap(([credential, { reason, restsUntil }]) =>
      restsUntil > now ? [{ credential, reason, restsForMs: restsUntil - now }] : [],
    )
  }

  /** Learns from an answer to a call of that key. Only what tells of the key itself counts. */
  report(credential: string, verdict: Verdict, rule: LockoutRule): void {
    if (verdict.kind === 'ok') this.#troubled.delete(credential)
    else if (verdict.kind === 'banned')
      this.#rest(credential, rule.failures, verdict.pauseMs ?? LONGEST_REST_MS, verdict)
    else if (verdict.kind === 'auth') {
      const failures = (this.#troubled.get(credential)?.failures ?? 0) + 1
      const over = failures - rule.failures
      const restMs = over < 0 ? 0 : Math.min(LONGEST_REST_MS, rule.pauseMs * 2 ** over)
      this.#rest(credential, failures, restMs, verdict)
    }
  }

  #rest(credential: string, failures: number, restMs: Millis, { reason }: Verdict): void {
    if (this.#troubled.size >= KEPT) this.#troubled.clear()
    this.#troubled.set(credential, { failures, restsUntil: this.#clock.now() + restMs, reason })
  }
}
