// What happens at the door and never becomes a call: details, but for one. A bot that breaks off the handshake does not trust
// the CA, which is the commonest mistake of a new set-up: that is told aloud, once in a while, and kept for `weir doctor`.

import type { Clock } from '../core/clock.ts'
import type { Millis } from '../core/units.ts'
import type { HandshakeView } from '../core/views.ts'
import type { InboundEvent } from '../inbound/settings.ts'
import type { Log } from '../observe/log.ts'

const TELL_AGAIN_AFTER_MS: Millis = 60_000
/** Bots, hosts and reasons are few; should they ever not be, the oldest are forgotten. */
const KEPT = 256

const OUTCOMES: ReadonlyMap<InboundEvent['type'], HandshakeView['outcome']> = new Map([
  ['handshake.failed', 'failed'],
  ['handshake.unused', 'unused'],
  ['upgrade.opened', 'websocket'],
])

/** What the inbound side notes. */
export class Notes {
  readonly #log: Log
  readonly #clock: Clock
  readonly #told = new Map<string, Millis>()
  readonly #handshakes = new Map<string, HandshakeView>()

  constructor(log: Log, clock: Clock) {
    this.#log = log
    this.#clock = clock
  }

  /** Writes an event down. */
  readonly note = (event: InboundEvent): void => {
    const { type, host, code, reason, bot } = event
    const fields = { host, error: code, reason, bot }
    const outcome = OUTCOMES.get(type)
    if (outcome !== undefined) this.#keep(event, outcome)
    if (type === 'answer.lost') {
      this.#log.warn('an answer could not be relayed to its bot', fields)
      return
    }
    if (type !== 'handshake.failed' || host === undefined || !this.#isDue(`${host} ${reason}`)) {
      this.#log.debug(type, fields)
      return
    }
    this.#log.warn('a bot broke off the TLS handshake; `weir ca` shows how to make it trust the certificate', fields)
  }

  /** TLS connections that carried no calls, oldest first. */
  handshakes(): readonly HandshakeView[] {
    return [...this.#handshakes.values()]
  }

  #keep({ host, bot = 'unknown', reason }: InboundEvent, outcome: HandshakeView['outcome']): void {
    const key = JSON.stringify([outcome, bot, host, reason])
    const times = (this.#handshakes.get(key)?.times ?? 0) + 1
    this.#handshakes.delete(key)
    this.#handshakes.set(key, { atWallMs: this.#clock.wall(), bot, host, outcome, reason, times })
    const [oldest] = this.#handshakes.keys()
    if (this.#handshakes.size > KEPT && oldest !== undefined) this.#handshakes.delete(oldest)
  }

  #isDue(subject: string): boolean {
    const last = this.#told.get(subject)
    if (last !== undefined && this.#clock.now() - last < TELL_AGAIN_AFTER_MS) return false
    if (this.#told.size >= KEPT) this.#told.clear()
    this.#told.set(subject, this.#clock.now())
    return true
  }
}
