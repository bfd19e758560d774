// What would weir do with a call that came now, and why? Asks the same parts as the road does, and spends nothing.

import { freshness } from '../cache/freshness.ts'
import { cacheKey } from '../cache/key.ts'
import { readFacts } from '../classify/facts.ts'
import type { PairsOf } from '../classify/pair.ts'
import { costNote, explainByRules } from '../cli/explain.ts'
import { type ClassifiedCall, newRecord } from '../core/call.ts'
import type { ExplainedCost, Explanation, Forecast } from '../core/explanation.ts'
import { Presence } from '../core/presence.ts'
import type { EndpointClass } from '../core/rules.ts'
import type { Take } from '../limit/store.ts'
import { limitView } from '../limit/view.ts'
import type { App } from './app.ts'

/** A call that somebody wonders about. */
interface Question {
  readonly method: string
  readonly url: URL
  readonly body: string
}

/** Explains a call as one of a key that weir has never seen. Undefined when the host is none of an exchange's. */
export const explain = (app: App, question: Question): Explanation | undefined => {
  const { method, url } = question
  const byRules = explainByRules(app.rulebook.rules, method, url)
  const rule = app.rulebook.rules.hosts.get(url.hostname)?.classify(method, url.pathname)
  if (byRules === undefined || rule === undefined) return undefined
  const call = imagine(question, rule, app.pairsOf)
  const takes = app.pricer.price(call)
  return {
    ...byRules,
    // What a cancel costs hangs on its order; without one in sight the rules alone can tell.
    costs: takes.length > 0 ? takes.map((take) => explainCost(app, rule, take)) : byRules.costs,
    breaker: app.breakers.view().find(({ host }) => host === byRules.host)?.state ?? 'closed',
    now: foretell(app, call, takes),
  }
}

const imagine = ({ method, url, body }: Question, rule: EndpointClass, pairsOf: PairsOf): ClassifiedCall => {
  const request = {
    method,
    host: url.hostname,
    port: 443,
    target: url.pathname + url.search,
    path: url.pathname,
    query: url.search.slice(1),
    headers: ['Host', url.hostname],
    body: body === '' ? undefined : Buffer.from(body),
  }
  return {
    id: 'explain',
    startedAt: 0,
    request,
    wishes: { maxWaitMs: undefined, priority: undefined, skipCache: false },
    bot: 'explain',
    presence: new Presence(),
    record: newRecord(),
    early: undefined,
    identity: { credential: undefined, account: undefined },
    rule,
    facts: readFacts(request, rule, pairsOf),
  }
}

const explainCost = (app: App, rule: EndpointClass, take: Take): ExplainedCost => {
  const written = rule.costs.find(({ bucket }) => bucket === take.rule)
  const personal = take.rule.scopes.some((scope) => scope === 'key' || scope === 'account')
  return {
    bucket: take.rule.id,
    cost: take.cost,
    note: written && costNote(written),
    level: personal ? undefined : limitView(app.store.level(take)),
  }
}

const foretell = (app: App, call: ClassifiedCall, takes: readonly Take[]): Forecast => {
  const { rule, request } = call
  const key = cacheKey(call)
  const entry = key === undefined ? undefined : app.cache.get(key)
  const age = rule.cache === undefined ? 'nothing' : freshness(entry, rule.cache, app.clock.now())
  if (age === 'fresh') return { decision: 'cached', waitMs: 0, why: 'the cache has a fresh answer' }
  const breaker = app.breakers.view().find(({ host }) => host === request.host)
  if (breaker?.state === 'open') {
    const stale = age === 'stale' && rule.cache?.staleWhen.has('breaker_open')
    const why = `the breaker is open: ${breaker.reason}`
    return { decision: stale ? 'stale' : 'refuse', waitMs: breaker.openForMs, why }
  }
  const { waitMs, by } = app.store.quote(takes)
  if (by === undefined || !rule.hold || rule.enforce === 'shadow') {
    const held = by === undefined ? 'all its buckets have room' : 'in shadow nothing is held'
    return { decision: 'forward', waitMs: 0, why: rule.hold ? held : 'it is charged, never held' }
  }
  const allowedMs = rule.onExhausted === 'reject' ? 0 : rule.maxWaitMs
  const why = `${by.rule.id} has room in ${Math.ceil(waitMs)} ms, and a wait of ${allowedMs} ms is allowed`
  return { decision: waitMs <= allowedMs ? 'wait' : 'refuse', waitMs: Math.ceil(waitMs), why }
}
