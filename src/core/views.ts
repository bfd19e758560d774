// What weir shows of its insides: plain data, ready for JSON, made by the parts that own the state and read by the
// admin port, the metrics and the command line. Scopes are hashes of key ids or words from a closed list, never a key.

import type { Cause } from './autopsy.ts'
import type { Decision, Sent, Verdict } from './call.ts'
import type { ErrorCode } from './errors.ts'
import type { BreakerState, CacheResult } from './events.ts'
import type { Shadow } from './shadow.ts'
import type { Bytes, Millis, Tokens } from './units.ts'

/** One meter: a bucket rule at one scope. */
export interface LimitView {
  readonly exchange: string
  /** Id of the rule: `kraken.private`. */
  readonly bucket: string
  /** Whose it is: `ip`, or the hash of a key or account, with `/XBTUSD` after it where a pair has its own. */
  readonly scope: string
  readonly kind: 'bucket' | 'window'
  /** May be below zero after charges that are never held back. */
  readonly available: Tokens
  readonly capacity: Tokens
  readonly refillPerSecond: Tokens
  /** Share of the documented rate that is used: below 1 after refusals that nothing explained, 1 again after clean minutes. */
  readonly effectiveShare: number
  readonly effectiveRefillPerSecond: Tokens
  /** Share of the budget in use: 0 = untouched, 1 = spent (or closed by the exchange); never more. */
  readonly utilization: number
  /** Charged for calls whose answer has not arrived. */
  readonly inFlight: Tokens
  /** How long the exchange has closed the scope; 0 when it has not. */
  readonly closedForMs: Millis
  /** Time until the budget is whole again if nothing more is spent. */
  readonly fullInMs: Millis
}

/** One lane. */
export interface QueueView {
  readonly exchange: string
  /** Id of the class that waits here. A lane shared by several classes (one per key, in nonce order) names the first. */
  readonly class: string
  /** Which of the class's lanes: the hash of the key, or `fair`. */
  readonly lane: string
  readonly waiting: number
  readonly bytes: Bytes
  /** As many calls may wait at most. */
  readonly capacity: number
  readonly oldestWaitMs: Millis
  /** Wait foretold to one more call like the last in line; 0 when nobody waits. */
  readonly nextWaitMs: Millis
  /** Calls of this lane that are at the exchange now. */
  readonly inFlight: number
  /** Bots whose nonces do not go together: every call of the one with the smaller nonces is refused. */
  readonly mixedNonces: readonly MixedNonces[]
}

/** Two bots that sign with one key and count their nonces in different units. */
export interface MixedNonces {
  readonly larger: { readonly bot: string; readonly digits: number }
  readonly smaller: { readonly bot: string; readonly digits: number }
}

/** One change of a breaker. */
export interface BreakerChange {
  /** Milliseconds since the epoch. */
  readonly atWallMs: Millis
  readonly from: BreakerState
  readonly to: BreakerState
  readonly reason: string
}

/** The breaker of one host. */
export interface BreakerView {
  readonly host: string
  readonly state: BreakerState
  /** Why it is in this state; empty when it has never left `closed`. */
  readonly reason: string
  /** Held open by hand until closed or reset by hand. */
  readonly forced: boolean
  /** Time until probes are let through; 0 unless open. */
  readonly openForMs: Millis
  /** Failures in a row now. */
  readonly failures: number
  /** Calls, failed calls and slow calls in the window that the rates are computed over. */
  readonly window: { readonly calls: number; readonly failed: number; readonly slow: number }
  /** Newest last, at most 100. */
  readonly history: readonly BreakerChange[]
}

/** What the cache holds. */
export interface CacheView {
  readonly entries: number
  readonly bytes: Bytes
  readonly maxBytes: Bytes
}

/** One finished call, as kept for people to look at. */
export interface CallView {
  readonly id: string
  readonly atWallMs: Millis
  readonly bot: string
  readonly method: string
  readonly host: string
  readonly exchange: string | undefined
  readonly class: string | undefined
  readonly credential: string | undefined
  readonly decision: Decision | undefined
  readonly status: number
  readonly tookMs: Millis
  readonly waitedMs: Millis
  /** What shadow mode would have done: `wait;ms=1200`, `refuse;code=limit_reached`; undefined when nothing. */
  readonly shadow: string | undefined
  readonly cost: Tokens
  readonly sent: Sent
  readonly error: ErrorCode | undefined
  readonly verdict: Verdict['kind'] | undefined
  readonly reason: string | undefined
}

