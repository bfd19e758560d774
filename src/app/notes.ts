// What happens at the door and never becomes a call: details, but for two, which are told aloud, once in a while: an answer that is
// lost, and a bot that breaks off the handshake. That one does not trust the CA, the commonest mistake of a new set-up: it is kept
// for `weir doctor` too.

import type { Clock } from '../core/clock.ts'
import type { HandshakeView } from '../core/views.ts'
import type { InboundEvent } from '../inbound/settings.ts'
import type { Log } from '../observe/log.ts'
import { Seldom } from '../observe/seldom.ts'

/** Bots, hosts and reasons are few; should they ever not be, the oldest are forgotten. */
const KEPT = 256

const OUTCOMES: ReadonlyMap<InboundEvent['type'], HandshakeView['outcome']> = new Map([
  ['handshake.failed', 'failed'],
  ['handshake.unused', 'unused'],
  ['upgrade.opened', 'websocket'],
])

const ALOUD: ReadonlyMap<InboundEvent['type'], string> = new Map([
  ['handshake.failed', 'a bot broke off the TLS handshake; `weir ca` shows how to make it trust the certificate'],
  ['answer.lost', 'an answer could not be relayed to its bot'],
])

/** What the inbound side notes. */
export class Notes {
  readonly #log: Log
  readonly #clock: Clock
  readonly #told = new Seldom()
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
    const aloud = host === undefined ? undefined : ALOUD.get(type)
    if (aloud !== undefined && this.#told.due(`${type} ${host} ${reason}`, this.#clock.now())) {
      this.#log.warn(aloud, fields)
    } else this.#log.debug(type, fields)
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
}
