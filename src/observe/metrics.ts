// What Prometheus sees. One table holds every name, type, help and label set; labels come from the rules' closed lists.
// A finished call adds to plain numbers only (the labelled counters of prom-client cost a microsecond each); the
// numbers are put into words when somebody scrapes.

import { collectDefaultMetrics, type Metric, Registry } from 'prom-client'
import { ALERTS, type AlertView } from '../core/alert.ts'
import type { BreakerState, Observer } from '../core/events.ts'
import type { Rules } from '../core/rules.ts'
import type { BreakerView, LatencyView, LimitView, QueueView, StoreView } from '../core/views.ts'
import { type BucketLabels, Tally, within } from './tally.ts'
import { type Sample, Times } from './times.ts'

/** Where the gauges are read from, at scrape time. */
export interface MetricSources {
  readonly rules: () => Rules
  readonly limits: () => readonly LimitView[]
  readonly queues: () => readonly QueueView[]
  readonly breakers: () => readonly BreakerView[]
  /** Those that hold now. */
  readonly alerts: () => readonly AlertView[]
  /** Undefined when the limits are shared with nobody. */
  readonly store: () => { readonly view: StoreView; readonly errors: number } | undefined
}

/** Counts events and prints them. */
export interface Metrics {
  readonly observer: Observer
  readonly tally: Tally
  readonly contentType: string
  /** Waiting, whole calls, and weir's own share of them. */
  latencies(): { readonly wait: LatencyView; readonly duration: LatencyView; readonly overhead: LatencyView }
  /** The exposition text: all metrics of weir and of the process. */
  text(): Promise<string>
}

interface Definition {
  readonly type: 'counter' | 'gauge' | 'histogram'
  readonly help: string
  readonly labels: readonly string[]
}

const define = (type: Definition['type'], help: string, ...labels: string[]): Definition => ({ type, help, labels })

/** Every metric of weir, without prefix. */
export const METRICS = {
  requests_total: define('counter', 'Calls by how they were answered.', 'exchange', 'class', 'decision'),
  rate_limit_violations_total: define(
    'counter',
    'Refusals by the exchange that weir had not foreseen; should stay 0.',
    'exchange',
    'bucket',
  ),
  bypass_suspected_total: define(
    'counter',
    'Times that an exchange had counted more than weir sent: something beside weir spends the limit.',
    'exchange',
    'bucket',
  ),
  limit_differs_total: define(
    'counter',
    'Limits of which the exchange told another number than limits.yaml has, by key; told anew when the number changes.',
    'exchange',
    'bucket',
  ),
  adaptive_share: define(
    'gauge',
    'Share of the documented rate in use, 0.3 to 1, of the scope that uses least.',
    'exchange',
    'bucket',
  ),
  token_bucket_utilization: define(
    'gauge',
    'Share of the budget in use, 0 to 1, of the fullest scope.',
    'exchange',
    'bucket',
  ),
  tokens_available: define('gauge', 'Tokens left at the scope that has the fewest.', 'exchange', 'bucket'),
  circuit_breaker_state: define('gauge', 'Breaker of the host: 0 closed, 1 half_open, 2 open.', 'host'),
  circuit_breaker_recovery_seconds: define(
    'gauge',
    'How long the host was away the last time: from when its breaker opened until it was closed. Absent before that.',
    'host',
  ),
  circuit_breaker_state_changes_total: define('counter', 'Changes of a breaker.', 'host', 'from', 'to'),
  queue_length: define('gauge', 'Calls waiting now.', 'exchange', 'class'),
  queue_wait_seconds: define(
    'histogram',
    'Time that calls spent waiting their turn; calls that did not wait count as 0.',
  ),
  request_duration_seconds: define('histogram', 'Time from the arrival of a call until its answer began to go out.'),
  overhead_seconds: define('histogram', "weir's own share of that time: without waiting and without the exchange."),
  class_queue_wait_seconds: define('histogram', 'queue_wait_seconds by class.', 'exchange', 'class'),
  class_request_duration_seconds: define('histogram', 'request_duration_seconds by class.', 'exchange', 'class'),
  class_overhead_seconds: define('histogram', 'overhead_seconds by class.', 'exchange', 'class'),
  alerts_active: define('gauge', 'Alerts that hold now; /v1/alerts says what about.', 'rule', 'severity'),
  shadow_total: define(
    'counter',
    'Calls that were not held, by what would have been done with them: send, wait, refuse.',
    'exchange',
    'class',
    'would',
  ),
  cache_requests_total: define(
    'counter',
    'Calls of classes with a cache, by what it gave: hit, stale, coalesced, miss, bypass.',
    'exchange',
    'class',
    'result',
  ),
  store_together: define(
    'gauge',
    'Whether the store that weirs share answers: 1, or 0 while this one lives on its share. Absent without Redis.',
    'exchange',
  ),
  store_share: define('gauge', 'Part of every limit that is for this weir while the common store is away.', 'exchange'),
  store_errors_total: define('counter', 'Questions to the common store that got no answer in time.'),
  upstream_responses_total: define(
    'counter',
    'Answers of the exchange by what they meant; throttled should stay 0.',
    'exchange',
    'class',
    'verdict',
  ),
} as const satisfies Record<string, Definition>

