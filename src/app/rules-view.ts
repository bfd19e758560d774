// The rules in force as the dashboard shows them: what limits.yaml and the environment came to, in words.

import { costNote } from '../cli/explain.ts'
import { limitText } from '../cli/rules-text.ts'
import { amount } from '../cli/words.ts'
import type { CostRule, EndpointClass, Rules } from '../core/rules.ts'
import type { RulesView } from '../core/watch.ts'

/** Every exchange with its hosts, limits and classes. */
export const rulesView = ({ exchanges, hosts }: Rules): readonly RulesView[] =>
  exchanges.map((exchange) => ({
    exchange: exchange.name,
    hosts: [...hosts.values()].filter((host) => host.exchange === exchange).map(({ host }) => host),
    buckets: exchange.buckets.map((bucket) => ({ id: bucket.id, limit: limitText(bucket) })),
    classes: exchange.classes.map(classView),
  }))

const classView = (rule: EndpointClass): RulesView['classes'][number] => {
  const { id, kind, lane, hold, enforce, priority, maxWaitMs, cache, patterns } = rule
  return {
    ...{ id, kind, lane, hold, enforce, priority, maxWaitMs, patterns },
    costs: rule.costs.map(costText),
    cache: cache && { freshMs: cache.freshMs, staleMs: cache.staleMs },
  }
}

const costText = (cost: CostRule): string => `${costNote(cost) ?? amount(cost.fixed)} of ${cost.bucket.id}`
