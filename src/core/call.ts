// The data that flows: one call, what weir has learned about it, and its reply.
// Here "exchange" is always the venue (Kraken, Coinbase); an HTTP request with its response is a call.

import type { ErrorCode } from './errors.ts'
import type { Presence } from './presence.ts'
import type { BotRule, EndpointClass, Priority } from './rules.ts'
import type { Shadow } from './shadow.ts'
import type { Millis, Tokens } from './units.ts'

/** Header names and values in turn (name, value, name, value …): order, case and repeats survive. Values are latin1. */
export type RawHeaders = readonly string[]

/** What a bot asked for, as it asked it. `target` and `body` are signed by the bot: no byte of them may change. */
export interface ProxyRequest {
  readonly method: string
  /** Host the call is for: lower-case, no port, no trailing dot. */
  readonly host: string
  readonly port: number
  /** Path and query exactly as received (origin form, RFC 9112 §3.2.1). */
  readonly target: string
  /** `target` up to the first `?`. */
  readonly path: string
  /** `target` after the first `?`; empty when there is none. */
  readonly query: string
  /** As received, already without hop-by-hop fields and `X-Weir-*`; `Host` included. */
  readonly headers: RawHeaders
  /** The whole body; absent when the request had none. */
  readonly body: Buffer | undefined
}

/** What a bot may ask of weir for one call (`X-Weir-Max-Wait`, `X-Weir-Priority`, `X-Weir-Cache: skip`). */
export interface Wishes {
  readonly maxWaitMs: Millis | undefined
  readonly priority: Priority | undefined
  /** Also set by `Cache-Control: no-cache` (RFC 9111 §5.2.1.4). */
  readonly skipCache: boolean
}

/** One request from a bot and what weir has learned about it so far. */
export interface Call {
  readonly id: string
  readonly startedAt: Millis
  readonly request: ProxyRequest
  readonly wishes: Wishes
  /** Name of the bot: its proxy user, else its address and the family of its client (`127.0.0.1/ccxt`). */
  readonly bot: string
  /** Whether the bot still waits for the answer. */
  readonly presence: Presence
  /** What weir did so far; each layer writes the fields it decides. */
  readonly record: CallRecord
  /** Relays a 103 to the bot (RFC 8297); absent when the bot can not receive one. */
  readonly early: ((headers: RawHeaders) => void) | undefined
}

/** Whose limits a call spends. Hashes of key ids, never a key. */
export interface Identity {
  /** Keyed hash of the API key's public id; undefined when the call carries no credential. */
  readonly credential: string | undefined
  /** The account behind the key, when keys are declared to share one; else the same as `credential`. */
  readonly account: string | undefined
}

export interface IdentifiedCall extends Call {
  readonly identity: Identity
  /** What limits.yaml says of the bot by name; absent when it says nothing. */
  readonly manners?: BotRule | undefined
  /** How long its client waits for an answer, as limits.yaml has it; absent when the client is not known. */
  readonly patienceMs?: Millis | undefined
}

/** What the price of a call can depend on, read from its query or body. */
export interface Facts {
  /** Nonce as the bot signed it; undefined when the class has none. */
  readonly nonce: bigint | undefined
  /** Trading pair, normalised; undefined when it could not be read. */
  readonly pair: string | undefined
  /** Orders the call touches: ids (txid, userref, cl_ord_id) where it names them. */
  readonly orderIds: readonly string[]
  /** Parameters that the price depends on: the value, undefined when not given, or how many entries, from 1, a list has. */
  readonly params: ReadonlyMap<string, { readonly value: string | undefined; readonly entries: number | undefined }>
  /** Wall-clock time after which the signature is worthless (JWT `exp`, timestamp headers, Kraken `deadline`). */
  readonly expiresAtWallMs: Millis | undefined
}

/** Nothing that a price could depend on. */
export const NO_FACTS: Facts = {
  nonce: undefined,
  pair: undefined,
  orderIds: [],
  params: new Map(),
  expiresAtWallMs: undefined,
}

export interface ClassifiedCall extends IdentifiedCall {
  readonly rule: EndpointClass
  readonly facts: Facts
  /** Of weir's own questions: what a good answer says all the same. `read` parses it, undefined when it is no JSON. */
  readonly hear?: (verdict: Verdict, read: () => unknown) => Verdict
}

/** How a call was answered. `left`: not at all, the bot had hung up; seen in counts and logs only. */
export type Decision = 'forwarded' | 'cached' | 'stale' | 'coalesced' | 'refused' | 'failed' | 'left'

/** Whether bytes of the call reached the exchange: the question behind every blind retry. */
export type Sent = 'yes' | 'no' | 'unknown'

