// Lets a call through when it fits, makes it wait its turn when it does not, and refuses it at once when the wait would be
// too long. On the way back it settles the charge and believes the exchange where the exchange knows better.

import type { ClassifiedCall, Verdict } from '../core/call.ts'
import type { Observer } from '../core/events.ts'
import type { Layer } from '../core/stack.ts'
import type { Tokens } from '../core/units.ts'
import { type AdmitDeps, admit, charge } from './admit.ts'
import type { Pricer } from './price.ts'
import type { BucketLevel, BucketStore, Outcome, Take } from './store.ts'
import type { Strikes } from './strikes.ts'

export interface LimitDeps extends AdmitDeps {
  readonly pricer: Pricer
  readonly strikes: Strikes
  readonly tell: Observer
}

/** Holds calls to the limits of their class. */
export const limit =
  (deps: LimitDeps): Layer<ClassifiedCall> =>
  (next) =>
  async (call) => {
    const takes = deps.pricer.price(call)
    const pass = await admit(deps, call, takes)
    const { record } = call
    record.waitedMs = pass.waitedMs
    try {
      return await next(call)
    } finally {
      // A call that was never written is given back; one that may have arrived is spent (it may have been counted).
      const { verdict, sent } = record
      if (sent !== 'no') record.cost = (record.resent ? 2 : 1) * takes.reduce((sum, take) => sum + take.cost, 0)
      pass.close(outcomeOf(call), verdict?.kind !== 'auth')
      // The exchange may have counted the first attempt as well.
      if (record.resent) charge(deps.store, takes).close('spent', true)
      if (verdict !== undefined) believe(deps, call, takes, verdict)
      describe(deps.store, call, takes)
    }
  }

/** A cancel of an order that is gone costs nothing: the penalty is for the age of an order, and there is none. */
const outcomeOf = ({ record: { sent, verdict }, rule }: ClassifiedCall): Outcome => {
  if (sent === 'no') return 'never_left'
  return verdict?.free === true && rule.kind === 'cancel' ? 'free' : 'spent'
}

/** The exchange refused although weir let the call go: its counter is right and ours is wrong. */
const believe = (deps: LimitDeps, call: ClassifiedCall, takes: readonly Take[], verdict: Verdict): void => {
  if (verdict.kind !== 'throttled' && verdict.kind !== 'banned') return
  for (const take of deps.pricer.meant(call, takes, verdict.drains)) {
    const { available, inFlight } = deps.store.level(take)
    const pauseMs: Millis = verdict.pauseMs ?? deps.strikes.pauseMs(take)
    deps.store.drain(take, pauseMs)
    const { exchange } = take.rule
    deps.tell({ type: 'limit.violated', exchange, bucket: take.rule.id, call, verdict, believed: available, inFlight })
  }
}

/** `RateLimit` and `RateLimit-Policy` (draft-ietf-httpapi-ratelimit-headers) of the bucket with the least left. */
const describe = (store: BucketStore, { record }: ClassifiedCall, takes: readonly Take[]): void => {
  const first = takes[0]
  if (first === undefined) return
  let least = store.level(first)
  for (let index = 1; index < takes.length; index += 1) {
    const take = takes[index]
    if (take === undefined) break
    const level = store.level(take)
    if (leftIn(level) < leftIn(least)) least = level
  }
  const left = Math.max(0, Math.floor(leftIn(least)))
  const fullSeconds = Math.ceil(Math.max(least.fullInMs, least.closedForMs) / 1000)
  record.rateLimit = `${least.rule.label};r=${left};t=${fullSeconds}`
  record.rateLimitPolicy = least.rule.policy
}

/** A bucket that the exchange has closed has nothing left, whatever was spent of it. */
const leftIn = ({ available, closedForMs }: BucketLevel): Tokens =>
  closedForMs > 0 ? Math.min(0, available) : available
