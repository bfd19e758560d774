// Plain counts of what happened, per class and per bucket. Cheap to add to, read by the metrics and the health pages.

import type { Decision, Verdict } from '../core/call.ts'
import type { BreakerState, CacheResult, CallFinished } from '../core/events.ts'
import type { Shadow } from '../core/shadow.ts'
import type { TotalsView } from '../core/views.ts'

/** A count with its labels. */
export interface Count {
  readonly labels: Readonly<Record<string, string>>
  readonly value: number
}

interface ClassCounts extends Omit<TotalsView, 'violations'> {
  readonly exchange: string
  readonly class: string
  readonly decision: Record<Decision, number>
  readonly verdict: Record<Verdict['kind'], number>
  readonly result: Record<CacheResult, number>
  readonly would: Record<Shadow['would'], number>
}

/** Which bucket rule a count is of. */
export interface BucketLabels {
  readonly exchange: string
  readonly bucket: string
}

type BucketCounts = Map<string, { readonly labels: BucketLabels; value: number }>

/** Label of what is not (or not yet) in a closed list. */
export const OTHER = 'other'

/** Counts since the start of the process. */
export class Tally {
  readonly #classes = new Map<string | undefined, ClassCounts>()
  readonly #violations: BucketCounts = new Map()
  readonly #bypasses: BucketCounts = new Map()
  readonly #differences: BucketCounts = new Map()
  readonly #changes = new Map<string, { readonly labels: { host: string; from: string; to: string }; value: number }>()

  /** A call has its answer. */
  finished({ call: { record }, cacheResult }: CallFinished): void {
    let counts = this.#classes.get(record.class)
    if (counts === undefined) {
      counts = newCounts(record.exchange ?? OTHER, within(record.exchange ?? '', record.class ?? OTHER))
      this.#classes.set(record.class, counts)
    }
    const { decision, verdict } = record
    // A call that nobody decided on never happened as far as the layers know: a bug, shown as a failure.
    counts.decision[decision ?? 'failed'] += 1
    // Only the call that fetched an answer counts it, not those who shared or found it.
    if (verdict !== undefined && decision !== 'coalesced' && decision !== 'cached') counts.verdict[verdict.kind] += 1
    if (cacheResult !== undefined) counts.result[cacheResult] += 1
    if (record.shadow !== undefined) counts.would[record.shadow.would] += 1
  }

  violated(exchange: string, id: string): void {
    const bucket = within(exchange, id)
    count(this.#violations, `${exchange} ${bucket}`, { exchange, bucket })
  }

  bypassSuspected(exchange: string, id: string): void {
    const bucket = within(exchange, id)
    count(this.#bypasses, `${exchange} ${bucket}`, { exchange, bucket })
  }

  differed(exchange: string, id: string): void {
    const bucket = within(exchange, id)
    count(this.#differences, `${exchange} ${bucket}`, { exchange, bucket })
  }

  breakerChanged(host: string, from: BreakerState, to: BreakerState): void {
    count(this.#changes, `${host} ${from} ${to}`, { host, from, to })
  }

  /** All counts of one kind that are not 0. */
  samples(kind: 'decision' | 'verdict' | 'result' | 'would'): readonly Count[] {
    return [...this.#classes.values()].flatMap((counts) =>
      Object.entries(counts[kind])
        .filter(([, value]) => value > 0)
        .map(([word, value]) => ({ labels: { exchange: counts.exchange, class: counts.class, [kind]: word }, value })),
    )
  }

  /** Violations of the `known` buckets, 0 included, and of any other that had one. */
  violations(known: readonly BucketLabels[]): readonly Count[] {
    return withZeros(this.#violations, known)
  }

  /** The same of what seems to be spent beside weir. */
  bypasses(known: readonly BucketLabels[]): readonly Count[] {
    return withZeros(this.#bypasses, known)
  }

  /** The same of limits that the exchange states otherwise. */
  differences(known: readonly BucketLabels[]): readonly Count[] {
    return withZeros(this.#differences, known)
  }

  breakerChanges(): readonly Count[] {
    return [...this.#changes.values()]
  }

  /** Sums over the classes of `exchange`; over all when it is undefined. */
  totals(exchange: string | undefined): TotalsView {
    const sum = newCounts(exchange ?? OTHER, OTHER)
    for (const counts of this.#classes.values()) {
      if (exchange !== undefined && counts.exchange !== exchange) continue
      addUp(sum.decision, counts.decision)
      addUp(sum.verdict, counts.verdict)
      addUp(sum.result, counts.result)
      addUp(sum.would, counts.would)
    }
    const violations = [...this.#violations.values()].filter(
      ({ labels }) => exchange === undefined || labels.exchange === exchange,
    )
    return { ...sum, violations: violations.reduce((total, { value }) => total + value, 0) }
  }
}

/** Label of a class or bucket: `kraken.private` is `private` of `kraken`, as the label `exchange` says already. */
export const within = (exchange: string, id: string): string =>
  id.startsWith(`${exchange}.`) ? id.slice(exchange.length + 1) : id

const withZeros = (counts: BucketCounts, known: readonly BucketLabels[]): readonly Count[] => {
  const untouched = known.filter(({ exchange, bucket }) => !counts.has(`${exchange} ${bucket}`))
  return [...counts.values(), ...untouched.map((labels) => ({ labels, value: 0 }))].map(({ labels, value }) => ({
    labels: { ...labels },
    value,
  }))
}

const newCounts = (exchange: string, id: string): ClassCounts => ({
  exchange,
  class: id,
  decision: { forwarded: 0, cached: 0, stale: 0, coalesced: 0, refused: 0, failed: 0, left: 0 },
  verdict: { ok: 0, client: 0, auth: 0, throttled: 0, banned: 0, failing: 0 },
  result: { hit: 0, stale: 0, coalesced: 0, miss: 0, bypass: 0 },
  would: { send: 0, wait: 0, refuse: 0 },
})

const addUp = <Word extends string>(sum: Record<Word, number>, more: Record<Word, number>): void => {
  for (const word of Object.keys(sum) as Word[]) sum[word] += more[word]
}

const count = <Labels>(
  counts: Map<string, { readonly labels: Labels; value: number }>,
  key: string,
  labels: Labels,
): void => {
  const known = counts.get(key)
  if (known === undefined) counts.set(key, { labels, value: 1 })
  else known.value += 1
}
