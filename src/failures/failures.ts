// Every call that failed at an exchange, of the last five minutes and at most a thousand per exchange, each with a name for
// what went wrong. What weir itself refused is no failure of the exchange.

import type { Call } from '../core/call.ts'
import type { Clock } from '../core/clock.ts'
import { systemCode } from '../core/errors.ts'
import type { CallFinished, Observer } from '../core/events.ts'
import type { FailurePattern, FailureView } from '../core/failure.ts'
import type { Millis } from '../core/units.ts'
import { classify } from './patterns.ts'

/** How far back failures are looked at. */
export const WINDOW_MS: Millis = 300_000
const KEPT_PER_SERVICE = 1000
const LONGEST_MESSAGE = 200

/** Remembers failures. */
export class Failures {
  readonly #clock: Clock
  readonly #patterns: () => readonly FailurePattern[]
  /** By exchange, oldest first. */
  readonly #services = new Map<string, FailureView[]>()

  /** @param patterns of limits.yaml */
  constructor(clock: Clock, patterns: () => readonly FailurePattern[]) {
    this.#clock = clock
    this.#patterns = patterns
  }

  readonly observer: Observer = (event) => {
    if (event.type !== 'call.finished') return
    const { record } = event.call
    const { decision, verdict, exchange } = record
    const bad = decision === 'failed' || (verdict !== undefined && verdict.kind !== 'ok')
    // Whoever shared or found an answer did not fetch it.
    if (!bad || exchange === undefined || decision === 'coalesced' || decision === 'cached') return
    this.#remember(exchange, event)
  }

  /** Failures within the window, oldest first. @param service an exchange; undefined for all of them together */
  list(service: string | undefined): readonly FailureView[] {
    if (service !== undefined) return this.#of(service)
    const all = [...this.#services.keys()].flatMap((one) => this.#of(one))
    return all.sort((a, b) => a.atWallMs - b.atWallMs)
  }

  #of(service: string): readonly FailureView[] {
    const horizon = this.#clock.wall() - WINDOW_MS
    const all = this.#services.get(service) ?? []
    const fresh = all.findIndex(({ atWallMs }) => atWallMs > horizon)
    all.splice(0, fresh === -1 ? all.length : fresh)
    return [...all]
  }

  #remember(service: string, { call, status, tookMs, error }: CallFinished): void {
    const { record } = call
    const { message, said } = wordsOf(call, status, error)
    const { name, category, severity } = classify(this.#patterns(), message, said, record.verdict?.kind)
    const all = this.#services.get(service) ?? []
    this.#services.set(service, all)
    all.push({
      ...{ atWallMs: this.#clock.wall(), service, class: record.class, credential: record.credential, bot: call.bot },
      ...{ call: call.id, host: call.request.host, pattern: name, category, severity, message, status: said },
      responseMs: record.upstreamMs ?? tookMs,
    })
    if (all.length > KEPT_PER_SERVICE) all.shift()
  }
}

/** The exchange's words, or weir's code with the system's; and the exchange's status rather than what the bot was told. */
const wordsOf = ({ record }: Call, status: number, error: unknown): { message: string; said: number } => {
  const { verdict } = record
  const heard = /^http (\d{3})$/.exec(verdict?.reason ?? '')?.[1]
  const codes = [record.error, systemCode(error)].filter((code) => code !== undefined).join(' ')
  const words = verdict === undefined || verdict.kind === 'ok' ? codes : verdict.reason
  return { message: words.slice(0, LONGEST_MESSAGE), said: heard === undefined ? status : Number(heard) }
}
