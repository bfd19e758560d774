// How long the calls of a trace take at the limits, what binds, who takes which share, and what would help.

import type { Rules } from '../core/rules.ts'
import type { Millis, Tokens } from '../core/units.ts'
import { advise } from './advice.ts'
import { workOff } from './backlog.ts'
import { type BucketBill, bill, type ClassBill } from './bill.ts'
import { type Gathered, hasTimes, type PlannedCall } from './calls.ts'
import { type Priced, priceAll } from './price.ts'
import { questionsOf, thin } from './repeats.ts'
import { replay } from './replay.ts'
import type { BucketPlan, CachePlan, ClassPlan, ExchangePlan, PlanReport, Scoped } from './report.ts'
import type { OtherTier } from './tiers.ts'
import type { FormatName } from './trace.ts'

/** What a plan is made from. */
export interface PlanInputs {
  readonly format: FormatName
  readonly trace: Gathered
  readonly rules: Rules
  readonly others: readonly OtherTier[]
  /** Resolves once everything that can run without time passing has run. */
  readonly turn: () => Promise<unknown>
}

/** Caches whose worth is told. */
const FRESH_MS: readonly Millis[] = [1000, 5000, 60_000]

/** Makes the plan. */
export const plan = async ({ format, trace, rules, others, turn }: PlanInputs): Promise<PlanReport> => {
  const { calls, elsewhere, answered } = trace
  const { coldStart } = rules
  const priced = priceAll(calls, rules)
  const { buckets, classes } = bill(priced, coldStart)
  const places = placesOf(calls, buckets)
  const exchanges = [...Map.groupBy(priced, ({ call }) => call.rule.exchange.name)].map(
    ([exchange, own]): ExchangePlan => {
      const { totalMs, binds } = workOff(own, coldStart)
      // Where nothing waits, no tier could be faster.
      const mine = others.filter((other) => other.exchange === exchange && totalMs > 0)
      const asked = own.map(({ call }) => call)
      const tiers = mine.map(({ tier, rules: then }) => ({
        tier,
        totalMs: workOff(priceAll(asked, then), coldStart).totalMs,
      }))
      return { exchange, calls: own.length, totalMs, binds: binds && places.get(binds.key), tiers }
    },
  )
  const totalMs = Math.max(0, ...exchanges.map((one) => one.totalMs))
  const played = hasTimes(calls) ? await replay(calls, rules, turn) : undefined
  const spanMs = played?.askedMs ?? totalMs
  const binding = new Set(exchanges.map(({ binds }) => binds))
  const facts = {
    format,
    calls: calls.length,
    keys: new Set(calls.flatMap(({ identity }) => identity.credential ?? [])).size,
    elsewhere: [...elsewhere].map(([host, count]) => ({ host, calls: count })).sort((a, b) => b.calls - a.calls),
    answered,
    guessed: priced.filter((call) => call.guessed).length,
    totalMs,
    exchanges,
    replay: played,
    spanMs,
    buckets: buckets
      .toSorted((a, b) => b.aloneMs - a.aloneMs || b.cost - a.cost)
      .map((one) => bucketPlan(one, places.get(one.key), spanMs, binding)),
    classes: classPlans(classes),
    cache: cachePlan(priced, coldStart, played !== undefined),
  }
  return { ...facts, ...advise(facts, calls) }
}

/** Where each bucket is, in words that tell keys apart: their hashes are of a secret thrown away afterwards. */
const placesOf = (calls: readonly PlannedCall[], buckets: readonly BucketBill[]): ReadonlyMap<string, Scoped> => {
  const names = new Map<string, string>()
  for (const { identity } of calls) {
    const { credential } = identity
    if (credential !== undefined && !names.has(credential)) names.set(credential, `key ${names.size + 1}`)
  }
  const inWords = (scope: string) =>
    scope
      .split('/')
      .map((part) => names.get(part) ?? part)
      .join('/')
  return new Map(buckets.map(({ key, view }) => [key, { bucket: view.bucket, scope: inWords(view.scope) }]))
}

const bucketPlan = (
  { view, calls, cost, aloneMs }: BucketBill,
  place: Scoped = { bucket: view.bucket, scope: view.scope },
  spanMs: Millis,
  binding: ReadonlySet<Scoped | undefined>,
): BucketPlan => {
  const offered = view.capacity + (view.refillPerSecond * spanMs) / 1000
  return { ...place, calls, cost, used: cost / offered, aloneMs, binds: binding.has(place) }
}

const classPlans = (classes: readonly ClassBill[]): readonly ClassPlan[] => {
  const sums = new Map<string, Tokens>()
  for (const { costs } of classes) for (const [id, cost] of costs) sums.set(id, (sums.get(id) ?? 0) + cost)
  const share = (id: string, cost: Tokens): number => (cost === 0 ? 0 : cost / (sums.get(id) ?? cost))
  return classes
    .toSorted((a, b) => b.calls - a.calls)
    .map(({ class: id, calls, costs }) => ({
      class: id,
      calls,
      costs: [...costs].map(([bucket, cost]) => ({ bucket, cost, share: share(bucket, cost) })),
    }))
}

const cachePlan = (calls: readonly Priced[], coldStart: number, timed: boolean): CachePlan => {
  const questions = questionsOf(calls.map(({ call }) => call))
  if (!timed || questions.asked === 0) return { ...questions, savings: [] }
  const worth = (freshMs: Millis | undefined) => {
    const { rest, saved } = thin(calls, ({ rule }) => freshMs ?? rule.cache?.freshMs ?? 0)
    return { freshMs, saved, totalMs: workOff(rest, coldStart).totalMs }
  }
  return { ...questions, savings: [...FRESH_MS, undefined].map(worth) }
}
