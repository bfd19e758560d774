// What a class takes from which bucket. A cost that no bucket could ever grant is reported.

import type { CostConfig } from '../config/schema.ts'
import { didYouMeanOneOf } from '../config/suggest.ts'
import { durationMs } from '../config/units.ts'
import type { Path } from '../config/yaml.ts'
import { type BucketRule, type CostRule, isGate, type ParamCost } from '../core/rules.ts'
import type { Tokens } from '../core/units.ts'
import type { Report, Variants } from './variants.ts'

/** The costs of one class, in the order of the file; a cost of nothing is left out, but for gates. */
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
    const most = mostOf(rule)
    if (most > 0 && isGate(bucket)) report(here, `${bucket.id} is a gate, which holds nothing: it can only cost 0`)
    else if (most > 0 || isGate(bucket)) linked.push(rule)
  }
  return linked
}

/** The most that a call with one order, or one entry in its lists, can cost. */
const mostOf = ({ fixed, each, byParam, byAge }: CostRule): Tokens => {
  const listed = each.reduce((sum, { cost }) => sum + cost, 0)
  const asked = byParam.reduce((sum, param) => sum + mostOfParam(param), 0)
  return fixed + listed + asked + Math.max(0, ...byAge.map(({ cost }) => cost))
}

const mostOfParam = ({ absent, present, steps }: ParamCost): Tokens =>
  Math.max(absent, present, ...steps.map(({ cost }) => cost))

/** Reports costs above what their bucket can hold: such a call could wait for ever. Charges that are not held may be any. */
export const checkCosts = (
  costs: readonly CostRule[],
  path: Path,
  origin: (bucket: BucketRule) => string,
  report: Report,
): void => {
  for (const rule of costs) {
    const most = rule.bucket.kind === 'bucket' ? rule.bucket.capacity - rule.bucket.margin : rule.bucket.limit
    const cost = mostOf(rule)
    if (cost <= most) continue
    const word = rule.bucket.kind === 'bucket' ? 'capacity' : 'limit'
    const limit = `${tidy(most)}${origin(rule.bucket)}`
    report([...path, rule.bucket.name], `costs up to ${tidy(cost)}, but the ${word} of ${rule.bucket.id} is ${limit}`)
  }
}

const costRule = (bucket: BucketRule, cost: CostConfig, path: Path, variants: Variants): CostRule => {
  if (!isCostOfCall(cost)) return { bucket, fixed: variants.choose(cost, path), each: [], byParam: [], byAge: [] }
  return {
    bucket,
    fixed: variants.choose(cost.fixed, [...path, 'fixed']),
    each: Object.entries(cost.each ?? {}).map(([name, one]) => ({ name, cost: one })),
    byParam: Object.entries(cost.by_param ?? {}).map(([name, steps]) => paramCost(name, steps)),
    byAge: Object.entries(cost.by_age ?? {})
      .map(([under, penalty]) => ({ underMs: durationMs(under), cost: penalty }))
      .toSorted((a, b) => a.underMs - b.underMs),
  }
}

/** What the file does not say is as dear as the dearest that it does say. */
const paramCost = (name: string, config: Readonly<Record<string, Tokens>>): ParamCost => {
  const { absent, present, ...numbers } = config
  const most = Math.max(...Object.values(config))
  const steps = Object.entries(numbers)
    .map(([upTo, cost]) => ({ upTo: Number(upTo), cost }))
    .toSorted((a, b) => a.upTo - b.upTo)
  return { name, absent: absent ?? most, steps, present: present ?? most }
}

/** `fixed` is always there after defaults, and never a word for a tier. */
const isCostOfCall = (cost: CostConfig): cost is Extract<CostConfig, { fixed: unknown }> =>
  typeof cost === 'object' && 'fixed' in cost

const tidy = (value: number): number => Math.round(value * 1000) / 1000
