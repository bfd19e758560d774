// What a class takes from which bucket. A cost that no bucket could ever grant is reported.

import type { CostConfig } from '../config/schema.ts'
import { didYouMeanOneOf } from '../config/suggest.ts'
import { durationMs } from '../config/units.ts'
import type { Path } from '../config/yaml.ts'
import type { BucketRule, CostRule } from '../core/rules.ts'
import type { Report, Variants } from './variants.ts'

/** The costs of one class, in the order of the file; a cost of nothing is left out. */
export const linkCosts = (
  costs: Readonly<Record<string, CostConfig>>,
  path: Path,
  buckets: ReadonlyMap<string, BucketRule>,
  variants: Variants,
  report: Report,
): readonly CostRule[] => {
  const linked: CostRule[] = []
  for (const [name, cost] of Object.entries(costs)) {
    const here = [...path, name]
    const bucket = buckets.get(name)
    if (bucket === undefined) {
      report(here, `no bucket named "${name}" in this exchange${didYouMeanOneOf(name, buckets.keys())}`, 'key')
      continue
    }
    const rule = costRule(bucket, cost, here, variants)
    if (mostPerOrder(rule) > 0) linked.push(rule)
  }
  return linked
}

/** Reports costs above what their bucket can hold: such a call could wait for ever. Charges that are not held may be any. */
export const checkCosts = (
  costs: readonly CostRule[],
  path: Path,
  origin: (bucket: BucketRule) => string,
  report: Report,
): void => {
  for (const rule of costs) {
    const most = rule.bucket.kind === 'bucket' ? rule.bucket.capacity - rule.bucket.margin : rule.bucket.limit
    const cost = mostPerOrder(rule)
    if (cost <= most) continue
    const word = rule.bucket.kind === 'bucket' ? 'capacity' : 'limit'
    const limit = `${tidy(most)}${origin(rule.bucket)}`
    report([...path, rule.bucket.name], `costs up to ${tidy(cost)}, but the ${word} of ${rule.bucket.id} is ${limit}`)
  }
}

const costRule = (bucket: BucketRule, cost: CostConfig, path: Path, variants: Variants): CostRule => {
  if (!isCostOfOrder(cost)) return { bucket, fixed: variants.choose(cost, path), byAge: [], perOrder: false }
  const byAge = Object.entries(cost.by_age ?? {})
    .map(([under, penalty]) => ({ underMs: durationMs(under), cost: penalty }))
    .toSorted((a, b) => a.underMs - b.underMs)
  return { bucket, fixed: variants.choose(cost.fixed, [...path, 'fixed']), byAge, perOrder: cost.times === 'orders' }
}

/** `fixed` is always there after defaults, and never a word for a tier. */
const isCostOfOrder = (cost: CostConfig): cost is Extract<CostConfig, { fixed: unknown }> =>
  typeof cost === 'object' && 'fixed' in cost

const mostPerOrder = ({ fixed, byAge }: CostRule): number => fixed + Math.max(0, ...byAge.map(({ cost }) => cost))

const tidy = (value: number): number => Math.round(value * 1000) / 1000