type MetricName = keyof typeof METRICS

const STATE_NUMBER: Readonly<Record<BreakerState, number>> = { closed: 0, half_open: 1, open: 2 }

/** Creates the counters, and the registry that prints them under `prefix`. */
export const createMetrics = (prefix: string, sources: MetricSources): Metrics => {
  const tally = new Tally()
  const times = new Times()
  const registry = new Registry()
  collectDefaultMetrics({ register: registry })

  // Three gauges read it, and it names every bucket of every key: one look per scrape.
  let limits: readonly LimitView[] = []
  const readers: Readonly<Record<MetricName, () => readonly Sample[]>> = {
    requests_total: () => tally.samples('decision'),
    rate_limit_violations_total: () => tally.violations(bucketsOf(sources.rules())),
    bypass_suspected_total: () => tally.bypasses(bucketsOf(sources.rules())),
    limit_differs_total: () => tally.differences(bucketsOf(sources.rules())),
    adaptive_share: () => lowestShares(sources.rules(), limits),
    token_bucket_utilization: () => worst(limits, 'utilization', Math.max),
    tokens_available: () => worst(limits, 'available', Math.min),
    circuit_breaker_state: () =>
      sources.breakers().map(({ host, state }) => ({ labels: { host }, value: STATE_NUMBER[state] })),
    circuit_breaker_recovery_seconds: () => sources.breakers().flatMap(lastRecovery),
    circuit_breaker_state_changes_total: () => tally.breakerChanges(),
    queue_length: () => queueLengths(sources.rules(), sources.queues()),
    queue_wait_seconds: () => times.samples(`${prefix}queue_wait_seconds`, 'wait'),
    request_duration_seconds: () => times.samples(`${prefix}request_duration_seconds`, 'duration'),
    overhead_seconds: () => times.samples(`${prefix}overhead_seconds`, 'overhead'),
    class_queue_wait_seconds: () => times.samplesByClass(`${prefix}class_queue_wait_seconds`, 'wait'),
    class_request_duration_seconds: () => times.samplesByClass(`${prefix}class_request_duration_seconds`, 'duration'),
    class_overhead_seconds: () => times.samplesByClass(`${prefix}class_overhead_seconds`, 'overhead'),
    alerts_active: () => activeAlerts(sources.alerts()),
    shadow_total: () => tally.samples('would'),
    cache_requests_total: () => tally.samples('result'),
    store_together: () => perExchange(sources.store()?.view, ({ together }) => Number(together)),
    store_share: () => perExchange(sources.store()?.view, ({ share }) => share),
    store_errors_total: () => {
      const store = sources.store()
      return store === undefined ? [] : [{ labels: {}, value: store.errors }]
    },
    upstream_responses_total: () => tally.samples('verdict'),
  }
  for (const [name, { type, help }] of Object.entries(METRICS)) {
    register(registry, prefix + name, type, help, readers[name as MetricName])
  }

  const observer: Observer = (event) => {
    if (event.type !== 'call.finished') {
      if (event.type === 'bypass.suspected') tally.bypassSuspected(event.exchange, event.bucket)
      if (event.type === 'limit.differs') tally.differed(event.exchange, event.bucket)
      if (event.type === 'limit.violated') tally.violated(event.exchange, event.bucket)
      if (event.type === 'breaker.changed') tally.breakerChanged(event.host, event.from, event.to)
      return
    }
    tally.finished(event)
    times.finished(event.call.record, event.tookMs)
  }
  return {
    observer,
    tally,
    contentType: registry.contentType,
    latencies: () => ({
      ...{ wait: times.latency('wait'), duration: times.latency('duration'), overhead: times.latency('overhead') },
    }),
    text: () => {
      limits = sources.limits()
      return registry.metrics()
    },
  }
}

