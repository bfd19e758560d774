// The body of a held answer as text and JSON: unpacked and parsed once, however many ask, and not before anybody does. Never
// throws: what can not be read is undefined.

import { brotliDecompressSync, gunzipSync, inflateSync, zstdDecompressSync } from 'node:zlib'
import type { RawHeaders } from '../core/call.ts'
import { field } from '../core/headers.ts'
import type { Bytes } from '../core/units.ts'

/** A held answer. */
export interface Answer {
  readonly status: number
  readonly headers: RawHeaders
  /** Undefined when the body was too large to hold. */
  readonly body: Buffer | undefined
}

/** Largest body that a compressed one may grow to, unless told: 200 MiB of zeros fit in 200 KiB of gzip. */
const UNPACKED_BYTES: Bytes = 256 * 1024

/** One answer's body. */
export class Reading {
  readonly #answer: Answer
  /** The largest size to which it was allowed to grow until now. */
  #tried: Bytes = 0
  #text: string | undefined
  #parsed: { readonly json: unknown } | undefined

  constructor(answer: Answer) {
    this.#answer = answer
  }

  /** Undefined when there is none, its encoding is not what it says, or it grows beyond `most`. */
  text(most: Bytes = UNPACKED_BYTES): string | undefined {
    if (this.#text === undefined && this.#tried < most) {
      this.#tried = most
      this.#text = unpacked(this.#answer, most)
    }
    return this.#text
  }

  /** The same as JSON; undefined also when it is none. */
  json(most: Bytes = UNPACKED_BYTES): unknown {
    const text = this.text(most)
    if (text === undefined) return undefined
    this.#parsed ??= { json: parsed(text) }
    return this.#parsed.json
  }
}

const unpacked = ({ headers, body }: Answer, most: Bytes): string | undefined => {
  if (body === undefined || body.length === 0) return undefined
  const encoding = field(headers, 'content-encoding')?.trim().toLowerCase() ?? ''
  try {
    return unpack(body, encoding, { maxOutputLength: most })?.toString('utf8')
  } catch {
    return undefined
  }
}

const unpack = (body: Buffer, encoding: string, bounded: { readonly maxOutputLength: Bytes }): Buffer | undefined => {
  switch (encoding) {
    case 'identity':
    case '':
      return body
    case 'gzip':
    case 'x-gzip':
      return gunzipSync(body, bounded)
    case 'br':
      return brotliDecompressSync(body, bounded)
    case 'deflate':
      return inflateSync(body, bounded)
    case 'zstd':
      return zstdDecompressSync(body, bounded)
    default:
      return undefined
  }
}

const parsed = (text: string): unknown => {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
