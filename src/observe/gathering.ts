// The counts of one step of history: small sums per class while it lasts, one row of numbers per class and exchange at its end.

import type { CallRecord } from '../core/call.ts'
import type { LimitView } from '../core/views.ts'
import { Histogram } from './histogram.ts'

/** Calls, refused, failed, waited, fresh, stale; then p50 and p99 of the wait, p50 and p99 of the exchange's answer, in ms. */
export type Point = readonly (number | null)[]

interface Counts {
  readonly exchange: string
  calls: number
  refused: number
  failed: number
  waited: number
  fresh: number
  stale: number
  readonly waits: Histogram
  readonly upstreams: Histogram
}

/** From 1 ms in steps of a third to a minute: what a plot can show. */
export const BOUNDS_MS: readonly number[] = Array.from({ length: 39 }, (_, at) => Number((1.333 ** at).toPrecision(3)))
/** A wait as short as the store takes to answer is none. */
const NO_WAIT = 0
const BOUNDS_WITH_NONE = [NO_WAIT, ...BOUNDS_MS]

/** What happened within one step. */
export class Gathering {
  readonly #classes = new Map<string, Counts>()
  readonly #utilization = new Map<string, number>()

  /** A call has its answer. */
  add(record: CallRecord): void {
    const { class: id, exchange, decision } = record
    if (id === undefined || exchange === undefined) return
    const counts = this.#counts(id, exchange)
    counts.calls += 1
    if (decision === 'refused') counts.refused += 1
    else if (decision === 'failed') counts.failed += 1
    else if (decision === 'stale') counts.stale += 1
    else if (decision === 'cached' || decision === 'coalesced') counts.fresh += 1
    if (record.waitedMs > 0) counts.waited += 1
    counts.waits.add(record.waitedMs)
    if (decision === 'forwarded' && record.upstreamMs !== undefined) counts.upstreams.add(record.upstreamMs)
  }

  /** Looks at the levels. */
  fill(limits: readonly LimitView[]): void {
    for (const { bucket, utilization } of limits) this.#raise(bucket, utilization)
  }

  /** Adds what another has gathered. */
  merge(other: Gathering): void {
    for (const [id, counts] of other.#classes) addUp(this.#counts(id, counts.exchange), counts)
    for (const [bucket, share] of other.#utilization) this.#raise(bucket, share)
  }

  /** By class and by exchange; what had no calls is absent. */
  summary(): {
    readonly series: Readonly<Record<string, Point>>
    readonly utilization: Readonly<Record<string, number>>
  } {
    const exchanges = new Gathering()
    for (const counts of this.#classes.values()) addUp(exchanges.#counts(counts.exchange, counts.exchange), counts)
    const all = [...exchanges.#classes, ...this.#classes]
    return {
      series: Object.fromEntries(all.map(([name, counts]) => [name, pointOf(counts)])),
      utilization: Object.fromEntries(this.#utilization),
    }
  }

  #counts(id: string, exchange: string): Counts {
    const known = this.#classes.get(id)
    if (known !== undefined) return known
    const none = { exchange, calls: 0, refused: 0, failed: 0, waited: 0, fresh: 0, stale: 0 }
    const counts = { ...none, waits: new Histogram(BOUNDS_WITH_NONE), upstreams: new Histogram(BOUNDS_MS) }
    this.#classes.set(id, counts)
    return counts
  }

  #raise(bucket: string, share: number): void {
    this.#utilization.set(bucket, Math.max(share, this.#utilization.get(bucket) ?? 0))
  }
}

const addUp = (sum: Counts, more: Counts): void => {
  sum.calls += more.calls
  sum.refused += more.refused
  sum.failed += more.failed
  sum.waited += more.waited
  sum.fresh += more.fresh
  sum.stale += more.stale
  sum.waits.merge(more.waits)
  sum.upstreams.merge(more.upstreams)
}

const pointOf = ({ calls, refused, failed, waited, fresh, stale, waits, upstreams }: Counts): Point => [
  ...[calls, refused, failed, waited, fresh, stale],
  ...[quantile(waits, 0.5), quantile(waits, 0.99), quantile(upstreams, 0.5), quantile(upstreams, 0.99)],
]

const LONGEST_MS = BOUNDS_MS.at(-1) ?? 0

const quantile = (histogram: Histogram, share: number): number | null => {
  const bound = histogram.quantile(share)
  return bound === undefined ? null : Math.min(bound, LONGEST_MS)
}
