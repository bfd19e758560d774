// Who takes how much from what: the cost of a trace by bucket and by class.

import type { Tokens } from '../core/units.ts'
import type { LimitView } from '../core/views.ts'
import { MemoryStore } from '../limit/memory.ts'
import type { BucketKey, Take } from '../limit/store.ts'
import { limitView } from '../limit/view.ts'
import type { Priced } from './price.ts'
import { VirtualClock } from './virtual-clock.ts'

/** What one bucket has to give, and what is asked of it. */
export interface BucketBill {
  readonly key: BucketKey
  readonly view: LimitView
  readonly calls: number
  readonly cost: Tokens
  /** How long it would take to give all of that, if nothing else were waited for. */
  readonly aloneMs: number
}

/** What one class asks of each kind of bucket. */
export interface ClassBill {
  readonly class: string
  readonly calls: number
  /** By id of the bucket, over all its scopes. */
  readonly costs: ReadonlyMap<string, Tokens>
}

/** What a trace costs. */
export interface Bill {
  readonly buckets: readonly BucketBill[]
  readonly classes: readonly ClassBill[]
}

/** Sums up what the calls take. */
export const bill = (calls: readonly Priced[], coldStart: number): Bill => {
  const store = new MemoryStore(new VirtualClock(), () => coldStart)
  const buckets = new Map<BucketKey, { take: Take; calls: number; cost: Tokens }>()
  const classes = new Map<string, { calls: number; costs: Map<string, Tokens> }>()
  for (const { call, takes } of calls) {
    const own = entry(classes, call.rule.id, () => ({ calls: 0, costs: new Map<string, Tokens>() }))
    own.calls += 1
    for (const take of takes) {
      // A gate takes nothing.
      if (take.cost === 0) continue
      const bucket = entry(buckets, take.key, () => ({ take, calls: 0, cost: 0 }))
      bucket.calls += 1
      bucket.cost += take.cost
      own.costs.set(take.rule.id, (own.costs.get(take.rule.id) ?? 0) + take.cost)
    }
  }
  return {
    buckets: [...buckets].map(([key, { take, calls, cost }]) => ({
      key,
      view: limitView(store.level(take)),
      calls,
      cost,
      // A store tells of costs above a capacity how long a queue of them takes.
      aloneMs: store.quote([{ ...take, cost }]).waitMs,
    })),
    classes: [...classes].map(([id, { calls, costs }]) => ({ class: id, calls, costs })),
  }
}

const entry = <Key, Value>(map: Map<Key, Value>, key: Key, make: () => Value): Value => {
  const known = map.get(key)
  if (known !== undefined) return known
  const made = make()
  map.set(key, made)
  return made
}