/** What weir did with one call. Answer headers, metrics, logs and history all read from here, and nowhere else. */
export interface CallRecord {
  decision: Decision | undefined
  exchange: string | undefined
  /** Full class id, `kraken.private`. */
  class: string | undefined
  /** Keyed hash of the credential, for logs. */
  credential: string | undefined
  waitedMs: Millis
  /** What would have become of it; undefined where limits are enforced. */
  shadow: Shadow | undefined
  /** Budget spent at the exchange; 0 when nothing was sent. */
  cost: Tokens
  /** The same by bucket, each time that one was charged; undefined when no bucket was asked. */
  spent: readonly { readonly key: string; readonly cost: Tokens }[] | undefined
  sent: Sent
  /** True when weir sent it a second time, its connection having died under the first. */
  resent: boolean
  breaker: 'closed' | 'open' | 'half_open'
  /** Values of `RateLimit` and `RateLimit-Policy`; undefined when no bucket was asked. */
  rateLimit: string | undefined
  rateLimitPolicy: string | undefined
  /** Parameters of `Cache-Status` (RFC 9211), without weir's own name: `hit`, `fwd=miss; stored`. */
  cache: string | undefined
  /** Seconds, for `Age` (RFC 9111 §5.1). */
  ageSeconds: number | undefined
  /** Time until the exchange sent its head, or until that was given up. */
  upstreamMs: Millis | undefined
  /** Code of a refusal or failure that weir made itself. */
  error: ErrorCode | undefined
  /** What was thrown, for the log's eyes only; never told to the bot. */
  thrown: unknown
  verdict: Verdict | undefined
  /** How many orders it cancelled, as the exchange says; undefined when it does not. */
  cancelled: Cancelled | undefined
  /** What the answer told of the limit, where it did. */
  told: ToldBudget | undefined
}

/** What an exchange says of the orders that a call cancelled. */
export interface Cancelled {
  readonly count: number
  /** False while some are pending: there may be more. */
  readonly isAll: boolean
}

/** What an exchange says of the limit that a call took from. */
export interface ToldBudget {
  readonly limit: Tokens | undefined
  /** Left at the exchange when it had counted the call; of calls that were on the way then, it knew only some. */
  readonly remaining: Tokens | undefined
}

/** A record with nothing decided yet. */
export const newRecord = (): CallRecord => ({
  decision: undefined,
  exchange: undefined,
  class: undefined,
  credential: undefined,
  waitedMs: 0,
  shadow: undefined,
  cost: 0,
  spent: undefined,
  sent: 'no',
  resent: false,
  breaker: 'closed',
  rateLimit: undefined,
  rateLimitPolicy: undefined,
  cache: undefined,
  ageSeconds: undefined,
  upstreamMs: undefined,
  error: undefined,
  thrown: undefined,
  verdict: undefined,
  cancelled: undefined,
  told: undefined,
})

/** What the exchange's answer means for limits and health, whatever its status line says. */
export interface Verdict {
  /**
   * `ok`: served. `client`: the bot's own mistake. `auth`: bad key, signature or nonce.
   * `throttled`: over a limit. `banned`: locked out for a time. `failing`: the exchange is unwell.
   */
  readonly kind: 'ok' | 'client' | 'auth' | 'throttled' | 'banned' | 'failing'
  /** The exchange's own words (`EAPI:Rate limit exceeded`) or the status (`http 429`); from a closed list, safe to log. */
  readonly reason: string
  /** Bucket whose scope the refusal speaks for; undefined = the buckets the call took from. */
  readonly drains: string | undefined
  /** How long the scope is closed, from the answer or the rule; undefined when neither says. */
  readonly pauseMs: Millis | undefined
  /** The exchange charged nothing for it, if it was a cancel. */
  readonly free?: boolean
  /** The exchange names a time and speaks of no counter: the scope is closed until then, and what is left in it stays. */
  readonly gate?: boolean
  /** True when everybody behind this address is meant, so that the host's breaker opens at once. */
  readonly hostWide: boolean
}

/** Everything is well. */
export const OK: Verdict = { kind: 'ok', reason: 'ok', drains: undefined, pauseMs: undefined, hostWide: false }

/** A body too large to hold: handed on chunk by chunk. */
export interface BodyStream {
  /** Starts the flow into `sink`. Called at most once; a stream that nobody wants must be `cancel`led. */
  pipe(sink: BodySink): void
  /** Gives up: the exchange is told by closing its connection. */
  cancel(): void
}

/** Takes the chunks of a `BodyStream`. */
export interface BodySink {
  /** False asks the stream to pause until it is told to `resume` (the function given to `begin`). */
  write(chunk: Buffer): boolean
  /** Hands over how to resume; called before the first `write`. */
  begin(resume: () => void): void
  end(trailers: RawHeaders): void
  /** The exchange died mid-body: the bot must see an unclean end, never a short answer that looks whole. */
  fail(error: Error): void
}

/** What goes back to the bot. */
export interface Reply {
  readonly status: number
  readonly statusText: string
  /** Without hop-by-hop fields. */
  readonly headers: RawHeaders
  readonly body: Buffer | BodyStream
  readonly trailers: RawHeaders | undefined
}