/** One refusal by the exchange that weir had not foreseen. */
export interface ViolationView {
  readonly atWallMs: Millis
  readonly exchange: string
  readonly bucket: string
  readonly class: string | undefined
  readonly credential: string | undefined
  readonly bot: string
  readonly call: string
  /** The exchange's own words. */
  readonly reason: string
  /** Tokens that weir believed were there. Far above zero: the key is used elsewhere, or a cost is too low. */
  readonly believed: Tokens
  readonly inFlight: Tokens
  readonly cost: Tokens
  readonly capacity: Tokens
  /** Share of the documented rate that was used. */
  readonly effectiveShare: number
  readonly grantedAtWallMs: Millis
  readonly waitedMs: Millis
  readonly roundTripMs: Millis
  /** Since weir started. */
  readonly sinceStartMs: Millis
  readonly cause: Cause
}

/** What happened at one exchange within the last five minutes. */
export interface ActivityView {
  readonly calls: number
  readonly refused: number
  /** Refused for a limit: the budget was spent, or the queue full. */
  readonly limited: number
  /** Calls that the exchange turned away for a limit, with status 429 or in its own words. */
  readonly throttled: number
  /** Fresh, stale or shared answers. */
  readonly cacheHits: number
  /** Those of them that were stale. */
  readonly stale: number
  /** Calls that could have been answered by the cache and were not. */
  readonly cacheMisses: number
}

/** How a host, or what a check of limits.yaml asks, has answered lately. */
export interface ServiceView {
  /** A host, or the name of a check. */
  readonly name: string
  readonly kind: 'exchange' | 'check'
  readonly healthy: boolean
  /** Time to its head, the newest counting most; undefined before any answer. */
  readonly responseMs: Millis | undefined
  /** Failures in a row, up to now. */
  readonly failures: number
  readonly lastOkAtWallMs: Millis | undefined
  readonly lastError: { readonly message: string; readonly atWallMs: Millis } | undefined
}

/** A key that rests, because the exchange keeps refusing it. */
export interface RestingKeyView {
  /** Its hash. */
  readonly credential: string
  /** The exchange's own words. */
  readonly reason: string
  readonly restsForMs: Millis
}

/** Counts since the start of the process. */
export interface TotalsView {
  /** Refusals by the exchange that weir had not foreseen. */
  readonly violations: number
  readonly decision: Readonly<Record<Decision, number>>
  readonly verdict: Readonly<Record<Verdict['kind'], number>>
  readonly result: Readonly<Record<CacheResult, number>>
  /** What would have been done with calls that shadow mode let go. */
  readonly would: Readonly<Record<Shadow['would'], number>>
}

/** How long something took since the start of the process. Quantiles are upper bounds, undefined when there was nothing. */
export interface LatencyView {
  readonly count: number
  readonly meanMs: Millis | undefined
  readonly p50Ms: Millis | undefined
  readonly p95Ms: Millis | undefined
  readonly p99Ms: Millis | undefined
}

/** Something weir itself stands on: its store, its certificate authority. */
export interface PartView {
  readonly name: string
  readonly healthy: boolean
  readonly message: string
}

/** The store that several weirs share, as this one sees it. */
export interface StoreView {
  /** What is done while it is away. */
  readonly onFailure: 'share' | 'closed'
  readonly exchanges: readonly {
    readonly exchange: string
    /** False: the store does not answer. */
    readonly together: boolean
    /** This weir's part of every limit, 0 to 1, for as long as the store is away; 0 until it was first heard. */
    readonly share: number
    /** Weirs, also those whose share is kept for them. */
    readonly members: number
  }[]
}

/** TLS connections that carried no calls, alike in bot, host, outcome and reason. */
export interface HandshakeView {
  /** The last of them. */
  readonly atWallMs: Millis
  /** Name of the bot, else its address. */
  readonly bot: string
  /** Undefined when the bot named none. */
  readonly host: string | undefined
  /** `unused`: the handshake was done, and the connection ended without a request. */
  readonly outcome: 'failed' | 'unused' | 'websocket'
  /** The alert as OpenSSL words it (`ERR_SSL_TLSV1_ALERT_UNKNOWN_CA`), or a few words of ours. */
  readonly reason: string
  readonly times: number
}

/** How weir reaches a host, tried just now. */
export interface ReachView {
  readonly host: string
  /** `ADDRESS:PORT` of `--connect-to`; undefined when the host's own name is followed. */
  readonly rerouted: string | undefined
  /** Address of this machine that the connection left from. */
  readonly local: string | undefined
  /** `ADDRESS:PORT` that was reached. */
  readonly remote: string | undefined
  readonly certificateEndsWallMs: Millis | undefined
  /** Time for connection and handshake, or until they were given up. */
  readonly tookMs: Millis
  /** Why it can not be reached; undefined when it can. */
  readonly error: string | undefined
  /** The exchange's clock minus ours, give or take `skewErrorMs`; undefined where the exchange was not asked or did not tell. */
  readonly skewMs: Millis | undefined
  readonly skewErrorMs: Millis | undefined
}

/** The rules in force. */
export interface ConfigView {
  readonly file: string
  readonly loadedAtWallMs: Millis
  /** Report of the last reload that was refused; undefined when the file on disk is in force. */
  readonly lastError: string | undefined
}
