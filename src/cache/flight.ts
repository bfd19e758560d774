// What sharing a call under way needs to know of the cache: the same key, and the same right to be given to others.

import type { ClassifiedCall, Reply } from '../core/call.ts'
import { shareable } from './freshness.ts'
import { cacheKey } from './key.ts'
import type { Proofs } from './proofs.ts'

/** Key under which calls may share one answer; undefined when a call must go by itself, as do private ones without proof. */
export const flightKey =
  (proofs: Proofs) =>
  (call: ClassifiedCall): string | undefined =>
    call.rule.cache?.private && !proofs.hold(call) ? undefined : cacheKey(call)

/** What of `reply`, fetched by `call`, others may be given; undefined when nothing. */
export const flightShare = (call: ClassifiedCall, reply: Reply): Reply | undefined =>
  call.rule.cache === undefined ? undefined : shareable(reply, call.record.verdict, call.rule.cache)
