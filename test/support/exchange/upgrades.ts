// Who may open a WebSocket at the simulated exchange, and what becomes of the attempt. Connection attempts have limits
// of their own: Kraken about 150 per rolling 10 minutes and address, then a ban of 10 minutes (docs.kraken.com, "WebSocket
// introduction"); Coinbase 8 per second and address (docs.cdp.coinbase.com, "WebSocket rate limits").

import type { IncomingMessage } from 'node:http'
import type { Duplex } from 'node:stream'
import { PerScope, SlidingLog } from './counters.ts'
import type { Call, Journal } from './journal.ts'
import { echo, refuse, type UpgradeMode } from './websocket.ts'

export interface UpgradeOptions {
  readonly krakenPer10Minutes?: number
  readonly coinbasePerSecond?: number
}

const BAN_MS = 600_000
const FEEDS = /^(ws|ws-auth|ws-l3|advanced-trade-ws|advanced-trade-ws-user|ws-feed|ws-direct)\./

export class Upgrades {
  /** How the next upgrades are met; a test may change it at any time. */
  mode: UpgradeMode = 'echo'
  readonly #journal: Journal
  readonly #reset: (req: IncomingMessage) => void
  readonly #kraken: PerScope<SlidingLog>
  readonly #coinbase: PerScope<SlidingLog>
  readonly #bannedUntilMs = new Map<string, number>()

  constructor(journal: Journal, reset: (req: IncomingMessage) => void, options: UpgradeOptions) {
    this.#journal = journal
    this.#reset = reset
    this.#kraken = new PerScope(() => new SlidingLog({ max: options.krakenPer10Minutes ?? 150, windowMs: BAN_MS }))
    this.#coinbase = new PerScope(() => new SlidingLog({ max: options.coinbasePerSecond ?? 8, windowMs: 1000 }))
  }

  meet(req: IncomingMessage, socket: Duplex, head: Buffer, call: Call): void {
    socket.on('error', () => socket.destroy())
    if (!FEEDS.test(call.host) && call.path !== '/ws') {
      this.#journal.judged(call, 'rejected')
      refuse(socket, '404 Not Found', 'No feed here')
      return
    }
    if (!this.#allowed(call)) {
      this.#journal.judged(call, 'refused')
      refuse(socket, '429 Too Many Requests', 'Too many connections')
      return
    }
    this.#journal.judged(call, this.mode === 'echo' || this.mode === 'reset-after' ? 'upgraded' : `fault ${this.mode}`)
    if (this.mode === 'refuse') refuse(socket, '401 Unauthorized', 'not here')
    if (this.mode === 'reset-before') this.#reset(req)
    if (this.mode === 'reset-after') socket.once('data', () => this.#reset(req))
    if (this.mode === 'reset-after' || this.mode === 'echo') echo(req, socket, head)
  }

  #allowed(call: Call): boolean {
    const venue = call.host.endsWith('kraken.com') ? 'kraken' : 'coinbase'
    if (call.timeMs < (this.#bannedUntilMs.get(call.ip) ?? 0) && venue === 'kraken') return false
    const ruling = (venue === 'kraken' ? this.#kraken : this.#coinbase).of(call.ip).arrive(1, call.timeMs)
    const allowed = this.#journal.allow(`${venue}.ws-connect`, call.ip, 1, ruling, call)
    if (!allowed && venue === 'kraken') this.#bannedUntilMs.set(call.ip, call.timeMs + BAN_MS)
    return allowed
  }
}
