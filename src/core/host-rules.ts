// How a host is called, as limits.yaml has it: when weir stops calling and when it tries again, and its connections.

import type { Millis } from './units.ts'

/** When the breaker of a host opens, and how it closes again. */
export interface BreakerRule {
  /** A run of this many failures with no success in between opens. */
  readonly failures: number
  /** 0 to 1: share of failures, or of slow calls, over the window that opens. */
  readonly failureRate: number
  readonly slowRate: number
  readonly slowCallMs: Millis
  /** Below this many calls in the window no rate is computed. */
  readonly minimumCalls: number
  readonly windowMs: Millis
  /** Open time: base × multiplier^(n-1), at most `maxOpenMs`, ± jitter (0 to 1), never under Retry-After. */
  readonly openMs: Millis
  readonly maxOpenMs: Millis
  readonly multiplier: number
  readonly jitter: number
  /** Probes at a time while half-open, and successes needed to close. */
  readonly probes: number
  readonly successes: number
  /** A probe that has not answered by then counts as failed. */
  readonly probeTimeoutMs: Millis
  /** So many violations within `violationWindowMs` open for `violationOpenMs` (RATE_LIMIT_CB_VIOLATIONS, RATE_LIMIT_CB_SECONDS). */
  readonly violations: number
  readonly violationWindowMs: Millis
  readonly violationOpenMs: Millis
}

/** Connections to a host. */
export interface UpstreamRule {
  readonly connectTimeoutMs: Millis
  readonly headersTimeoutMs: Millis
  readonly bodyTimeoutMs: Millis
  /** Idle connections are closed after this; must be below the exchange's own idle limit. */
  readonly idleMs: Millis
  readonly connections: number
}
