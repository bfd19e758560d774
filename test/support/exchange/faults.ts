// What can go wrong at an exchange, on order. A fault waits in a queue until a call that it matches arrives; the first
// one that matches wins. `counted` tells whether the call reached the exchange's counters and order book before
// it went wrong (the answer was lost), or was turned away at the edge.

import { brotliCompressSync, deflateSync, gzipSync, zstdCompressSync } from 'node:zlib'
import type { Call } from './journal.ts'
import type { Answer } from './venue.ts'

export type Encoding = 'gzip' | 'br' | 'zstd' | 'deflate'

/** What happens to the call. */
export type FaultKind =
  /** Another answer than the exchange's own: 429, 5xx, an HTML page. At the edge, so not counted unless told. */
  | {
      readonly kind: 'answer'
      readonly status: number
      readonly headers?: Readonly<Record<string, string>>
      readonly body?: string | object
    }
  /** TCP reset before any byte of the answer. */
  | { readonly kind: 'reset' }
  /** TCP reset after half of the body. */
  | { readonly kind: 'reset-mid-body'; readonly framing?: 'length' | 'chunked' }
  /** The connection ends in good order (FIN) before any byte of the answer. */
  | { readonly kind: 'end' }
  /** No answer, ever. */
  | { readonly kind: 'hang' }
  /** The right answer, late. */
  | { readonly kind: 'delay'; readonly ms: number }
  /** The right answer in `pieces` chunks spread over `ms`. */
  | { readonly kind: 'slow-body'; readonly ms: number; readonly pieces?: number }
  /** A 103 before the right answer. */
  | { readonly kind: 'early-hints' }
  /** The right answer, chunked, with a trailer. */
  | { readonly kind: 'trailers' }
  /** The right answer, and `Connection: close`. */
  | { readonly kind: 'close' }
  /** The right answer, compressed whatever the bot accepts. */
  | { readonly kind: 'encode' }

export type Fault = FaultKind & {
  /** Only calls to this host, with this method, whose path matches. */
  readonly host?: string
  readonly method?: string
  readonly path?: RegExp
  /** How many calls it hits; 1 unless told, Infinity for all. */
  readonly times?: number
  /** Judge the call before it goes wrong? True for all kinds but `answer` unless told. */
  readonly counted?: boolean
  /** Content-Encoding of the answer. */
  readonly encoding?: Encoding
}

/** A fault that waits; `left` falls to 0 as it hits. */
export interface Waiting {
  readonly fault: Fault
  left: number
  cancel(): void
}

export class Faults {
  #waiting: Waiting[] = []

  add(fault: Fault): Waiting {
    const waiting: Waiting = {
      fault,
      left: fault.times ?? 1,
      cancel: () => {
        waiting.left = 0
        this.#waiting = this.#waiting.filter((other) => other !== waiting)
      },
    }
    this.#waiting.push(waiting)
    return waiting
  }

  clear(): void {
    for (const waiting of [...this.#waiting]) waiting.cancel()
  }

  /** Takes the fault that this call meets, if any. */
  take(call: Call): Fault | undefined {
    const hit = this.#waiting.find(({ fault }) => matches(fault, call))
    if (!hit) return undefined
    hit.left -= 1
    if (hit.left <= 0) hit.cancel()
    return hit.fault
  }
}

export function isCounted(fault: Fault): boolean {
  return fault.counted ?? fault.kind !== 'answer'
}

/** The bytes of an answer's body. */
export function bodyBytes(answer: Pick<Answer, 'body'>): Buffer {
  if (Buffer.isBuffer(answer.body)) return answer.body
  return Buffer.from(typeof answer.body === 'string' ? answer.body : JSON.stringify(answer.body))
}

export function encode(bytes: Buffer, encoding: Encoding): Buffer {
  const encoders = { gzip: gzipSync, br: brotliCompressSync, zstd: zstdCompressSync, deflate: deflateSync }
  return encoders[encoding](bytes)
}

/** The page that Cloudflare shows for an origin error such as 520, 522 or 525. */
export function cloudflarePage(status: number): Fault {
  const body = htmlPage(`api.kraken.com | ${status}: Web server is returning an unknown error`)
  return { kind: 'answer', status, headers: { 'Content-Type': 'text/html; charset=UTF-8', Server: 'cloudflare' }, body }
}

/** A 429, as an HTML page or as JSON, with Retry-After in seconds when told. */
export function tooManyRequests(
  options: { readonly retryAfter?: number | string; readonly html?: boolean } = {},
): Fault {
  const type = options.html ? 'text/html' : 'application/json'
  const json = { errors: [{ id: 'rate_limit_exceeded', message: 'Too many requests' }] }
  const retry = options.retryAfter === undefined ? {} : { 'Retry-After': String(options.retryAfter) }
  const body = options.html ? htmlPage('429 Too Many Requests') : json
  return { kind: 'answer', status: 429, headers: { 'Content-Type': type, ...retry }, body }
}

/** A Kraken error answer (HTTP 200) such as `EService:Unavailable` or `EService: Throttled: 1700000000`. */
export function krakenError(...errors: readonly string[]): Fault {
  return { kind: 'answer', status: 200, headers: { 'Content-Type': 'application/json' }, body: { error: errors } }
}

export function htmlPage(title: string): string {
  return `<!DOCTYPE html>\n<html><head><title>${title}</title></head><body><h1>${title}</h1></body></html>\n`
}

function matches(fault: Fault, call: Call): boolean {
  if (fault.host !== undefined && fault.host !== call.host) return false
  if (fault.method !== undefined && fault.method !== call.method) return false
  return fault.path === undefined || fault.path.test(call.path)
}
