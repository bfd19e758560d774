// Small calls, rules and clocks for the tests of what watches the road. Nothing here decides anything.

import { type Call, type CallRecord, newRecord } from '../../src/core/call.ts'
import type { Clock } from '../../src/core/clock.ts'
import { Presence } from '../../src/core/presence.ts'
import type { BucketRule, EndpointClass, ExchangeRule, HostRule, Rules, Scope } from '../../src/core/rules.ts'

/** What must never be seen outside: it stands in the headers, query and body of every sample call. */
export const SECRET = 'c2VjcmV0LXRoYXQtbXVzdC1ub3QtbGVhaw'

export const sampleCall = (record: Partial<CallRecord> = {}, host = 'api.kraken.com'): Call => ({
  id: 'call-1',
  startedAt: 0,
  request: {
    method: 'POST',
    host,
    port: 443,
    target: `/0/private/Balance?otp=${SECRET}`,
    path: '/0/private/Balance',
    query: `otp=${SECRET}`,
    headers: ['Host', host, 'API-Key', SECRET, 'API-Sign', SECRET, 'Authorization', `Bearer ${SECRET}`],
    body: Buffer.from(`nonce=1&otp=${SECRET}`),
  },
  wishes: { maxWaitMs: undefined, priority: undefined, skipCache: false },
  bot: 'grid-bot',
  presence: new Presence(),
  record: Object.assign(newRecord(), record),
  early: undefined,
})

/** A clock that stands still until told. */
export const sampleClock = (): Clock & { at: number } => {
  const clock = { at: 0, now: () => clock.at, wall: () => 1_700_000_000_000 + clock.at, after: () => ({ cancel() {} }) }
  return clock
}

const bucket = (exchange: string, name: string, scopes: readonly Scope[]): BucketRule => ({
  id: `${exchange}.${name}`,
  name,
  exchange,
  scopes,
  policy: '',
  label: '',
  recoveryMs: 1000,
  adaptive: true,
  kind: 'bucket',
  margin: 0,
  lowerTiers: [],
  capacity: 15,
  refill: 0.00033,
})

const cls = (exchange: ExchangeRule, name: string, kind: EndpointClass['kind'], costs: BucketRule): EndpointClass => ({
  id: `${exchange.name}.${name}`,
  name,
  exchange,
  kind,
  costs: [{ bucket: costs, fixed: 1, each: [], byParam: [], byAge: [] }],
  lane: 'fair',
  pricedByAge: false,
  hold: true,
  onExhausted: 'queue',
  enforce: 'on',
  maxWaitMs: 6000,
  longestWaitMs: Number.POSITIVE_INFINITY,
  maxQueue: 50,
  priority: 'normal',
  cache: undefined,
  needs: { nonce: false, pair: false, orders: false, expiry: false, params: [] },
  learns: false,
  signatureLifeMs: undefined,
  patterns: [`POST /${name}`],
})

/** An exchange with a public, a private, an order and a cancel class. */
export const sampleExchange = (
  name: string,
  dialect: ExchangeRule['dialect'],
  refusalStatus?: number,
): ExchangeRule => {
  const publicBucket = bucket(name, 'public', ['ip'])
  const privateBucket = bucket(name, 'private', ['key'])
  const engine = bucket(name, 'engine', ['account', 'pair'])
  const classes: EndpointClass[] = []
  const exchange = {
    name,
    dialect,
    credential: [],
    accounts: new Map(),
    refusalStatus,
    buckets: [publicBucket, privateBucket, engine],
    classes,
    answers: [],
    probe: undefined,
    nonceWindow: 0n,
    headers: undefined,
    pairs: undefined,
    lockout: undefined,
  } as unknown as ExchangeRule
  classes.push(cls(exchange, 'public', 'read', publicBucket), cls(exchange, 'private', 'read', privateBucket))
  classes.push(cls(exchange, 'orders', 'order', engine), cls(exchange, 'cancel', 'cancel', engine))
  return exchange
}

export const HOSTS = {
  'api.kraken.com': sampleExchange('kraken', 'kraken'),
  'api.coinbase.com': sampleExchange('coinbase', 'coinbase'),
  'api.exchange.coinbase.com': sampleExchange('coinbase_exchange', 'coinbase_exchange'),
  'api.example.com': sampleExchange('example', 'plain'),
} as const

export const sampleRules = (hosts: Readonly<Record<string, ExchangeRule>> = HOSTS): Rules =>
  ({
    hosts: new Map(Object.entries(hosts).map(([host, exchange]) => [host, { host, exchange } as HostRule])),
    exchanges: [...new Set(Object.values(hosts))],
  }) as unknown as Rules
