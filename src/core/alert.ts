// What weir calls to an operator's attention: conditions that hold, and when they began and ended. Free of secrets.

import type { Millis } from './units.ts'

/** `critical`: calls are being lost, or will be. `warning`: look at it today. */
export type Severity = 'warning' | 'critical'

/** Every rule there is. */
export const ALERTS = {
  breaker_open: 'warning',
  breaker_open_long: 'critical',
  violations: 'critical',
  bypass_suspected: 'warning',
  key_rests: 'critical',
  budget_exhausted: 'warning',
  queue_filling: 'warning',
  queue_full: 'critical',
  queue_bytes_filling: 'warning',
  queue_bytes_full: 'critical',
  rejections: 'warning',
  stale_answers: 'warning',
  bot_silent: 'warning',
  check_failed: 'warning',
  store_errors: 'critical',
  state_unwritten: 'critical',
  rules_rejected: 'warning',
} as const satisfies Record<string, Severity>

/** Name of a rule. */
export type AlertName = keyof typeof ALERTS

/** One condition at one subject. */
export interface AlertView {
  readonly rule: AlertName
  readonly severity: Severity
  /** What it is about: a host, a bucket, a class, a bot; `weir` where it is about weir itself. */
  readonly subject: string
  /** One sentence with numbers, as of `lastAtWallMs`. */
  readonly message: string
  readonly raisedAtWallMs: Millis
  /** When it last held. */
  readonly lastAtWallMs: Millis
  /** Undefined while it holds. */
  readonly resolvedAtWallMs: Millis | undefined
}
