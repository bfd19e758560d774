// Keys whose calls must leave in the order of their nonces, also when they come in at several weirs.

import type { Turn } from '../store.ts'
import type { Message, TurnWord } from './wire.ts'

/** Lanes remembered; their names come from bots' keys. */
const KEPT = 4096

type Ended = Message['ends'][number]

interface Key {
  /** Nobody else has used it lately, as of the last turn here. */
  sole: boolean
  /** Calls on the way. */
  flying: number
  /** Highest nonce that is known to be accepted. */
  high: string | undefined
}

/** What one weir knows of the turns at keys. */
export class Turns {
  readonly #keys = new Map<string, Key>()
  /** What the store is to be told, one word for each lane: the store may be away for long. */
  readonly #ended = new Map<string, Ended>()

  word({ lane, nonce, window, patienceMs }: Turn): TurnWord {
    if (nonce === undefined) return { lane }
    const patience = patienceMs === undefined ? {} : { patience: patienceMs }
    return { lane, nonce: textOf(nonce), least: textOf(nonce + window), ...patience }
  }

  granted({ lane }: Turn, sole: boolean, high?: string): void {
    const key = this.#key(lane)
    key.sole = sole
    key.flying += 1
    raise(key, high)
  }

  /** The answer to whether the call may go was lost: if it was yes, the turn is handed back. */
  unheard({ lane }: Turn): void {
    if (this.#key(lane).flying === 0) this.#tell(lane, true, undefined)
  }

  /** Another weir uses the key as well. */
  mixed(lane: string): void {
    const key = this.#keys.get(lane)
    if (key !== undefined) key.sole = false
  }

  /** Nobody else is known to use the key: this weir may go on with it while the store is away. */
  isMine(lane: string): boolean {
    return this.#keys.get(lane)?.sole === true
  }

  ended({ lane, nonce }: Turn, accepted: boolean): void {
    const key = this.#key(lane)
    key.flying = Math.max(0, key.flying - 1)
    const high = accepted && nonce !== undefined ? textOf(nonce) : undefined
    raise(key, high)
    this.#tell(lane, key.flying === 0, high)
  }

  /**
   * What the store does not know yet. A key is not given back while a call that went without asking is on its way, nor while
   * this weir may go on with it alone: the answer that would end that may be lost.
   */
  ends(kept: (lane: string) => boolean): Message['ends'] {
    return [...this.#ended.values()].map((end) =>
      end.free && (kept(end.lane) || this.#flies(end.lane)) ? { ...end, free: false } : end,
    )
  }

  told(ends: Message['ends']): void {
    for (const end of ends) if (this.#ended.get(end.lane) === end) this.#ended.delete(end.lane)
  }

  /** For a store that may have forgotten them. */
  keys(): Message['keys'] {
    return [...this.#keys].map(([lane, { flying, high }]) => ({
      lane,
      flying: flying > 0,
      ...(high === undefined ? {} : { high }),
    }))
  }

  /** What counts is whether calls are on the way now, and the highest nonce of all. */
  #tell(lane: string, free: boolean, nonce: string | undefined): void {
    const before = this.#ended.get(lane)?.nonce
    const high = before !== undefined && (nonce === undefined || before > nonce) ? before : nonce
    this.#ended.set(lane, { lane, free, ...(high === undefined ? {} : { nonce: high }) })
  }

  #flies(lane: string): boolean {
    return (this.#keys.get(lane)?.flying ?? 0) > 0
  }

  #key(lane: string): Key {
    const known = this.#keys.get(lane)
    if (known !== undefined) return known
    if (this.#keys.size >= KEPT) for (const [old, { flying }] of this.#keys) if (flying === 0) this.#keys.delete(old)
    const key = { sole: false, flying: 0, high: undefined }
    this.#keys.set(lane, key)
    return key
  }
}

const raise = (key: Key, high: string | undefined): void => {
  if (high !== undefined && (key.high === undefined || high > key.high)) key.high = high
}

/** Twenty digits, the most that a nonce of 64 bits has: so text compares as numbers do. */
const textOf = (nonce: bigint): string => nonce.toString().padStart(20, '0')
