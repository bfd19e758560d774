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

interface Known {
  /** Refusals in a row. */
  readonly failures: number
  /** The exchange has said so: that another call went well proves nothing, for it left before. */
  readonly lockedOut: boolean
  /** The exchange's own words, from a closed list. */
  readonly reason: string
}

interface Trouble extends Known {
  readonly restsUntil: Millis
}

/** Where rests survive a restart, as one text. */
export interface KeysJournal {
  load(): string | undefined
  save(text: string): void
}

/** That text, once parsed. */
interface Written {
  readonly atWallMs: Millis
  readonly resting: readonly (Known & { readonly credential: string; readonly leftMs: Millis })[]
}

/** What is known of keys in trouble, by the hash of their id. A key that is well is not here. */
export class Keys {
  readonly #clock: Clock
  readonly #journal: KeysJournal | undefined
  readonly #troubled = new Map<string, Trouble>()

  constructor(clock: Clock, journal?: KeysJournal) {
    this.#clock = clock
    this.#journal = journal
    const text = journal?.load()
    const written = text === undefined ? undefined : writtenFrom(text)
    if (written !== undefined) this.#restore(written)
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
    const { kind, reason, pauseMs = LONGEST_REST_MS } = verdict
    if (kind === 'ok') this.#well(credential)
    else if (kind === 'banned') this.#rest(credential, { failures: rule.failures, lockedOut: true, reason }, pauseMs)
    else if (kind === 'auth') {
      const failures = (this.#troubled.get(credential)?.failures ?? 0) + 1
      const over = failures - rule.failures
      const restMs = over < 0 ? 0 : Math.min(LONGEST_REST_MS, rule.pauseMs * 2 ** over)
      this.#rest(credential, { failures, lockedOut: false, reason }, restMs)
    }
  }

  #well(credential: string): void {
    const trouble = this.#troubled.get(credential)
    if (trouble === undefined) return
    const resting = trouble.restsUntil > this.#clock.now()
    if (resting && trouble.lockedOut) return
    this.#troubled.delete(credential)
    if (resting) this.#write()
  }

  /** What was on its way when a rest began may lengthen it, never shorten it. */
  #rest(credential: string, known: Known, restMs: Millis): void {
    const now = this.#clock.now()
    const restsUntil = now + restMs
    const earlier = this.#troubled.get(credential)
    const goesOn = earlier !== undefined && earlier.restsUntil > now && earlier.restsUntil > restsUntil
    // The failure counts all the same: after this rest the next is longer.
    const failures = Math.max(known.failures, earlier?.failures ?? 0)
    this.#keep(credential, goesOn ? { ...earlier, failures } : { ...known, restsUntil })
    if (goesOn || restMs > 0) this.#write()
  }

  /** Those that rest, by the time that is left: the clocks of two processes have nothing in common. */
  #write(): void {
    const now = this.#clock.now()
    const resting = [...this.#troubled].flatMap(([credential, { restsUntil, ...known }]) =>
      restsUntil > now ? [{ credential, ...known, leftMs: restsUntil - now }] : [],
    )
    this.#journal?.save(JSON.stringify({ atWallMs: this.#clock.wall(), resting } satisfies Written))
  }

  /** A wall clock that was set back must not make time run backwards. */
  #restore({ atWallMs, resting }: Written): void {
    const writtenAt = this.#clock.now() - Math.max(0, this.#clock.wall() - atWallMs)
    for (const { credential, leftMs, ...known } of resting) {
      if (writtenAt + leftMs > this.#clock.now()) this.#keep(credential, { ...known, restsUntil: writtenAt + leftMs })
    }
  }

  /** Makes room by forgetting who has been in trouble for longest. */
  #keep(credential: string, trouble: Trouble): void {
    this.#troubled.delete(credential)
    const [oldest] = this.#troubled.keys()
    if (oldest !== undefined && this.#troubled.size >= KEPT) this.#troubled.delete(oldest)
    this.#troubled.set(credential, trouble)
  }
}

/** Undefined when it is not as this version writes it: then the exchange says once more that the key is to rest. */
const writtenFrom = (text: string): Written | undefined => {
  let written: Partial<Written> | null
  try {
    written = JSON.parse(text)
  } catch {
    return undefined
  }
  const whole = typeof written?.atWallMs === 'number' && Array.isArray(written.resting) && written.resting.every(isRest)
  return whole ? (written as Written) : undefined
}

const isRest = (one: Partial<Written['resting'][number]> | null): boolean =>
  typeof one?.credential === 'string' &&
  typeof one.reason === 'string' &&
  typeof one.failures === 'number' &&
  typeof one.lockedOut === 'boolean' &&
  typeof one.leftMs === 'number'
