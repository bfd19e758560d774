// What limits.yaml says of watching: when somebody is called, and how exchanges are looked after.

import type { Millis } from './units.ts'

/** When somebody is called. */
export interface AlertRules {
  /** The same alert is not told again for so long. */
  readonly debounceMs: Millis
  /** Shares, 0 to 1, from which on an alert holds: of a lane or of the bytes that may wait, of a budget … */
  readonly queue: number
  readonly exhausted: number
  /** … of calls refused for want of budget, and of stale answers among those that the cache may give. */
  readonly rejections: number
  readonly stale: number
  /** A breaker that is not closed for so long. */
  readonly longOpenMs: Millis
  /** A known bot that is silent for so long. */
  readonly silentMs: Millis
  /** Failures of the common store within a minute. */
  readonly storeErrors: number
  /** Names of alerts that are not wanted. */
  readonly off: ReadonlySet<string>
  readonly webhook: WebhookRule | undefined
}

/** Where alerts are sent to. The address may hold a secret: never to be shown. */
export interface WebhookRule {
  readonly url: string
  readonly timeoutMs: Millis
}

/** How exchanges are looked after. */
export interface HealthRules {
  /** How often checks are made; so long must an exchange have been quiet to be asked. */
  readonly intervalMs: Millis
  /** Failures in a row after which a service is unwell, and successes after which it is well again. */
  readonly alertThreshold: number
  readonly recoveryThreshold: number
  readonly checks: readonly CheckRule[]
}

/** Something that must answer to GET. */
export interface CheckRule {
  readonly name: string
  readonly url: string
  readonly status: StatusRange
  readonly timeoutMs: Millis
}

/** Statuses, both ends included. */
export interface StatusRange {
  readonly from: number
  readonly to: number
}
