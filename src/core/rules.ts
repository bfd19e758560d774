// limits.yaml once linked: names resolved, variants chosen, durations in milliseconds, everything frozen.
// The hot path reads these values and never looks anything up by name.

import type { FailurePattern } from './failure.ts'
import type { BreakerRule, UpstreamRule } from './host-rules.ts'
import type { Bytes, Millis, Tokens, TokensPerMs } from './units.ts'
import type { AlertRules, HealthRules } from './watch-rules.ts'

/** Who goes first where order is free. */
export type Priority = 'critical' | 'high' | 'normal' | 'low'

/** Everything limits.yaml says. Replaced as a whole on reload. */
export interface Rules {
  /** Hosts to intercept, lower-case. */
  readonly hosts: ReadonlyMap<string, HostRule>
  readonly exchanges: readonly ExchangeRule[]
  /** What happens to CONNECT for any other host. */
  readonly tunnel: 'allow' | 'deny'
  readonly maxBody: Bytes
  readonly maxQueueBytes: Bytes
  readonly cacheBytes: Bytes
  readonly metricsPrefix: string
  /** Level of a bucket that weir has never seen, as a share of its capacity (0 to 1). */
  readonly coldStart: number
  /** What a weir that shares its limits does while the common store is away. */
  readonly onStoreFailure: 'share' | 'closed'
  /** How weirs that share limits divide them: in equal parts, or by the number of their bots. */
  readonly split: 'equal' | 'weighted'
  /** How long the share of a weir that vanished is kept for it. */
  readonly yieldMs: Millis
  readonly alerts: AlertRules
  readonly health: HealthRules
  /** What kinds of failures are called; weir's own come after these. */
  readonly failurePatterns: readonly FailurePattern[]
  /** What is said of single bots, by name. */
  readonly bots: ReadonlyMap<string, BotRule>
  /** Known clients; the first whose `agent` a User-Agent begins with. */
  readonly clients: readonly ClientRule[]
}

/** The manners of one bot, in place of those of the classes it calls. */
export interface BotRule {
  /** Its share of turns where bots take turns: a weight of 3 has three for every one of a weight of 1. */
  readonly weight: number
  readonly maxWaitMs: Millis | undefined
  readonly priority: Priority | undefined
}

/** How long a client waits for an answer before it gives up, less what the exchange may need. */
export interface ClientRule {
  /** Start of its User-Agent, in lower case. */
  readonly agent: string
  readonly maxWaitMs: Millis
}

/** One intercepted host. */
export interface HostRule {
  readonly host: string
  /** Finds the class of a call; every path has one (the exchange's `default` at worst). */
  readonly classify: (method: string, path: string) => EndpointClass
  /** Whether signatures or orders of some class end at a time, so that it matters what time it is there. */
  readonly hasDeadlines: boolean
  /** WebSocket hosts carry no classes of their own but are intercepted and relayed. */
  readonly breaker: BreakerRule
  readonly upstream: UpstreamRule
  /** The exchange that answers for the host when no class is involved (malformed requests, upgrades). */
  readonly exchange: ExchangeRule
}

/** A question after an exchange's health. */
export interface ProbeRule {
  readonly host: string
  readonly target: string
  /** Where the JSON answer says more than its status; absent when the status is all that counts. */
  readonly says?: {
    readonly field: readonly string[]
    /** Words that mean: no calls are taken. */
    readonly down: readonly string[]
    /** Words that mean: some calls are taken, such as cancels. */
    readonly limited: readonly string[]
  }
}

