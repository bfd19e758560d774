// Small honest values with one thing changed: calls, rules, replies and verdicts as the layers inside meet them.

import {
  type CallRecord,
  type ClassifiedCall,
  NO_FACTS,
  newRecord,
  OK,
  type Reply,
  type Verdict,
} from '../../src/core/call.ts'
import type { BreakerRule } from '../../src/core/host-rules.ts'
import { Presence } from '../../src/core/presence.ts'
import type { CacheRule, EndpointClass, ExchangeRule } from '../../src/core/rules.ts'

/** What a test may change about a call. */
export interface CallChange {
  readonly method?: string
  readonly host?: string
  readonly path?: string
  readonly query?: string
  readonly headers?: readonly string[]
  readonly body?: Buffer | string
  readonly bot?: string
  readonly credential?: string
  readonly kind?: EndpointClass['kind']
  readonly cache?: CacheRule
  readonly skipCache?: boolean
  readonly maxWaitMs?: number
}

let calls = 0

/** A classified GET of Kraken's ticker, but for `change`. */
export const aCall = (change: CallChange = {}): ClassifiedCall => {
  const { method = 'GET', host = 'api.kraken.com', path = '/0/public/Ticker', query = '', body } = change
  calls += 1
  return {
    id: `call-${calls}`,
    startedAt: 0,
    request: {
      method,
      host,
      port: 443,
      path,
      query,
      target: query === '' ? path : `${path}?${query}`,
      headers: change.headers ?? ['Host', host, 'User-Agent', 'test'],
      body: typeof body === 'string' ? Buffer.from(body) : body,
    },
    wishes: { maxWaitMs: change.maxWaitMs, priority: undefined, skipCache: change.skipCache ?? false },
    bot: change.bot ?? 'grid-bot',
    presence: new Presence(),
    record: newRecord(),
    early: undefined,
    identity: { credential: change.credential, account: change.credential },
    rule: aClass({ kind: change.kind ?? 'read', cache: change.cache }),
    facts: NO_FACTS,
  }
}

/** A class that costs nothing. */
export const aClass = (change: Partial<EndpointClass> = {}): EndpointClass => ({
  id: 'kraken.public',
  name: 'public',
  exchange: anExchange,
  kind: 'read',
  costs: [],
  lane: 'fair',
  pricedByAge: false,
  hold: true,
  onExhausted: 'queue',
  enforce: 'on',
  maxWaitMs: 6_000,
  longestWaitMs: Number.POSITIVE_INFINITY,
  maxQueue: 1_000,
  priority: 'normal',
  cache: undefined,
  needs: { nonce: false, pair: false, orders: false, expiry: false, params: [] },
  learns: false,
  signatureLifeMs: undefined,
  patterns: [],
  ...change,
})

/** Fresh for one second, stale for five minutes, whatever happens. */
export const aCacheRule = (change: Partial<CacheRule> = {}): CacheRule => ({
  freshMs: 1_000,
  staleMs: 300_000,
  staleWhen: new Set(['breaker_open', 'error', 'queue']),
  staleAfterMs: 500,
  bodyParams: [],
  private: false,
  shared: false,
  maxEntryBytes: 100_000,
  ...change,
})

/** Five failures in a row, 30 s, doubled up to five minutes, no jitter, three probes. */
export const aBreakerRule = (change: Partial<BreakerRule> = {}): BreakerRule => ({
  failures: 5,
  failureRate: 0.5,
  slowRate: 0.8,
  slowCallMs: 5_000,
  minimumCalls: 10,
  windowMs: 60_000,
  openMs: 30_000,
  maxOpenMs: 300_000,
  multiplier: 2,
  jitter: 0,
  probes: 3,
  successes: 3,
  probeTimeoutMs: 20_000,
  violations: 10,
  violationWindowMs: 300_000,
  violationOpenMs: 300_000,
  ...change,
})

/** An answer that says `body`. */
export const aReply = (body: string | Reply['body'] = '{}', change: Partial<Reply> = {}): Reply => ({
  status: 200,
  statusText: 'OK',
  headers: ['Date', 'Sun, 06 Nov 1994 08:49:37 GMT', 'Content-Type', 'application/json'],
  body: typeof body === 'string' ? Buffer.from(body) : body,
  trailers: undefined,
  ...change,
})

/** A verdict of this kind that speaks for nobody else. */
export const aVerdict = (kind: Verdict['kind'], change: Partial<Verdict> = {}): Verdict =>
  kind === 'ok' ? OK : { kind, reason: kind, drains: undefined, pauseMs: undefined, hostWide: false, ...change }

/** Writes into `record` what the innermost layer writes after an answer. */
export const forwarded = (record: CallRecord, verdict: Verdict = OK, upstreamMs = 10): void => {
  Object.assign(record, { decision: 'forwarded', sent: 'yes', verdict, upstreamMs, cost: 1 })
}

export const anExchange: ExchangeRule = {
  name: 'kraken',
  dialect: 'kraken',
  credential: [],
  accounts: new Map(),
  refusalStatus: undefined,
  buckets: [],
  classes: [],
  get fallback() {
    return aClass()
  },
  answers: [],
  probe: { host: 'api.kraken.com', target: '/0/public/SystemStatus' },
  nonceWindow: 0n,
  headers: undefined,
  nonceOrder: 'strict',
  pairs: undefined,
  lockout: undefined,
}
