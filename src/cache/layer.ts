// Answers what was answered a moment ago, and, in trouble, what was answered a while ago; always marked as such.
// What may be kept, for whom and for how long is decided next door; here is only the order of things.

import type { ClassifiedCall, Reply } from '../core/call.ts'
import type { Clock } from '../core/clock.ts'
import { Presence } from '../core/presence.ts'
import type { CacheRule } from '../core/rules.ts'
import type { Handler, Layer } from '../core/stack.ts'
import { type CommonStore, isCommon, newest, textOf } from './common.ts'
import {
  ageSeconds,
  arrivalAge,
  freshness,
  shareable,
  type Trouble,
  troubleIn,
  troubleOf,
  ttlSeconds,
} from './freshness.ts'
import { cacheKey, ownerOf } from './key.ts'
import type { Proofs } from './proofs.ts'
import type { CacheStore, Entry } from './store.ts'

/** What the cache is made of. */
export interface CacheParts {
  readonly store: CacheStore
  readonly proofs: Proofs
  readonly clock: Clock
  /** Where answers of classes that share theirs are kept for other weirs; absent when there are none. */
  readonly common?: CommonStore | undefined
}

/** Serves and keeps the answers of classes that have a cache rule; writes `cache`, and on a hit `decision` and `ageSeconds`. */
export const cache =
  (parts: CacheParts): Layer<ClassifiedCall> =>
  (next) => {
    const kept = async (call: ClassifiedCall, rule: CacheRule): Promise<Reply> => {
      const key = cacheKey(call)
      const readable = key !== undefined && !call.wishes.skipCache && (!rule.private || parts.proofs.hold(call))
      let entry = readable ? parts.store.get(key) : undefined
      let state = freshness(entry, rule, parts.clock.now())
      if (readable && state !== 'fresh' && parts.common !== undefined && isCommon(call)) {
        entry = await newest(parts.common, parts.store, call.rule.exchange.name, key)
        state = freshness(entry, rule, parts.clock.now())
      }
      if (entry !== undefined && state === 'fresh') return serve(parts, call, entry)
      call.record.cache = key === undefined || call.wishes.skipCache ? 'fwd=bypass' : 'fwd=miss'
      const fetch: Handler<ClassifiedCall> = async (fetching) => {
        const reply = heed(parts, fetching, await next(fetching))
        if (key !== undefined) keep(parts, fetching, rule, key, reply)
        return reply
      }
      if (key === undefined || state !== 'stale') return fetch(call)
      call.record.cache = 'fwd=stale'
      const spare: Spare = { key, rule, parts }
      return rule.staleWhen.has('slow') ? hurried(call, fetch, spare) : covered(call, fetch, spare)
    }
    return (call) => {
      const rule = call.rule.cache
      if (rule !== undefined) return kept(call, rule)
      return parts.proofs.empty ? next(call) : next(call).then((reply) => heed(parts, call, reply))
    }
  }

/** A stale answer at hand. Looked up again when it is needed: it may have been renewed, grown too old, or been purged. */
interface Spare {
  readonly key: string
  readonly rule: CacheRule
  readonly parts: CacheParts
}

/** Fetches; the spare covers the trouble that its class lets it cover. */
const covered = async (call: ClassifiedCall, fetch: Handler<ClassifiedCall>, spare: Spare): Promise<Reply> => {
  try {
    const reply = await fetch(call)
    const stale = serveStale(call, spare, troubleIn(call.record.verdict))
    if (stale !== undefined) discard(reply)
    return stale ?? reply
  } catch (error) {
    const stale = serveStale(call, spare, troubleOf(error))
    if (stale === undefined) throw error
    return stale
  }
}

/**
 * As `covered`, but waits only so long before it serves the spare; the fetch then goes on by itself and refreshes the
 * cache. It has a record and a presence of its own, for the bot's answer is out and the bot may be gone by then.
 */
