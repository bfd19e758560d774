// The Grafana dashboard in deploy/, from a table of panels: `node scripts/grafana.ts` writes it. A test fails when they differ.

import { writeFileSync } from 'node:fs'

const FILE = new URL('../deploy/grafana/weir.json', import.meta.url)

/** One panel: what it is called, how it draws, and what it asks Prometheus, with a legend for each question. */
interface Panel {
  readonly title: string
  readonly about: string
  readonly kind: 'timeseries' | 'stat' | 'state-timeline'
  readonly unit: 'short' | 'reqps' | 's' | 'percentunit' | 'bytes' | 'none'
  readonly width: number
  readonly asks: readonly (readonly [expr: string, legend: string])[]
}

const panel = (
  title: string,
  about: string,
  kind: Panel['kind'],
  unit: Panel['unit'],
  width: number,
  ...asks: Panel['asks']
): Panel => ({ title, about, kind, unit, width, asks })

const OF = 'exchange=~"$exchange"'
const RATE = '[$__rate_interval]'

/** From what must be zero to what is merely of interest. */
const PANELS: readonly Panel[] = [
  panel(
    'Violations',
    'Calls that an exchange refused and weir had let go. Zero is the only good number.',
    'stat',
    'none',
    4,
    [`sum(increase(weir_rate_limit_violations_total{${OF}}[$__range]))`, 'violations'],
  ),
  panel('Alerts', 'Conditions that hold now; /v1/alerts on the admin port says what about.', 'stat', 'none', 4, [
    'sum(weir_alerts_active)',
    'alerts',
  ]),
  panel('Open breakers', 'Hosts that are not called now.', 'stat', 'none', 4, [
    'count(weir_circuit_breaker_state == 2) or vector(0)',
    'open',
  ]),
  panel('Waiting calls', 'In all lanes.', 'stat', 'none', 4, [`sum(weir_queue_length{${OF}})`, 'waiting']),
  panel('Refused', 'Share of calls that weir refused, over five minutes.', 'stat', 'percentunit', 4, [
    `sum(exchange:weir_refusals:share_5m{${OF}}) / count(exchange:weir_refusals:share_5m{${OF}})`,
    'refused',
  ]),
  panel('Overhead, p99', 'weir’s own share of a call’s time, over five minutes.', 'stat', 's', 4, [
    'max(exchange_class:weir_overhead_seconds:p99_5m)',
    'p99',
  ]),
  panel('Calls by answer', 'How calls were answered.', 'timeseries', 'reqps', 12, [
    `sum by (decision) (rate(weir_requests_total{${OF}}${RATE}))`,
    '{{decision}}',
  ]),
  panel('What the exchange said', 'Answers by what they meant; throttled should stay 0.', 'timeseries', 'reqps', 12, [
    `sum by (exchange, verdict) (rate(weir_upstream_responses_total{${OF}}${RATE}))`,
    '{{exchange}} {{verdict}}',
  ]),
  panel('Budget in use', 'Of the fullest scope of every bucket.', 'timeseries', 'percentunit', 12, [
    `weir_token_bucket_utilization{${OF}}`,
    '{{exchange}} {{bucket}}',
  ]),
  panel('Tokens left', 'At the scope that has the fewest; below 0 after cancels.', 'timeseries', 'short', 12, [
    `weir_tokens_available{${OF}}`,
    '{{exchange}} {{bucket}}',
  ]),
  panel('Breakers', '0 closed, 1 half open, 2 open.', 'state-timeline', 'none', 12, [
    'weir_circuit_breaker_state',
    '{{host}}',
  ]),
  panel('Changes of breakers', 'In an hour.', 'timeseries', 'short', 12, [
    'sum by (host, to) (increase(weir_circuit_breaker_state_changes_total[1h]))',
    '{{host}} → {{to}}',
  ]),
  panel('Waiting calls by class', 'Calls waiting for their turn.', 'timeseries', 'short', 12, [
    `weir_queue_length{${OF}} > 0`,
    '{{exchange}} {{class}}',
  ]),
  panel(
    'Waits',
    'Time spent waiting in weir.',
    'timeseries',
    's',
    12,
    [`exchange_class:weir_queue_wait_seconds:p50_5m{${OF}}`, '{{class}} p50'],
    [`exchange_class:weir_queue_wait_seconds:p99_5m{${OF}}`, '{{class}} p99'],
  ),
  panel('Whole calls, p99', 'From arrival until the answer goes out.', 'timeseries', 's', 12, [
    `exchange_class:weir_request_duration_seconds:p99_5m{${OF}}`,
    '{{exchange}} {{class}}',
  ]),
  panel(
    'Overhead',
    'weir’s own share of a call’s time.',
    'timeseries',
    's',
    12,
    [`exchange_class:weir_overhead_seconds:p50_5m{${OF}}`, '{{class}} p50'],
    [`exchange_class:weir_overhead_seconds:p99_5m{${OF}}`, '{{class}} p99'],
  ),
  panel('Cache', 'Calls of classes with a cache, by what it gave.', 'timeseries', 'reqps', 12, [
    `sum by (result) (rate(weir_cache_requests_total{${OF}}${RATE}))`,
    '{{result}}',
  ]),
  panel(
    'Signs of trouble',
    'Violations, and signs that something beside weir spends a limit, in an hour.',
    'timeseries',
    'short',
    12,
    [`sum by (exchange, bucket) (increase(weir_rate_limit_violations_total{${OF}}[1h])) > 0`, 'violations {{bucket}}'],
    [`sum by (exchange, bucket) (increase(weir_bypass_suspected_total{${OF}}[1h])) > 0`, 'bypass {{bucket}}'],
  ),
  panel(
    'Share of the documented rate',
    'Below 1 after refusals that nothing explained.',
    'timeseries',
    'percentunit',
    12,
    [`weir_adaptive_share{${OF}} < 1`, '{{exchange}} {{bucket}}'],
  ),
  panel('Shadow mode', 'What would have been done with calls that were not held.', 'timeseries', 'reqps', 12, [
    `sum by (would) (rate(weir_shadow_total{${OF}}${RATE}))`,
    '{{would}}',
  ]),
  panel('Alerts that hold', 'By rule.', 'timeseries', 'short', 12, ['weir_alerts_active > 0', '{{severity}} {{rule}}']),
  panel(
    'Common store',
    'With --redis: 1 while it answers, and failures in a minute.',
    'timeseries',
    'short',
    12,
    [`weir_store_together{${OF}}`, '{{exchange}} together'],
    ['increase(weir_store_errors_total[1m])', 'errors'],
  ),
  panel('Processor', 'Cores in use.', 'timeseries', 'short', 8, [
    `rate(process_cpu_seconds_total{job="weir"}${RATE})`,
    '{{instance}}',
  ]),
  panel('Memory', 'Resident.', 'timeseries', 'bytes', 8, ['process_resident_memory_bytes{job="weir"}', '{{instance}}']),
  panel('Event loop lag, p99', 'How late timers are.', 'timeseries', 's', 8, [
    'nodejs_eventloop_lag_p99_seconds{job="weir"}',
    '{{instance}}',
  ]),
]

