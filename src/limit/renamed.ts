// Buckets of a pair that went by a wrong name: when the right one is learned, nothing that was spent is forgotten.

import type { Clock } from '../core/clock.ts'
import type { BucketRule } from '../core/rules.ts'
import type { Millis } from '../core/units.ts'
import type { BucketKey, BucketLevel, BucketStore, Take } from './store.ts'

/** Calls that are under way or in line by the wrong name have ended by then: a class waits 6 s unless told otherwise. */
const ENDED_WITHIN_MS: Millis = 10_000

/**
 * What was spent by a wrong name is spent by the right one, and what is under way is held there until it surely has arrived.
 * The wrong bucket is closed: calls in line for it would spend what the right one gives to others.
 */
export const moveSpent = (
  store: BucketStore,
  clock: Clock,
  exchange: string,
  pairs: ReadonlyMap<string, string>,
): void => {
  for (const level of store.levels()) {
    const { key, rule } = level
    const right = rule.exchange === exchange ? renamed(level, pairs) : undefined
    if (right === undefined) continue
    const [from, into] = [ofKey(key, rule), ofKey(right, rule)]
    const underWay = [{ ...into, cost: store.move(from, into, ENDED_WITHIN_MS) }]
    const grant = store.charge(underWay)
    clock.after(ENDED_WITHIN_MS, () => store.settle(underWay, 'spent', grant))
  }
}

const ofKey = (key: BucketKey, rule: BucketRule): Take => ({ key, rule, cost: 0 })

/** The key with the right name in place of the wrong one; undefined when it names no such pair. */
const renamed = ({ key, rule }: BucketLevel, pairs: ReadonlyMap<string, string>): BucketKey | undefined => {
  const [head = '', ...scopes] = key.split(':')
  const at = rule.scopes.filter((scope) => scope !== 'ip').indexOf('pair')
  const right = pairs.get(scopes[at] ?? '')
  return right === undefined ? undefined : [head, ...scopes.with(at, right)].join(':')
}
