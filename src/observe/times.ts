// How long calls wait, how long they take, and what weir adds: one histogram each for every class. A finished call costs one
// look-up and three short scans; sums over classes are made when somebody reads.

import type { CallRecord } from '../core/call.ts'
import type { Millis } from '../core/units.ts'
import type { LatencyView } from '../core/views.ts'
import { Histogram, latencyOf } from './histogram.ts'
import { OTHER, within } from './tally.ts'

/** What is measured. */
export type Time = 'wait' | 'duration' | 'overhead'

/** One line of the exposition. */
export interface Sample {
  readonly labels: Readonly<Record<string, string>>
  readonly value: number
  /** Full name where it is not the metric's own (`_bucket`, `_sum`, `_count`). */
  readonly metricName?: string
}

/** In seconds. */
const BOUNDS: Readonly<Record<Time, readonly number[]>> = {
  wait: [0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30],
  duration: [0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60],
  overhead: [0.00005, 0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.1, 1],
}

interface ClassTimes extends Readonly<Record<Time, Histogram>> {
  readonly labels: { readonly exchange: string; readonly class: string }
}

/** Times since the start of the process. */
export class Times {
  readonly #classes = new Map<string | undefined, ClassTimes>()

  /** A call has its answer. */
  finished(record: CallRecord, tookMs: Millis): void {
    let times = this.#classes.get(record.class)
    if (times === undefined) {
      times = newTimes(record)
      this.#classes.set(record.class, times)
    }
    times.wait.add(record.waitedMs / 1000)
    times.duration.add(tookMs / 1000)
    // Of answers that others fetched (coalesced, stale) and of calls that died, nobody knows whose time it was.
    const { decision, upstreamMs } = record
    if (upstreamMs !== undefined ? decision === 'forwarded' : decision === 'cached' || decision === 'refused') {
      times.overhead.add(Math.max(0, tookMs - record.waitedMs - (upstreamMs ?? 0)) / 1000)
    }
  }

  /** Of all classes together. */
  latency(time: Time): LatencyView {
    return latencyOf(this.#all(time), 1000)
  }

  /** All classes together, as a histogram called `name`. */
  samples(name: string, time: Time): readonly Sample[] {
    return samplesOf(name, {}, this.#all(time))
  }

  /** The classes that had calls, as a histogram called `name`. */
  samplesByClass(name: string, time: Time): readonly Sample[] {
    return [...this.#classes.values()].flatMap(({ labels, [time]: histogram }) => samplesOf(name, labels, histogram))
  }

  #all(time: Time): Histogram {
    const all = new Histogram(BOUNDS[time])
    for (const times of this.#classes.values()) all.merge(times[time])
    return all
  }
}

const samplesOf = (name: string, labels: Sample['labels'], histogram: Histogram): readonly Sample[] => [
  ...histogram.cumulative().map(([bound, value]) => ({
    metricName: `${name}_bucket`,
    labels: { ...labels, le: bound === Number.POSITIVE_INFINITY ? '+Inf' : String(bound) },
    value,
  })),
  { metricName: `${name}_sum`, labels, value: histogram.sum },
  { metricName: `${name}_count`, labels, value: histogram.count },
]

const newTimes = ({ exchange = OTHER, class: id = OTHER }: CallRecord): ClassTimes => ({
  labels: { exchange, class: within(exchange, id) },
  wait: new Histogram(BOUNDS.wait),
  duration: new Histogram(BOUNDS.duration),
  overhead: new Histogram(BOUNDS.overhead),
})
