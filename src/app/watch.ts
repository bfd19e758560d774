// Everything that watches the road from beside it: who uses it, what fails, how the exchanges are, and when to call somebody.

import { Alerts } from '../alerts/alerts.ts'
import type { Look } from '../alerts/situation.ts'
import { Webhook } from '../alerts/webhook.ts'
import type { Cases } from '../autopsy/cases.ts'
import type { Breakers } from '../breaker/breakers.ts'
import type { Observer } from '../core/events.ts'
import type { FailureAnalysis, FailureView } from '../core/failure.ts'
import { analyse } from '../failures/analysis.ts'
import { Failures, WINDOW_MS } from '../failures/failures.ts'
import { Monitor } from '../health/monitor.ts'
import type { Lanes } from '../limit/lanes.ts'
import { limitViews } from '../limit/view.ts'
import type { Keys } from '../lockout/keys.ts'
import type { Lately } from '../observe/lately.ts'
import type { Log } from '../observe/log.ts'
import { Stats } from '../observe/stats.ts'
import type { Database } from '../state/database.ts'
import { type CheckParts, healthQuestions } from './checks.ts'
import type { Rulebook } from './rulebook.ts'

/** What is watched. */
export interface WatchParts extends CheckParts {
  readonly rulebook: Rulebook
  readonly lanes: Lanes
  readonly breakers: Breakers
  readonly keys: Keys
  readonly cases: Cases
  readonly lately: Lately
  readonly log: Log
  readonly database: Pick<Database, 'trouble'>
  /** Failures of the common store since the start; 0 where there is none. */
  readonly storeErrors: () => number
  readonly tell: Observer
}

/** Those who watch. */
export interface Watch {
  readonly stats: Stats
  readonly monitor: Monitor
  readonly alerts: Alerts
  readonly failures: Failures
  /** What the failures of an exchange come to. */
  readonly analyse: (exchange: string) => FailureAnalysis
  readonly observers: readonly Observer[]
  /** Begins to look, ask and call. */
  start(): void
  stop(): void
}

/** Puts the watch together; nothing is asked before `start`. */
export const createWatch = (parts: WatchParts): Watch => {
  const { clock, rules, tell, log } = parts
  const stats = new Stats(clock)
  const failures = new Failures(clock, () => rules().failurePatterns)
  const monitor = new Monitor({ clock, tell, rules: () => rules().health, ...healthQuestions(parts) })
  const alerts = new Alerts({ clock, tell, look: () => lookAt(parts, stats, monitor) })
  const webhook = new Webhook({ clock, rule: () => rules().alerts.webhook, failed: (message) => log.warn(message) })
  return {
    stats,
    monitor,
    alerts,
    failures,
    analyse: (exchange) => analyseOf(parts, stats, exchange, failures.list(exchange)),
    observers: [stats.observer, failures.observer, monitor.observer, alerts.observer, webhook.observer],
    start: () => {
      alerts.start()
      monitor.start()
    },
    stop: () => {
      alerts.stop()
      monitor.stop()
      webhook.stop()
    },
  }
}

const lookAt = (
  { rules, rulebook, store, lanes, breakers, lately, keys, storeErrors, database }: WatchParts,
  stats: Stats,
  monitor: Monitor,
): Look => ({
  settings: rules().alerts,
  limits: limitViews(store.levels()),
  queues: lanes.view(),
  maxQueueBytes: rules().maxQueueBytes,
  breakers: breakers.view(),
  exchanges: rules().exchanges.map(({ name }) => ({ name, lately: lately.counts(name) })),
  restingKeys: keys.resting(),
  bots: stats.seen(),
  namedBots: [...rules().bots.keys()],
  failedChecks: monitor
    .view()
    .flatMap(({ name, kind, healthy, lastError }) =>
      kind === 'check' && !healthy ? [{ name, error: lastError?.message ?? 'no answer' }] : [],
    ),
  storeErrors: storeErrors(),
  stateTrouble: database.trouble,
  rulesError: rulebook.view.lastError,
})

const analyseOf = (
  { rules, clock, cases, lately }: WatchParts,
  stats: Stats,
  service: string,
  failures: readonly FailureView[],
): FailureAnalysis => {
  const exchange = rules().exchanges.find(({ name }) => name === service)
  return analyse(service, failures, {
    wallMs: clock.wall(),
    windowMs: WINDOW_MS,
    patterns: rules().failurePatterns,
    recommendations: cases.recommendations().filter((one) => one.exchange === service),
    lately: lately.counts(service),
    uses: stats
      .view()
      .bots.flatMap(({ bot, classes }) =>
        classes.flatMap((use) => (use.exchange === service ? [{ ...use, bot }] : [])),
      ),
    maxWaitMs: (id) => exchange?.classes.find((rule) => rule.id === id)?.maxWaitMs,
  })
}
