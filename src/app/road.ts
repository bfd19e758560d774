// The road of a call: the one place where the layers and their order are listed.

import type { Breakers } from '../breaker/breakers.ts'
import { breaker } from '../breaker/layer.ts'
import { flightKey, flightShare } from '../cache/flight.ts'
import { type CacheParts, cache } from '../cache/layer.ts'
import { classify } from '../classify/layer.ts'
import type { PairsOf } from '../classify/pair.ts'
import { coalesce } from '../coalesce/layer.ts'
import type { Call, ClassifiedCall } from '../core/call.ts'
import type { Clock } from '../core/clock.ts'
import type { Observer } from '../core/events.ts'
import type { Rules } from '../core/rules.ts'
import { type Handler, Stack } from '../core/stack.ts'
import { type ForwardDeps, forward } from '../forward/send.ts'
import type { Fingerprints } from '../identify/credential.ts'
import { identify } from '../identify/layer.ts'
import { type LimitDeps, limit } from '../limit/layer.ts'
import type { Keys } from '../lockout/keys.ts'
import { lockout, stillWell } from '../lockout/layer.ts'
import { observe } from '../observe/layer.ts'
import { rescue } from '../rescue/layer.ts'

export interface RoadParts {
  readonly rules: () => Rules
  readonly clock: Clock
  readonly tell: Observer
  readonly fingerprints: Fingerprints
  readonly pairsOf: PairsOf
  readonly cache: CacheParts
  readonly breakers: Breakers
  readonly keys: Keys
  readonly limit: LimitDeps
  readonly forward: ForwardDeps
}

/** The road for bots' calls, and the short road for weir's own questions to an exchange. */
export const buildRoad = (parts: RoadParts): { bots: Handler<Call>; probes: Handler<ClassifiedCall> } => {
  const host = (name: string) => parts.rules().hosts.get(name)
  const toExchange = Stack.of<ClassifiedCall>()
    // Outside the limit, for the same reason as the breaker; a private answer from the cache is still served.
    .push(lockout(parts.keys))
    // Outside the limit: nobody queues for a dead host, and a refusal spends nothing.
    .push(breaker(parts.breakers))
    // Next to the exchange: a token is taken at the last moment, so granted means sent.
    .push(limit(parts.limit))
    // What waited may go: has its key been locked out meanwhile?
    .push(stillWell(parts.keys))
    .serve(forward(parts.forward))
  const bots = Stack.of<Call>()
    // Outermost: one fact per call, whatever happens below.
    .push(observe(parts.tell, parts.clock))
    // Every error becomes a reply in the exchange's own words.
    .push(rescue(parts.rules, parts.clock))
    // Before everything that keeps state: buckets, lanes and caches are keyed by it.
    .push(identify({ host, fingerprints: parts.fingerprints, rules: parts.rules }))
    .push(classify({ host, pairsOf: parts.pairsOf }))
    // Outside the breaker and the limit: an old answer is served when the new one can not be had.
    .push(cache(parts.cache))
    // Inside the cache: hits never meet it, and many stale hits share one refresh.
    .push(coalesce({ keyOf: flightKey(parts.cache.proofs), share: flightShare, clock: parts.clock }))
    .serve(toExchange)
  return { bots, probes: toExchange }
}
