// What the admin port sees of a running weir.

import type { AdminDeps } from '../admin/deps.ts'
import { explanationText } from '../cli/explanation.ts'
import { VERSION } from '../cli/version.ts'
import { limitViews, spendingViews } from '../limit/view.ts'
import type { App } from './app.ts'
import { explain } from './explain.ts'
import { rulesView } from './rules-view.ts'

/** The reads and levers of the admin port. */
export const adminDeps = (app: App): AdminDeps => ({
  version: VERSION,
  startedAtWallMs: app.clock.wall(),
  wall: () => app.clock.wall(),
  after: (delay, task) => app.clock.after(delay, task),
  notServing: app.notServing,
  proxy: app.proxy,
  exchanges: () => app.rulebook.rules.exchanges.map(({ name }) => name),
  metrics: app.metrics,
  totals: (exchange) => app.metrics.tally.totals(exchange),
  lately: (exchange) => app.lately.counts(exchange),
  upstream: (exchange) => app.lately.upstream(exchange),
  latencies: () => app.metrics.latencies(),
  calls: (limit) => app.recent.calls(limit),
  violations: (limit) => app.recent.violations(limit),
  recommendations: () => app.cases.recommendations(),
  limits: () => limitViews(app.store.levels()),
  queues: () => app.lanes.view(),
  breakers: () => app.breakers.view(),
  cache: () => app.cache.view(),
  handshakes: () => app.notes.handshakes(),
  alerts: (activeOnly) => app.watch.alerts.list(activeOnly),
  stats: () => app.watch.stats.view(),
  failures: (exchange) => app.watch.failures.list(exchange),
  analyse: app.watch.analyse,
  services: () => app.watch.monitor.view(),
  reach: app.reach,
  config: () => app.rulebook.view,
  rules: () => rulesView(app.rulebook.rules),
  history: (span, exchange) => app.history.view(span, exchange),
  spenders: () => spendingViews(app.spenders.sums()),
  subscribe: app.recent.subscribe,
  store: () => app.fleet?.view(),
  parts: () => [app.state.part(), ...(app.fleet === undefined ? [] : [app.fleet.part()])],
  moveBreaker: (host, move) => {
    app.breakers[move](host)
  },
  explain: (question) => explain(app, question),
  explanationText,
  caPem: () => app.certificates.caPem,
})
