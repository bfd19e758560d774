// A HAR stream cut into the objects of `log.entries`, so that of all the bodies in it only one entry's is ever in memory.

import type { Splitter } from './item.ts'

/** Depth of what stands in `{ "log": { "entries": [ … ] } }`. */
const MEMBERS = 2
const ENTRIES = 3

const QUOTE = 0x22
const BACKSLASH = 0x5c
const OPENERS: ReadonlySet<number> = new Set([0x7b, 0x5b])
const CLOSERS: ReadonlySet<number> = new Set([0x7d, 0x5d])

/** Follows strings and brackets; everything else of JSON does not matter here. */
export class Entries implements Splitter {
  #depth = 0
  #inString = false
  /** The next character is escaped. */
  #escaped = false
  /** The last string of `log` itself: the name of the member that follows. */
  #member = ''
  /** Inside `entries`. */
  #within = false
  /** Of earlier chunks, what is still needed: the beginning of an entry or of a name. */
  #kept: string[] = []
  /** Where the entry or name begins in this chunk, or goes on; -1 when none has begun. */
  #start = -1

  feed(chunk: string): readonly string[] {
    const found: string[] = []
    for (let at = 0; at < chunk.length; at += 1) {
      const code = chunk.charCodeAt(at)
      if (this.#inString) this.#string(chunk, code, at)
      else if (code === QUOTE) {
        this.#inString = true
        if (this.#depth === MEMBERS) this.#start = at + 1
      } else if (OPENERS.has(code)) this.#open(at)
      else if (CLOSERS.has(code)) {
        this.#depth -= 1
        if (this.#depth < ENTRIES) this.#within = false
        else if (this.#within && this.#depth === ENTRIES) {
          found.push(this.#finish(chunk, at + 1))
        }
      }
    }
    if (this.#start >= 0) {
      this.#kept.push(chunk.slice(this.#start))
      this.#start = 0
    }
    return found
  }

  end(): { readonly broken?: string } {
    return this.#depth === 0 ? {} : { broken: 'the file breaks off in the middle' }
  }

  #string(chunk: string, code: number, at: number): void {
    if (this.#escaped) this.#escaped = false
    else if (code === BACKSLASH) this.#escaped = true
    else if (code === QUOTE) {
      this.#inString = false
      if (this.#depth === MEMBERS) this.#member = this.#finish(chunk, at)
    }
  }

  /** The entry or name that ends before `end`. */
  #finish(chunk: string, end: number): string {
    const text = this.#kept.join('') + chunk.slice(this.#start, end)
    this.#kept = []
    this.#start = -1
    return text
  }

  #open(at: number): void {
    if (this.#depth === MEMBERS) this.#within = this.#member === 'entries'
    if (this.#depth === ENTRIES && this.#within) this.#start = at
    this.#depth += 1
  }
}