/** One venue API: `kraken`, `coinbase`, `coinbase_exchange`, `coinbase_app`. */
export interface ExchangeRule {
  readonly name: string
  /** How refusals are worded and answers are read. */
  readonly dialect: Dialect
  /** In which places a credential's public id may be found, in order. */
  readonly credential: readonly CredentialSource[]
  /** Keys declared to be one account: key id → account name. */
  readonly accounts: ReadonlyMap<string, string>
  /** Status of limit refusals; undefined = the dialect's own (Kraken 200, Coinbase 429). */
  readonly refusalStatus: number | undefined
  readonly buckets: readonly BucketRule[]
  readonly classes: readonly EndpointClass[]
  readonly fallback: EndpointClass
  /** What the exchange's answers mean, first match wins. */
  readonly answers: readonly AnswerRule[]
  /** An unsigned GET that asks "are you well?", sent by weir when a breaker half-opens and only orders ask. */
  readonly probe: ProbeRule | undefined
  /** An unsigned GET of all pairs with their names, sent by weir when a bot names one that only this table makes out. */
  readonly pairs: { readonly host: string; readonly target: string } | undefined
  /** Accepted distance below the highest nonce, as declared at the exchange; 0 unless the owner of the key set one. */
  readonly nonceWindow: bigint
  /** `strict`: one call of a key in flight, or as many as the window allows. `spaced`: a gap between sends. `none`: as they come. */
  readonly nonceOrder: 'strict' | 'spaced' | 'none'
  /** Fields in which answers tell of the limit, lower-case; undefined where the exchange sends none. */
  readonly headers: BudgetHeaders | undefined
  /** When a key that is refused again and again rests; undefined where keys are not locked out. */
  readonly lockout: LockoutRule | undefined
}

/** Fields that tell of the bucket that a call took from. */
export interface BudgetHeaders {
  /** Holds the limit itself. */
  readonly limit: string | undefined
  /** Holds what was left of it once the call was counted. */
  readonly remaining: string | undefined
}

/** How a key is kept from being locked out. */
export interface LockoutRule {
  /** Refusals of key, signature or nonce in a row after which it rests. */
  readonly failures: number
  /** The first rest; each further refusal doubles it. */
  readonly pauseMs: Millis
}

export type Dialect = 'kraken' | 'kraken_futures' | 'coinbase' | 'coinbase_exchange' | 'plain'

/** A named reader of a credential's public id. */
export type CredentialSource =
  | { readonly from: 'header'; readonly name: string }
  /** Claim of an unverified `Authorization: Bearer` JWT: public by construction, the token text changes per call. */
  | { readonly from: 'jwt'; readonly claims: readonly string[] }

/** Who shares a bucket. `ip`: all that leave through this address. */
export type Scope = 'ip' | 'key' | 'account' | 'pair'

/** A limit. `id` is `kraken.private`. */
export type BucketRule = TokenBucketRule | WindowRule

interface BucketBase {
  readonly id: string
  readonly name: string
  readonly exchange: string
  readonly scopes: readonly Scope[]
  /** Value of `RateLimit-Policy`: `"kraken-private";q=15;w=45`. */
  readonly policy: string
  /** `"kraken-private"`, for `RateLimit`. */
  readonly label: string
  /** Pause after a violation when the exchange names none; doubles on repeats. */
  readonly recoveryMs: Millis
  /** Whether refusals that nothing explains make weir use less than the documented rate for a time. */
  readonly adaptive: boolean
}

/** Tokens refill steadily up to a capacity: Kraken's decaying counter and Coinbase's lazy-fill bucket alike. */
export interface TokenBucketRule extends BucketBase {
  readonly kind: 'bucket'
  readonly capacity: Tokens
  /** Tokens never used: what the exchange's counter may lag behind a steady one. */
  readonly margin: Tokens
  readonly refill: TokensPerMs
  /** What lower tiers have, to recognise one that is not the declared one. */
  readonly lowerTiers: readonly LowerTier[]
}

/** A tier with less than the one that limits.yaml names. */
export interface LowerTier {
  readonly name: string
  readonly capacity: Tokens
  readonly refill: TokensPerMs
}

/** At most `limit` in any stretch of `everyMs`: only where an exchange states N per T. */
export interface WindowRule extends BucketBase {
  readonly kind: 'window'
  readonly limit: Tokens
  readonly everyMs: Millis
  /**
   * The least time that a call and its answer need, as the operator guarantees it; 0 unless said. A call arrived no later
   * than its answer came back less the way back, and the next one arrives no sooner than it was sent and the way there.
   */
  readonly shortestRoundTripMs: Millis
}

/**
 * Whether a limit is a gate: no number is published, so nothing is counted, and it stands open until the exchange closes it. It
 * is a bucket that holds nothing; calls pass it at a cost of 0.
 */
export const isGate = (rule: BucketRule): boolean => rule.kind === 'bucket' && rule.capacity === 0

/** The price of a call in one bucket: the sum of all that is given here. */
export interface CostRule {
  readonly bucket: BucketRule
  readonly fixed: Tokens
  /** For each entry of the list `name` in the call: the orders of a batch. */
  readonly each: readonly { readonly name: string; readonly cost: Tokens }[]
  readonly byParam: readonly ParamCost[]
  /** For each order that the call touches, while it is younger than `underMs`; steps ascend; older costs nothing more. */
  readonly byAge: readonly { readonly underMs: Millis; readonly cost: Tokens }[]
}

