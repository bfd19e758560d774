// Lets a call through when it fits, makes it wait its turn when it does not, and refuses it at once when the wait would be
// too long. On the way back it settles the charge and believes the exchange where the exchange knows better.

import type { ClassifiedCall } from '../core/call.ts'
import type { Clock } from '../core/clock.ts'
import { isGate } from '../core/rules.ts'
import type { Layer } from '../core/stack.ts'
import type { Tokens } from '../core/units.ts'
import { type AdmitDeps, admit, charge, nonceLane } from './admit.ts'
import type { Belief } from './belief.ts'
import { usableOf } from './capacity.ts'
import { type BucketLevel, type BucketStore, type Outcome, spend, type Take } from './store.ts'
import type { Pass } from './ticket.ts'
import { lessUncancelled } from './uncancelled.ts'

export interface LimitDeps extends AdmitDeps {
  readonly clock: Clock
  readonly belief: Belief
}

/** Holds calls to the limits of their class. */
export const limit =
  (deps: LimitDeps): Layer<ClassifiedCall> =>
  (next) =>
  async (call) => {
    const { record } = call
    const pass = await admitted(deps, call)
    const { takes } = pass
    record.waitedMs = pass.waitedMs
    record.spent = takes
    const foreseen = deps.pricer.foreseen(call)
    const departure = deps.belief.departure(call, takes)
    try {
      return await next(call)
    } finally {
      // A call that was never written is given back; one that may have arrived is spent (it may have been counted).
      const { verdict } = record
      const outcome = outcomeOf(call)
      const { cancelled } = record
      const cameTo = lessUncancelled(takes, cancelled?.isAll ? cancelled.count : undefined)
      // What it cancelled that nobody had seen is charged now: the exchange has charged it already.
      const more = deps.pricer.unforeseen(call, (cancelled?.count ?? 0) - (foreseen ?? Number.POSITIVE_INFINITY))
      for (const take of more) spend(deps.store, take)
      const again = record.resent ? takes : []
      record.spent = more.length + again.length === 0 ? cameTo : [...cameTo, ...more, ...again]
      if (outcome === 'spent') record.cost = sumOf(record.spent)
      // Before the next in line is let go: it must find the bucket closed.
      deps.belief.hear(call, takes, departure)
      if (verdict?.kind === 'auth' && SAYS_NONCE.test(verdict.reason)) deps.lanes.tighten(nonceLane(call))
      pass.close(outcome, verdict?.kind !== 'auth', cameTo)
      // The exchange may have counted the first attempt as well.
      if (record.resent) charge(deps.store, takes).close('spent', true)
      describe(deps.store, call, takes)
    }
  }

/** `EAPI:Invalid nonce`, `nonceBelowThreshold`. */
const SAYS_NONCE = /nonce/i

/** Leave to go; whoever is refused in the line has waited too. */
const admitted = async (deps: LimitDeps, call: ClassifiedCall): Promise<Pass> => {
  const since = deps.clock.now()
  for (const { from, into } of deps.pricer.takenOver(call)) {
    const { rule, available } = deps.store.level(from)
    const cost = usableOf(rule) - available
    if (cost > 0) spend(deps.store, { ...into, cost })
  }
  try {
    return await admit(deps, call, deps.pricer.price(call))
  } catch (error) {
    call.record.waitedMs = deps.clock.now() - since
    throw error
  }
}

const sumOf = (takes: readonly { readonly cost: Tokens }[]): Tokens => takes.reduce((sum, { cost }) => sum + cost, 0)

/** A cancel of an order that is gone costs nothing: the penalty is for the age of an order, and there is none. */
const outcomeOf = ({ record: { sent, verdict }, rule }: ClassifiedCall): Outcome => {
  if (sent === 'no') return 'never_left'
  return verdict?.free === true && rule.kind === 'cancel' ? 'free' : 'spent'
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
  if (!Number.isFinite(left)) return
  const fullSeconds = Math.ceil(Math.max(least.fullInMs, least.closedForMs) / 1000)
  record.rateLimit = `${least.rule.label};r=${left};t=${fullSeconds}`
  record.rateLimitPolicy = least.rule.policy
}

/** A bucket that the exchange has closed has nothing left, whatever was spent of it; an open gate has no end. */
const leftIn = ({ rule, available, closedForMs }: BucketLevel): Tokens =>
  closedForMs > 0 ? Math.min(0, available) : isGate(rule) ? Number.POSITIVE_INFINITY : available
