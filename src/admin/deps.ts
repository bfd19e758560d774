// What the admin port is allowed to see and to do: everything it knows is handed in here.

import type { AlertView } from '../core/alert.ts'
import type { Recommendation } from '../core/autopsy.ts'
import type { Clock } from '../core/clock.ts'
import type { Explanation } from '../core/explanation.ts'
import type { FailureAnalysis, FailureView } from '../core/failure.ts'
import type { Millis } from '../core/units.ts'
import type { StatsView } from '../core/usage.ts'
import type {
  ActivityView,
  BreakerView,
  CacheView,
  CallView,
  ConfigView,
  HandshakeView,
  LatencyView,
  LimitView,
  PartView,
  QueueView,
  ReachView,
  ServiceView,
  StoreView,
  TotalsView,
  ViolationView,
} from '../core/views.ts'
import type { HistoryView, News, RulesView, Span, SpendingView } from '../core/watch.ts'

/** A call that somebody wonders about. */
export interface Question {
  readonly method: string
  readonly url: URL
  /** Form or JSON, as the bot would send it; empty when there is none. */
  readonly body: string
}

/** Reads and levers. Reads are asked anew for every page. */
export interface AdminDeps {
  readonly version: string
  readonly startedAtWallMs: Millis
  readonly wall: () => Millis
  readonly after: Clock['after']
  /** Why weir takes no calls now (starting, stopping); undefined while it does. */
  readonly notServing: () => string | undefined
  /** Where bots connect: `http://127.0.0.1:8080`. */
  readonly proxy: () => string
  /** Names of the exchanges that the rules know. */
  readonly exchanges: () => readonly string[]
  readonly metrics: { readonly contentType: string; readonly text: () => Promise<string> }
  /** @param exchange undefined for all of them together */
  readonly totals: (exchange: string | undefined) => TotalsView
  readonly lately: (exchange: string | undefined) => ActivityView
  /** Of the last five minutes: how long the exchange took to send its head. */
  readonly upstream: (exchange: string) => LatencyView
  readonly latencies: () => Readonly<Record<'wait' | 'duration' | 'overhead', LatencyView>>
  readonly calls: (limit: number) => readonly CallView[]
  readonly violations: (limit: number) => readonly ViolationView[]
  readonly recommendations: () => readonly Recommendation[]
  readonly limits: () => readonly LimitView[]
  readonly queues: () => readonly QueueView[]
  readonly breakers: () => readonly BreakerView[]
  readonly cache: () => CacheView
  /** TLS connections of bots that carried no calls. */
  readonly handshakes: () => readonly HandshakeView[]
  readonly alerts: (activeOnly: boolean) => readonly AlertView[]
  readonly stats: () => StatsView
  /** Of the last five minutes, oldest first. @param exchange undefined for all of them together */
  readonly failures: (exchange: string | undefined) => readonly FailureView[]
  readonly analyse: (exchange: string) => FailureAnalysis
  /** How hosts that were called, and checks, have answered lately. */
  readonly services: () => readonly ServiceView[]
  /** Tries to reach every exchange, which takes seconds and asks each a question. */
  readonly reach: () => Promise<readonly ReachView[]>
  readonly config: () => ConfigView
  /** Undefined when the limits are shared with nobody. */
  readonly store: () => StoreView | undefined
  readonly rules: () => readonly RulesView[]
  /** @param exchange undefined for all of them together */
  readonly history: (span: Span, exchange: string | undefined) => HistoryView
  readonly spenders: () => readonly SpendingView[]
  /** Calls the listener with all that happens, until the function returned is called. */
  readonly subscribe: (listener: (news: News) => void) => () => void
  /** What weir stands on, besides the exchanges. */
  readonly parts: () => readonly PartView[]
  /** Moves the breaker of `host`, which has one. */
  readonly moveBreaker: (host: string, move: 'open' | 'close' | 'reset') => void
  /** Undefined when the host is none of an exchange's. */
  readonly explain: (question: Question) => Explanation | undefined
  readonly explanationText: (explanation: Explanation) => string
  /** The root certificate that clients install, in PEM. */
  readonly caPem: () => string
}
