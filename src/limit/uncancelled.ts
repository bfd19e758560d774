// What a cancel was charged for and did not do: Kraken's penalty is for the age of what is cancelled, and an order that was
// filled meanwhile has none. The answer says how many orders were cancelled, not which: the cheapest are taken for those that
// were not, pair by pair, so that no less is left charged than what the exchange can have counted.

import type { Tokens } from '../core/units.ts'
import type { BucketStore, Grant, Outcome, Take } from './store.ts'

/** What the takes came to; the very same when nothing is given back. @param cancelled how many orders, as the exchange says */
export const lessUncancelled = (takes: readonly Take[], cancelled: number | undefined): readonly Take[] => {
  if (cancelled === undefined || takes.every(({ perOrder = [] }) => perOrder.length <= cancelled)) return takes
  return takes.map((take) => ({ ...take, cost: take.cost - uncancelled(take, cancelled) }))
}

/** Ends what `takes` began: what they came to as `outcome`, the rest as free. */
export const settleBoth = (
  store: BucketStore,
  takes: readonly Take[],
  outcome: Outcome,
  grant: Grant,
  cameTo: readonly Take[] = takes,
): void => {
  store.settle(cameTo, outcome, grant)
  if (cameTo === takes) return
  const rest = takes.map((take, index) => ({ ...take, cost: take.cost - (cameTo[index]?.cost ?? take.cost) }))
  store.settle(rest, 'free', grant)
}

const uncancelled = ({ perOrder = [] }: Take, cancelled: number): Tokens =>
  perOrder
    .toSorted((one, other) => one - other)
    .slice(0, Math.max(0, perOrder.length - cancelled))
    .reduce((sum, cost) => sum + cost, 0)
