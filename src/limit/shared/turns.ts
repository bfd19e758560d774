// Keys whose calls must leave in the order of their nonces, also when they come in at several weirs.

import type { Turn } from '../store.ts'
import type { Message, TurnWord } from './wire.ts'

/** Lanes remembered; their names come from bots' keys. */
const KEPT = 4096

/** What one weir knows of the turns at keys. */
export class Turns {
  /** Whether nobody else has used the key lately, as of the last turn here. */
  readonly #sole = new Map<string, boolean>()
  /** Calls on the way, by key. */
  readonly #flying = new Map<string, number>()
  #ended: Message['ends'] = []

  word({ lane, nonce, window }: Turn): TurnWord {
    return nonce === undefined ? { lane } : { lane, nonce: textOf(nonce), least: textOf(nonce + window) }
  }

  granted({ lane }: Turn, sole: boolean): void {
    if (this.#sole.size >= KEPT) this.#sole.clear()
    this.#sole.set(lane, sole)
    this.#flying.set(lane, (this.#flying.get(lane) ?? 0) + 1)
  }

  /** The answer to whether the call may go was lost: if it was yes, the turn is handed back. */
  unheard({ lane }: Turn): void {
    if (!this.#flying.has(lane)) this.#ended = [...this.#ended, { lane, free: true }]
  }

  /** Another weir uses the key as well. */
  mixed(lane: string): void {
    this.#sole.set(lane, false)
  }

  /** Nobody else is known to use the key: this weir may go on with it while the store is away. */
  isMine({ lane }: Turn): boolean {
    return this.#sole.get(lane) === true
  }

  ended({ lane, nonce }: Turn, accepted: boolean): void {
    const left = (this.#flying.get(lane) ?? 0) - 1
    if (left > 0) this.#flying.set(lane, left)
    else this.#flying.delete(lane)
    const high = accepted && nonce !== undefined ? { nonce: textOf(nonce) } : {}
    this.#ended = [...this.#ended, { lane, ...high, free: left <= 0 }]
  }

  /** What the store does not know yet. */
  ends(): Message['ends'] {
    return this.#ended
  }

  told(ends: Message['ends']): void {
    this.#ended = this.#ended.filter((end) => !ends.includes(end))
  }

  /** Keys of which calls are on the way. */
  holds(): readonly string[] {
    return [...this.#flying.keys()]
  }
}

/** Twenty digits, the most that a nonce of 64 bits has: so text compares as numbers do. */
const textOf = (nonce: bigint): string => nonce.toString().padStart(20, '0')
