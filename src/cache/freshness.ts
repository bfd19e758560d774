// How old is too old, what may be kept at all, and which troubles a stale answer may cover. Pure.
// The class decides, not the exchange's Cache-Control: exchanges say no-store on prices that change once a second.

import type { RawHeaders, Reply, Verdict } from '../core/call.ts'
import { WeirError } from '../core/errors.ts'
import { field } from '../core/headers.ts'
import type { CacheRule } from '../core/rules.ts'
import type { Millis } from '../core/units.ts'
import { isEdgeCookie } from './cookies.ts'
import type { Entry, WholeReply } from './store.ts'

/** May serve | may serve in trouble | may not serve | is not there. */
export type Freshness = 'fresh' | 'stale' | 'expired' | 'nothing'

/** Trouble that a stale answer may cover; the words of limits.yaml. */
export type Trouble = 'breaker_open' | 'error' | 'queue' | 'slow'

/** How `entry` may be used at `now`. */
export const freshness = (entry: Entry | undefined, rule: CacheRule, now: Millis): Freshness => {
  if (entry === undefined) return 'nothing'
  const age = now - entry.storedAt
  if (age < rule.freshMs) return 'fresh'
  return age < rule.freshMs + rule.staleMs ? 'stale' : 'expired'
}

/** Age as `Age` tells it (RFC 9111 §4.2.3): what it was on arrival, and the time since. Seconds. */
export const ageSeconds = (entry: Entry, now: Millis): number =>
  entry.ageOnArrival + Math.floor((now - entry.storedAt) / 1000)

/** Seconds left of freshness, negative once stale: the `ttl` of `Cache-Status`. */
export const ttlSeconds = (entry: Entry, rule: CacheRule, now: Millis): number =>
  Math.floor((rule.freshMs - (now - entry.storedAt)) / 1000)

/**
 * What of `reply` may be given to others, or undefined when nothing may. A refusal that wears status 200 (Kraken) is told
 * by the verdict. Cookies of the network are left out: they are for the bot that fetched the answer.
 */
export const shareable = (reply: Reply, verdict: Verdict | undefined, rule: CacheRule): WholeReply | undefined => {
  const { status, headers, body } = reply
  if (verdict?.kind !== 'ok' || status !== 200) return undefined
  if (!Buffer.isBuffer(body) || body.length > rule.maxEntryBytes) return undefined
  const kept: string[] = []
  for (let i = 0; i + 1 < headers.length; i += 2) {
    const name = headers[i] ?? ''
    const value = headers[i + 1] ?? ''
    const known = name.toLowerCase()
    if (known === 'vary' && !keyed(value)) return undefined
    if (known !== 'set-cookie') kept.push(name, value)
    else if (!isEdgeCookie(value)) return undefined
  }
  return { ...reply, headers: kept, body }
}

/** The origin's own `Age` on arrival; 0 when it says none. */
export const arrivalAge = (headers: RawHeaders): number =>
  Math.max(0, Number.parseInt(field(headers, 'age') ?? '', 10) || 0)

/** The trouble in what was thrown, or undefined when a stale answer would hide something else. */
export const troubleOf = (error: unknown): Trouble | undefined =>
  error instanceof WeirError ? TROUBLES.get(error.code) : undefined

/** The trouble in what was answered. */
export const troubleIn = (verdict: Verdict | undefined): Trouble | undefined =>
  verdict !== undefined && UNWELL.has(verdict.kind) ? 'error' : undefined

const TROUBLES: ReadonlyMap<string, Trouble> = new Map([
  ['circuit_open', 'breaker_open'],
  ['upstream_unreachable', 'error'],
  ['upstream_timeout', 'error'],
  ['limit_reached', 'queue'],
  ['queue_full', 'queue'],
  ['deadline_too_short', 'queue'],
])

const UNWELL: ReadonlySet<Verdict['kind']> = new Set(['failing', 'throttled', 'banned'])

/** Request headers that are part of every key. */
const KEYED = new Set([
  'accept-encoding',
  'accept',
  'accept-language',
  'origin',
  'cb-version',
  'cookie',
  'authorization',
])

const keyed = (vary: string): boolean => vary.split(',').every((name) => KEYED.has(name.trim().toLowerCase()))
