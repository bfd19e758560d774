// What each class must leave in its buckets for more urgent ones: shares of the file as tokens, worked out once.

import type { ExchangeConfig } from '../config/schema.ts'
import type { Path } from '../config/yaml.ts'
import type { BucketRule, CostRule, EndpointClass, Priority } from '../core/rules.ts'
import type { Tokens } from '../core/units.ts'
import type { Report } from './variants.ts'

type Urgency = Pick<EndpointClass, 'kind' | 'priority'>

/**
 * Tokens by bucket; undefined when the class may use all of them. A class that could never go is reported.
 * @param path of the class
 */
export const linkReserve = (
  costs: readonly CostRule[],
  urgency: Urgency,
  config: ExchangeConfig,
  path: Path,
  report: Report,
): ReadonlyMap<BucketRule, Tokens> | undefined => {
  const keeps = new Map<BucketRule, Tokens>()
  for (const { bucket, fixed } of costs) {
    const most = bucket.kind === 'bucket' ? bucket.capacity - bucket.margin : bucket.limit
    const keep = most * shareFor(urgency, reserveOf(config.buckets[bucket.name]))
    if (keep === 0) continue
    keeps.set(bucket, keep)
    if (fixed + keep <= most) continue
    const left = Math.round((most - keep) * 1000) / 1000
    report([...path, 'cost', bucket.name], `costs ${fixed}, but the reserve of ${bucket.id} leaves this class ${left}`)
  }
  return keeps.size === 0 ? undefined : keeps
}

type BucketConfig = ExchangeConfig['buckets'][string]
type Reserve = NonNullable<Extract<BucketConfig, { reserve?: unknown }>['reserve']>

const reserveOf = (config: BucketConfig | undefined): Reserve =>
  config !== undefined && 'reserve' in config ? (config.reserve ?? {}) : {}

/** Sum of the shares that are kept for others. */
const shareFor = ({ kind, priority }: Urgency, { trading = 0, critical = 0, high = 0 }: Reserve): number => {
  const trades = kind === 'order' || kind === 'cancel'
  return (trades ? 0 : trading) + (priority === 'critical' ? 0 : critical) + (URGENT.has(priority) ? 0 : high)
}

const URGENT: ReadonlySet<Priority> = new Set(['critical', 'high'])
