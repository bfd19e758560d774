// Counts values by size. Adding is a short scan and three additions; putting it into words is for whoever reads.

import type { Millis } from '../core/units.ts'
import type { LatencyView } from '../core/views.ts'

/** A histogram of fixed, ascending bounds. A value belongs to the first bound that it does not exceed. */
export class Histogram {
  readonly #bounds: readonly number[]
  readonly #counts: Float64Array
  #sum = 0
  #count = 0

  constructor(bounds: readonly number[]) {
    this.#bounds = bounds
    this.#counts = new Float64Array(bounds.length + 1)
  }

  get sum(): number {
    return this.#sum
  }

  get count(): number {
    return this.#count
  }

  add(value: number): void {
    const bounds = this.#bounds
    let at = 0
    while (at < bounds.length && value > (bounds[at] as number)) at += 1
    this.#counts[at] = (this.#counts[at] as number) + 1
    this.#sum += value
    this.#count += 1
  }

  /** Adds what `other`, of the same bounds, has counted. */
  merge(other: Histogram): void {
    for (let at = 0; at < this.#counts.length; at += 1) {
      this.#counts[at] = (this.#counts[at] as number) + (other.#counts[at] as number)
    }
    this.#sum += other.#sum
    this.#count += other.#count
  }

  /** How many values did not exceed each bound; the last bound is infinity. */
  cumulative(): readonly (readonly [bound: number, count: number])[] {
    let total = 0
    return [...this.#bounds, Number.POSITIVE_INFINITY].map((bound, at) => {
      total += this.#counts[at] ?? 0
      return [bound, total] as const
    })
  }

  /** Upper bound of the value below which `share` (0 to 1) of all values lie; undefined when there are none. */
  quantile(share: number): number | undefined {
    if (this.#count === 0) return undefined
    const wanted = share * this.#count
    return this.cumulative().find(([, count]) => count >= wanted)?.[0]
  }
}

/** What a histogram says, once its values are in milliseconds. @param unitMs milliseconds in one of its values */
export const latencyOf = (histogram: Histogram, unitMs: Millis = 1): LatencyView => {
  const { count, sum } = histogram
  const inMs = (value: number | undefined) => (value === undefined ? undefined : value * unitMs)
  return {
    count,
    meanMs: inMs(count === 0 ? undefined : sum / count),
    p50Ms: inMs(histogram.quantile(0.5)),
    p95Ms: inMs(histogram.quantile(0.95)),
    p99Ms: inMs(histogram.quantile(0.99)),
  }
}