/** A registry asks a metric for nothing but its name and `get`; this gives it just that. */
const register = (registry: Registry, name: string, type: string, help: string, read: () => readonly Sample[]): void =>
  registry.registerMetric({ name, get: async () => ({ name, help, type, values: read() }) } as unknown as Metric)

/** Every bucket there is: a zero that is visible is worth more than one that is absent. */
const bucketsOf = ({ exchanges }: Rules): readonly BucketLabels[] =>
  exchanges.flatMap(({ name: exchange, buckets }) => buckets.map(({ name }) => ({ exchange, bucket: name })))

/** 1 where nothing has been used yet. */
const lowestShares = (rules: Rules, limits: readonly LimitView[]): readonly Sample[] => {
  const gauges = new Gauges()
  for (const labels of bucketsOf(rules)) gauges.merge({ ...labels }, 1, Math.min)
  for (const { exchange, bucket, effectiveShare } of limits)
    gauges.merge({ exchange, bucket: within(exchange, bucket) }, effectiveShare, Math.min)
  return gauges.samples()
}

/** From the change that left `closed` to the last that came back to it. */
const lastRecovery = ({ host, history }: BreakerView): readonly Sample[] => {
  const back = history.findLastIndex(({ to }) => to === 'closed')
  const left = history.slice(0, Math.max(0, back)).findLast(({ from }) => from === 'closed')
  const closed = history[back]
  if (closed === undefined || left === undefined) return []
  return [{ labels: { host }, value: (closed.atWallMs - left.atWallMs) / 1000 }]
}

/** Every rule, at 0 where nothing holds. */
const activeAlerts = (alerts: readonly AlertView[]): readonly Sample[] =>
  Object.entries(ALERTS).map(([rule, severity]) => ({
    labels: { rule, severity },
    value: alerts.filter((alert) => alert.rule === rule).length,
  }))

const perExchange = (
  view: StoreView | undefined,
  value: (standing: StoreView['exchanges'][number]) => number,
): readonly Sample[] =>
  view?.exchanges.map((standing) => ({ labels: { exchange: standing.exchange }, value: value(standing) })) ?? []

/** Per bucket rule, the value at its worst scope: scopes are keys, and keys are no labels. */
const worst = (
  limits: readonly LimitView[],
  field: 'utilization' | 'available',
  pick: (a: number, b: number) => number,
): readonly Sample[] => {
  const gauges = new Gauges()
  for (const view of limits)
    gauges.merge({ exchange: view.exchange, bucket: within(view.exchange, view.bucket) }, view[field], pick)
  return gauges.samples()
}

/** Every class of every exchange, at least with 0: a gauge that disappears can not be alerted on. */
const queueLengths = (rules: Rules, queues: readonly QueueView[]): readonly Sample[] => {
  const gauges = new Gauges()
  const add = (a: number, b: number): number => a + b
  for (const { name: exchange, classes } of rules.exchanges) {
    for (const { name } of classes) gauges.merge({ exchange, class: name }, 0, add)
  }
  for (const view of queues)
    gauges.merge({ exchange: view.exchange, class: within(view.exchange, view.class) }, view.waiting, add)
  return gauges.samples()
}

/** Values by their labels; several for the same labels are merged into one. */
class Gauges {
  readonly #samples = new Map<string, { readonly labels: Readonly<Record<string, string>>; value: number }>()

  merge(labels: Readonly<Record<string, string>>, value: number, pick: (a: number, b: number) => number): void {
    const key = Object.values(labels).join(' ')
    const known = this.#samples.get(key)
    if (known === undefined) this.#samples.set(key, { labels, value })
    else known.value = pick(known.value, value)
  }

  samples(): readonly Sample[] {
    return [...this.#samples.values()]
  }
}
