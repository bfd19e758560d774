// Bucket levels in words for people: a store's keys and milliseconds become scopes and seconds.

import { isGate } from '../core/rules.ts'
import type { Tokens } from '../core/units.ts'
import type { LimitView } from '../core/views.ts'
import type { SpendingView } from '../core/watch.ts'
import { capacityOf, refillOf } from './capacity.ts'
import type { BucketKey, BucketLevel } from './store.ts'

/** All levels that say something: an open gate has none. */
export const limitViews = (levels: readonly BucketLevel[]): readonly LimitView[] =>
  levels.filter(({ rule, closedForMs }) => closedForMs > 0 || !isGate(rule)).map(limitView)

/** One bucket level, ready for JSON. */
export const limitView = ({ key, rule, available, inFlight, fullInMs, closedForMs, share }: BucketLevel): LimitView => {
  const capacity = capacityOf(rule)
  const perMs = refillOf(rule)
  const used = closedForMs > 0 ? 1 : capacity === 0 ? 0 : 1 - available / capacity
  return {
    exchange: rule.exchange,
    bucket: rule.id,
    scope: scopeOf(key),
    kind: rule.kind,
    available: rounded(available),
    capacity,
    refillPerSecond: rounded(perMs * 1000),
    effectiveShare: rounded(share),
    effectiveRefillPerSecond: rounded(perMs * 1000 * share),
    utilization: rounded(Math.min(1, Math.max(0, used))),
    inFlight,
    closedForMs: Math.ceil(closedForMs),
    fullInMs: Math.ceil(fullInMs),
  }
}

/** Who spent how much of which bucket, the greatest share first. @param sums tokens by bucket and bot */
export const spendingViews = (sums: ReadonlyMap<BucketKey, ReadonlyMap<string, Tokens>>): readonly SpendingView[] =>
  [...sums].flatMap(([key, bots]) => {
    const total = [...bots.values()].reduce((sum, tokens) => sum + tokens, 0)
    const views = [...bots].map(([bot, tokens]) => ({
      bucket: idOf(key),
      scope: scopeOf(key),
      bot,
      tokens: rounded(tokens),
      share: rounded(tokens / total),
    }))
    return views.sort((a, b) => b.tokens - a.tokens)
  })

/** `{kraken}engine:1f0c…` is of rule `kraken.engine`. */
const idOf = (key: BucketKey): string => key.slice(1).replace('}', '.').replace(/:.*/, '')

/** `{kraken}engine:1f0c…:XBT/USD` is scope `1f0c…/XBT/USD`; without a scope of its own a bucket is the address's. */
const scopeOf = (key: string): string => {
  const [, ...scopes] = key.split(':')
  return scopes.length === 0 ? 'ip' : scopes.join('/')
}

const rounded = (value: number): number => Math.round(value * 1000) / 1000
