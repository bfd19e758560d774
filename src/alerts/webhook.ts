// Alerts by POST, to whatever takes JSON: one at a time, in order, tried again with growing pauses. A service that is away
// costs memory for a hundred alerts and nothing else; the oldest are dropped then.

import type { AlertView } from '../core/alert.ts'
import type { Clock } from '../core/clock.ts'
import type { Observer } from '../core/events.ts'
import { patientFetch } from '../core/patient-fetch.ts'
import type { Millis } from '../core/units.ts'
import type { WebhookRule } from '../core/watch-rules.ts'

const KEPT = 100
const TRIES = 6
const FIRST_PAUSE_MS: Millis = 1000

/** What the webhook needs. */
export interface WebhookPorts {
  readonly clock: Clock
  /** Where to, asked anew each time; undefined = nowhere. */
  readonly rule: () => WebhookRule | undefined
  /** Told once of a service that takes nothing, in words without its address, and again only after it took something. */
  readonly failed: (message: string) => void
}

/** Sends what is told. */
export class Webhook {
  readonly #ports: WebhookPorts
  readonly #waiting: string[] = []
  #sending = false
  #failing = false
  #stopped = false

  constructor(ports: WebhookPorts) {
    this.#ports = ports
  }

  readonly observer: Observer = (event) => {
    if (event.type !== 'alert.raised' && event.type !== 'alert.resolved') return
    if (this.#ports.rule() === undefined) return
    this.#waiting.push(bodyOf(event.alert))
    if (this.#waiting.length > KEPT) this.#waiting.shift()
    if (!this.#sending) void this.#sendAll()
  }

  /** Nothing more is sent. */
  stop(): void {
    this.#stopped = true
    this.#waiting.length = 0
  }

  async #sendAll(): Promise<void> {
    this.#sending = true
    for (let body = this.#waiting.shift(); body !== undefined; body = this.#waiting.shift()) await this.#send(body)
    this.#sending = false
  }

  async #send(body: string): Promise<void> {
    let trouble = ''
    for (let tried = 0; tried < TRIES && !this.#stopped; tried += 1) {
      if (tried > 0) await pause(this.#ports.clock, FIRST_PAUSE_MS * 2 ** (tried - 1))
      const rule = this.#ports.rule()
      if (rule === undefined) return
      const outcome = await post(rule, body, this.#ports.clock)
      if (outcome === 'taken') {
        this.#failing = false
        return
      }
      trouble = outcome.trouble
      if (outcome.final) break
    }
    if (!this.#failing && !this.#stopped) this.#ports.failed(`an alert could not be sent to the webhook: ${trouble}`)
    this.#failing = true
  }
}

/** `text` is what chat services show; the rest is for programs. */
const bodyOf = (alert: AlertView): string => {
  const { rule, severity, subject, message, raisedAtWallMs, resolvedAtWallMs } = alert
  const over = resolvedAtWallMs !== undefined
  return JSON.stringify({
    text: `weir: ${over ? 'over: ' : ''}${message}`,
    status: over ? 'resolved' : 'firing',
    ...{ rule, severity, subject, message },
    raised_at: new Date(raisedAtWallMs).toISOString(),
    resolved_at: over ? new Date(resolvedAtWallMs).toISOString() : null,
  })
}

type Outcome = 'taken' | { readonly trouble: string; readonly final: boolean }

const post = async ({ url, timeoutMs }: WebhookRule, body: string, clock: Clock): Promise<Outcome> => {
  const headers = { 'Content-Type': 'application/json', 'User-Agent': 'weir' }
  const answer = await patientFetch(url, { method: 'POST', headers, body }, clock, timeoutMs)
  if (answer.status === undefined) return { trouble: answer.trouble, final: false }
  if (answer.status >= 200 && answer.status < 300) return 'taken'
  const again = answer.status >= 500 || answer.status === 429 || answer.status === 408
  return { trouble: `it answers ${answer.status}`, final: !again }
}

const pause = (clock: Clock, ms: Millis): Promise<void> =>
  new Promise((resolve) => {
    clock.after(ms, resolve)
  })
