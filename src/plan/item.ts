// What a trace is made of, whatever its format.

import type { ProxyRequest } from '../core/call.ts'
import type { Millis, Tokens } from '../core/units.ts'

/** One record of a trace. */
export type Item =
  | Asked
  /** No call to an exchange over HTTP, as `wss://ws.kraken.com`. */
  | { readonly what: 'elsewhere'; readonly host: string }
  /** Answered without the exchange: from weir's cache, or together with another call. */
  | { readonly what: 'answered' }
  /** Says what is wrong; never quotes the record, which may hold a key. */
  | { readonly what: 'broken'; readonly message: string }

/** One call, as a trace tells it. */
export interface Asked {
  readonly what: 'call'
  /** Milliseconds since the epoch, or on any other scale that all calls of the trace share. */
  readonly atMs: Millis | undefined
  /** How long the exchange took; 0 when the trace does not say. */
  readonly tookMs: Millis
  readonly bot: string
  readonly call: ProxyRequest | Logged
}

/** A call that weir has seen and judged before: its log keeps no path, but the class and the cost. */
export interface Logged {
  readonly method: string
  readonly host: string
  /** Class id, `kraken.private`. */
  readonly class: string
  /** Hash of the key, as that weir made it. */
  readonly credential: string | undefined
  /** What it cost at the exchange; undefined when it was not sent. */
  readonly paid: Tokens | undefined
}

/** Cuts a stream into records. */
export interface Splitter {
  feed(chunk: string): readonly string[]
  /** The last record, when nothing closes it; or what is wrong with the end. */
  end(): { readonly last?: string; readonly broken?: string }
}
