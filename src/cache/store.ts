// Where answers are kept. The store knows nothing of freshness: it holds what it is given until its room is needed.

import type { Reply } from '../core/call.ts'
import type { Bytes, Millis } from '../core/units.ts'

/** An answer held as a whole. Its body is shared by all who are served it: it must never be written to. */
export type WholeReply = Reply & { readonly body: Buffer }

/** One kept answer. */
export interface Entry {
  readonly reply: WholeReply
  readonly storedAt: Millis
  /** Seconds that other caches had held it before it came here. */
  readonly ageOnArrival: number
  /** Whose it is, when it is private. */
  readonly owner: string | undefined
}

/** A bounded map of answers. */
export interface CacheStore {
  get(key: string): Entry | undefined
  /** False when the entry alone would not fit; whatever the key held before is gone either way. */
  put(key: string, entry: Entry): boolean
  delete(key: string): void
  /** Removes everything that belongs to `owner`. */
  purge(owner: string): void
}

/** Bytes an entry is charged with beside its texts: map slot, objects, buffer. */
const OVERHEAD: Bytes = 400

/** What an entry takes up: key, headers, body. Strings are counted at one byte a character, as header bytes are latin1. */
export const sizeOf = (key: string, { reply }: Entry): Bytes => {
  let size = OVERHEAD + key.length + reply.body.length
  for (const text of reply.headers) size += text.length
  return size
}