/** What a parameter of the call adds to its price. */
export interface ParamCost {
  readonly name: string
  /** It is not given. */
  readonly absent: Tokens
  /** It is a number of at most `upTo`; steps ascend. */
  readonly steps: readonly { readonly upTo: number; readonly cost: Tokens }[]
  /** It is anything else. */
  readonly present: Tokens
}

/** A set of endpoints that share costs and manners. */
export interface EndpointClass {
  /** `kraken.private`: the value of `X-Weir-Class`. */
  readonly id: string
  readonly name: string
  readonly exchange: ExchangeRule
  /** What a call of the class does at the exchange. Only reads may be cached, coalesced, retried or used as a probe. */
  readonly kind: 'read' | 'write' | 'order' | 'cancel'
  readonly costs: readonly CostRule[]
  /** `nonce`: one line per key in nonce order, one call in flight. `fair`: bots take turns, order is free. */
  readonly lane: 'fair' | 'nonce'
  /** What its calls must leave in a bucket for more urgent classes; absent where nothing is reserved. */
  readonly keeps?: ReadonlyMap<BucketRule, Tokens> | undefined
  /** A cost depends on the age of the order, and so on the moment of sending. */
  readonly pricedByAge: boolean
  /** False: charged but never held back (cancels). */
  readonly hold: boolean
  readonly onExhausted: 'queue' | 'reject'
  /** `shadow`: everything is computed and reported, nothing is held. */
  readonly enforce: 'on' | 'shadow'
  readonly maxWaitMs: Millis
  /** As long as the patience of a known client may stretch that. */
  readonly longestWaitMs: Millis
  readonly maxQueue: number
  readonly priority: Priority
  readonly cache: CacheRule | undefined
  /** Which facts the costs and the lane need, so that others are not read. */
  readonly needs: {
    readonly nonce: boolean
    readonly pair: boolean
    readonly orders: boolean
    readonly expiry: boolean
    /** Parameters that are part of the price: by the number of their entries (`each`), by their value (`byParam`). */
    readonly params: readonly { readonly name: string; readonly each: boolean; readonly byParam: boolean }[]
  }
  /** True when the answer tells of orders (ids, pairs, birth) that later prices depend on. */
  readonly learns: boolean
  /** How long a signature of this class lives after its timestamp header; undefined when it has none. */
  readonly signatureLifeMs: Millis | undefined
  /** Patterns as written, for `weir explain`. */
  readonly patterns: readonly string[]
}

export interface CacheRule {
  readonly freshMs: Millis
  /** How much longer than fresh an answer may serve when one of the conditions below holds. */
  readonly staleMs: Millis
  readonly staleWhen: ReadonlySet<'breaker_open' | 'error' | 'queue' | 'slow'>
  /** With `slow`: no answer within this time serves stale while the fetch goes on. */
  readonly staleAfterMs: Millis
  /** Body parameters that are part of the question (POST reads); any other one bypasses the cache. */
  readonly bodyParams: readonly string[]
  /** Private answers: kept per bot and credential, and only for who had an accepted call of its own. */
  readonly private: boolean
  /** Weirs that share their limits share these answers too. Never private ones. */
  readonly shared: boolean
  readonly maxEntryBytes: Bytes
}

/** What one kind of answer means. */
export interface AnswerRule {
  /** Matches a status (429), a class of statuses (5xx as 500-599) or the start of an error string of the dialect. */
  readonly status: { readonly from: number; readonly to: number } | undefined
  readonly error: string | undefined
  /** Matches only a page for people: the network in front of the exchange wrote it, not the exchange. */
  readonly page: boolean
  /** Matches only a body with one of these texts, lower-case; any body when empty. */
  readonly says: readonly string[]
  readonly means: 'client' | 'auth' | 'throttled' | 'banned' | 'failing'
  readonly drains: string | undefined
  readonly pauseMs: Millis | undefined
  /** The error ends in a unix time in seconds until which the scope is closed (`EService:Throttled: 1700000000`). */
  readonly untilSuffix: boolean
  /** A cancel that is answered so has cost nothing: there was no such order. */
  readonly free: boolean
  readonly hostWide: boolean
}
