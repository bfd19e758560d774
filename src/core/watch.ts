// What those who watch weir are shown: everything at one look, how it fared over time, who spent what, the rules as loaded,
// and news as it happens. Plain data, ready for JSON, free of secrets like everything in views.ts.

import type { AlertView } from './alert.ts'
import type { Recommendation } from './autopsy.ts'
import type { BreakerState } from './events.ts'
import type { EndpointClass } from './rules.ts'
import type { Millis, Tokens } from './units.ts'
import type { BotView } from './usage.ts'
import type {
  ActivityView,
  BreakerView,
  CacheView,
  CallView,
  ConfigView,
  LatencyView,
  LimitView,
  QueueView,
  StoreView,
  TotalsView,
  ViolationView,
} from './views.ts'

/** Columns of equal length, one entry per step; null where weir did not run, or where there was nothing to measure. */
export type Column = readonly (number | null)[]

/** How the calls of one exchange or class fared. */
export interface SeriesView {
  readonly calls: Column
  readonly refused: Column
  readonly failed: Column
  /** Calls that had to wait. */
  readonly waited: Column
  /** Answered from the cache, or by another's fetch. */
  readonly fresh: Column
  readonly stale: Column
  /** Quantiles are upper bounds, of all calls: who did not wait counts as 0. */
  readonly waitP50Ms: Column
  readonly waitP99Ms: Column
  /** Until the exchange sent its head; of forwarded calls. */
  readonly upstreamP50Ms: Column
  readonly upstreamP99Ms: Column
}

/** How far back a plot goes. */
export type Span = '15m' | '24h'

/** A stretch of the past in equal steps. */
export interface HistoryView {
  readonly stepMs: Millis
  /** Beginnings of the steps, oldest first, without gaps. */
  readonly atWallMs: readonly Millis[]
  /** By name of exchange (`kraken`) and id of class (`kraken.private`). */
  readonly series: Readonly<Record<string, SeriesView>>
  /** By id of bucket: share of the budget in use at the fullest scope, 0 to 1. */
  readonly utilization: Readonly<Record<string, Column>>
}

/** What one bot spent of one bucket within the last fifteen minutes. */
export interface SpendingView {
  readonly bucket: string
  readonly scope: string
  /** `other` for all beyond the most that are told apart. */
  readonly bot: string
  readonly tokens: Tokens
  /** Of all that was spent of the bucket in that time, 0 to 1. */
  readonly share: number
}

/** One exchange as limits.yaml has it, with overrides of the environment. */
export interface RulesView {
  readonly exchange: string
  readonly hosts: readonly string[]
  readonly buckets: readonly {
    readonly id: string
    /** In words: `15 at once, then 0.33 per second, per API key`. */
    readonly limit: string
  }[]
  readonly classes: readonly {
    readonly id: string
    readonly kind: EndpointClass['kind']
    readonly lane: EndpointClass['lane']
    /** False: charged, never held back. */
    readonly hold: boolean
    readonly enforce: EndpointClass['enforce']
    readonly priority: EndpointClass['priority']
    readonly maxWaitMs: Millis
    /** In words: `2 of kraken.private`. */
    readonly costs: readonly string[]
    readonly cache: { readonly freshMs: Millis; readonly staleMs: Millis } | undefined
    readonly patterns: readonly string[]
  }[]
}

/** The traffic of one exchange within the last five minutes. */
export interface TrafficView extends ActivityView {
  readonly exchange: string
  /** Until the exchange sent its head; of forwarded calls. */
  readonly upstream: LatencyView
}

/** One look at everything: what `weir status` shows. */
export interface StatusView {
  readonly health: {
    readonly status: string
    readonly version: string
    readonly uptimeSeconds: number
    readonly reasons: readonly string[]
  }
  readonly exchanges: readonly string[]
  readonly limits: readonly LimitView[]
  readonly queues: readonly QueueView[]
  readonly breakers: readonly BreakerView[]
  readonly cache: CacheView
  readonly config: ConfigView
  /** Absent when the limits are shared with nobody. */
  readonly store?: StoreView | undefined
  readonly lately: ActivityView
  /** Exchanges that were called lately. */
  readonly traffic: readonly TrafficView[]
  readonly spenders: readonly SpendingView[]
  /** The busiest, since the start. */
  readonly bots: readonly Omit<BotView, 'classes'>[]
  readonly total: TotalsView
  /** The last calls, whatever became of them, oldest first. */
  readonly decisions: readonly CallView[]
  /** The last calls that were refused or failed, oldest first. */
  readonly refusals: readonly CallView[]
  /** What needs attention now, oldest first. */
  readonly alerts: readonly AlertView[]
  /** What to do about refusals by an exchange that repeat. */
  readonly recommendations: readonly Recommendation[]
}

/** What a dashboard asks for beside the levels. */
type Beside = 'traffic' | 'bots' | 'decisions'

/** What moves from second to second. */
export interface LevelsView extends Omit<StatusView, 'exchanges' | 'refusals' | 'store' | Beside> {
  readonly atWallMs: Millis
  /** Where bots connect: `http://127.0.0.1:8080`. */
  readonly proxy: string
  readonly exchanges: Readonly<Record<string, ActivityView>>
  readonly latencies: Readonly<Record<'wait' | 'duration' | 'overhead', LatencyView>>
}

/** Something that just happened. */
export type News =
  | { readonly type: 'call'; readonly told: CallView }
  | { readonly type: 'violation'; readonly told: ViolationView }
  | {
      readonly type: 'breaker'
      readonly told: {
        readonly host: string
        readonly from: BreakerState
        readonly to: BreakerState
        readonly reason: string
        readonly openForMs: Millis | undefined
      }
    }
  /** Began, or ended. */
  | { readonly type: 'alert'; readonly told: AlertView }
  /** Rules were replaced, or rejected with a report. */
  | { readonly type: 'rules'; readonly told: { readonly source: string; readonly report: string | undefined } }