const hurried = (call: ClassifiedCall, fetch: Handler<ClassifiedCall>, spare: Spare): Promise<Reply> => {
  const { promise, resolve, reject } = Promise.withResolvers<Reply>()
  const presence = new Presence()
  const record = { ...call.record }
  const letGo = call.presence.onLeave(() => presence.leave())
  let late = false
  const timer = spare.parts.clock.after(spare.rule.staleAfterMs, () => {
    const stale = serveStale(call, spare, 'slow')
    if (stale === undefined) return
    late = true
    letGo()
    resolve(stale)
  })
  const inTime = (settle: () => void): void => {
    timer.cancel()
    Object.assign(call.record, record)
    settle()
  }
  covered({ ...call, presence, record, early: undefined }, fetch, spare).then(
    (reply) => (late ? discard(reply) : inTime(() => resolve(reply))),
    // Too late to tell anybody; the layers inside have seen it.
    (error: unknown) => (late ? undefined : inTime(() => reject(error))),
  )
  return promise
}

/** Learns from an answer whose credential the exchange accepts, and whose it does not. */
const heed = ({ proofs, store }: CacheParts, call: ClassifiedCall, reply: Reply): Reply => {
  const { decision, verdict } = call.record
  if (decision !== 'forwarded' || verdict === undefined) return reply
  if (verdict.kind === 'ok' && call.rule.cache?.private) proofs.accept(call)
  if (verdict.kind === 'auth') {
    const owner = proofs.revoke(call)
    if (owner !== undefined) store.purge(owner)
  }
  return reply
}

/** Only the call that fetched an answer keeps it, not those who shared it. */
const keep = (parts: CacheParts, call: ClassifiedCall, rule: CacheRule, key: string, reply: Reply): void => {
  const { record } = call
  if (record.decision === 'coalesced') record.cache = `${record.cache}; collapsed`
  if (record.decision !== 'forwarded') return
  const whole = shareable(reply, record.verdict, rule)
  if (whole === undefined) return
  const storedAt = parts.clock.now()
  const owner = rule.private ? ownerOf(call) : undefined
  const entry = { reply: whole, storedAt, ageOnArrival: arrivalAge(reply.headers), owner }
  if (parts.store.put(key, entry)) record.cache = `${record.cache}; stored`
  if (parts.common !== undefined && isCommon(call)) {
    const lifeMs = rule.freshMs + rule.staleMs
    const given = { bytes: whole.body.length, text: () => textOf(entry), bornAt: storedAt, lifeMs }
    parts.common.keep(call.rule.exchange.name, key, given)
  }
}

const serve = ({ clock }: CacheParts, call: ClassifiedCall, entry: Entry): Reply => {
  call.record.decision = 'cached'
  call.record.cache = 'hit'
  call.record.ageSeconds = ageSeconds(entry, clock.now())
  return entry.reply
}

/** The spare, marked; undefined when it may not serve in this trouble, or may no longer. */
const serveStale = (
  call: ClassifiedCall,
  { key, rule, parts }: Spare,
  trouble: Trouble | undefined,
): Reply | undefined => {
  if (trouble === undefined || !rule.staleWhen.has(trouble)) return undefined
  const now = parts.clock.now()
  const entry = parts.store.get(key)
  if (entry === undefined || freshness(entry, rule, now) === 'expired') return undefined
  call.record.decision = 'stale'
  call.record.cache = `hit; ttl=${ttlSeconds(entry, rule, now)}; detail=${DETAILS[trouble]}`
  call.record.ageSeconds = ageSeconds(entry, now)
  return entry.reply
}

/** RFC 9211 §2.8: a token of the cache's own. */
const DETAILS: Readonly<Record<Trouble, string>> = {
  breaker_open: 'breaker-open',
  error: 'error',
  queue: 'queue',
  slow: 'slow',
}

/** Nobody will read it. */
const discard = ({ body }: Reply): void => {
  if (!Buffer.isBuffer(body)) body.cancel()
}
