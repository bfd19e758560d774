// Answers in memory, bounded in bytes: what was used longest ago makes room.

import type { Bytes } from '../core/units.ts'
import type { CacheView } from '../core/views.ts'
import { type CacheStore, type Entry, sizeOf } from './store.ts'

interface Kept {
  readonly entry: Entry
  readonly size: Bytes
}

/** Least-recently-used store of at most `maxBytes`. */
export class MemoryStore implements CacheStore {
  /** In order of use, oldest first: a Map keeps insertion order. */
  readonly #kept = new Map<string, Kept>()
  #maxBytes: Bytes
  #bytes: Bytes = 0

  constructor(maxBytes: Bytes) {
    this.#maxBytes = maxBytes
  }

  get(key: string): Entry | undefined {
    const kept = this.#kept.get(key)
    if (kept === undefined) return undefined
    this.#kept.delete(key)
    this.#kept.set(key, kept)
    return kept.entry
  }

  put(key: string, entry: Entry): boolean {
    this.delete(key)
    const owned = { ...entry, reply: { ...entry.reply, body: ownBytes(entry.reply.body) } }
    const size = sizeOf(key, owned)
    if (size > this.#maxBytes) return false
    this.#bytes += size
    this.#kept.set(key, { entry: owned, size })
    this.#makeRoom()
    return true
  }

  delete(key: string): void {
    const kept = this.#kept.get(key)
    if (kept === undefined) return
    this.#bytes -= kept.size
    this.#kept.delete(key)
  }

  purge(owner: string): void {
    for (const [key, { entry }] of this.#kept) if (entry.owner === owner) this.delete(key)
  }

  /** A reload gave it another bound. */
  resize(maxBytes: Bytes): void {
    this.#maxBytes = maxBytes
    this.#makeRoom()
  }

  view(): CacheView {
    return { entries: this.#kept.size, bytes: this.#bytes, maxBytes: this.#maxBytes }
  }

  #makeRoom(): void {
    for (const key of this.#kept.keys()) {
      if (this.#bytes <= this.#maxBytes) return
      this.delete(key)
    }
  }
}

/** A small body may be a view into a large slab read from a socket, and would keep all of it alive. */
const ownBytes = (body: Buffer): Buffer => {
  if (body.buffer.byteLength <= body.length + OVERSIZE) return body
  const own = Buffer.allocUnsafeSlow(body.length)
  body.copy(own)
  return own
}

const OVERSIZE: Bytes = 1_024