/** What every panel asks, by its title. */
export const dashboardQueries = (): readonly string[] => PANELS.flatMap(({ asks }) => asks.map(([expr]) => expr))

/** `deploy/grafana/weir.json`. */
export const dashboardText = (): string => `${JSON.stringify(dashboard(), null, 2)}\n`

const dashboard = () => ({
  uid: 'weir',
  title: 'weir',
  tags: ['weir'],
  schemaVersion: 41,
  editable: true,
  refresh: '30s',
  time: { from: 'now-1h', to: 'now' },
  timezone: 'browser',
  templating: {
    list: [
      {
        ...{ name: 'exchange', label: 'Exchange', type: 'query', datasource: SOURCE, refresh: 2, sort: 1 },
        ...{ query: 'label_values(weir_queue_length, exchange)', multi: true, includeAll: true, allValue: '.*' },
        current: { text: 'All', value: '$__all' },
      },
    ],
  },
  panels: placed(PANELS),
})

const SOURCE = { type: 'prometheus', uid: 'prometheus' }
const COLUMNS = 24
const HEIGHTS = { stat: 4, timeseries: 8, 'state-timeline': 8 } as const

/** Row by row, from left to right. */
const placed = (panels: readonly Panel[]) => {
  let x = 0
  let y = 0
  let height = 0
  return panels.map(({ title, about, kind, unit, width, asks }, index) => {
    if (x + width > COLUMNS) {
      x = 0
      y += height
    }
    height = HEIGHTS[kind]
    const gridPos = { x, y, w: width, h: height }
    x += width
    const targets = asks.map(([expr, legendFormat], at) => ({
      ...{ refId: String.fromCharCode(65 + at), datasource: SOURCE, expr, legendFormat },
    }))
    return {
      ...{ id: index + 1, title, description: about, type: kind, datasource: SOURCE, gridPos, targets },
      fieldConfig: { defaults: { unit, ...(kind === 'state-timeline' ? { mappings: STATES } : {}) }, overrides: [] },
      options: kind === 'timeseries' ? { legend: { showLegend: true, displayMode: 'list', placement: 'bottom' } } : {},
    }
  })
}

const state = (text: string, color: string, index: number) => ({ text, color, index })

const STATES = [
  {
    type: 'value',
    options: { 0: state('closed', 'green', 0), 1: state('half open', 'yellow', 1), 2: state('open', 'red', 2) },
  },
]

if (import.meta.main) writeFileSync(FILE, dashboardText())
