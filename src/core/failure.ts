// What went wrong at an exchange, and what that comes to: one record per failed call, and the analysis of the last minutes.

import type { Millis } from './units.ts'

/** Kinds of failures: a closed list. */
export const CATEGORIES = [
  'connection',
  'timeout',
  'server',
  'maintenance',
  'rate_limit',
  'lockout',
  'authentication',
  'client',
  'other',
] as const

/** One of them. */
export type Category = (typeof CATEGORIES)[number]

/** How bad it is. */
export type FailureSeverity = 'low' | 'medium' | 'high' | 'critical'

/** What a kind of failure is called, and how it is recognised. */
export interface FailurePattern {
  readonly name: string
  readonly category: Category
  readonly severity: FailureSeverity
  /** The error holds one of these, in lower case; any error when empty. */
  readonly says: readonly string[]
  readonly status: { readonly from: number; readonly to: number } | undefined
  /** As many within the window make it a pattern. */
  readonly min: number
  /** What to do, in a sentence. */
  readonly advice: string | undefined
}

/** One failed call. */
export interface FailureView {
  readonly atWallMs: Millis
  /** Name of the exchange. */
  readonly service: string
  readonly class: string | undefined
  /** Hash of the key. */
  readonly credential: string | undefined
  readonly bot: string
  readonly call: string
  readonly host: string
  readonly pattern: string
  readonly category: Category
  readonly severity: FailureSeverity
  /** The exchange's words or the system's code, from a closed list; at most 200 characters. */
  readonly message: string
  readonly status: number
  readonly responseMs: Millis
}

/** What the failures of one service within the window come to. */
export interface FailureAnalysis {
  readonly service: string
  readonly windowMs: Millis
  readonly totalFailures: number
  /** Per minute. */
  readonly failureRate: number
  readonly trend: 'increasing' | 'stable' | 'decreasing'
  /** Half of its calls failed by the exchange's own fault. What the breaker of each host makes of it is in `/v1/breakers`. */
  readonly shouldOpen: boolean
  readonly categories: Readonly<Partial<Record<Category, number>>>
  /** The most frequent first. */
  readonly detectedPatterns: readonly DetectedPattern[]
  /** What to do, the surest first. */
  readonly recommendations: readonly string[]
}

/** A kind of failure that is frequent. */
export interface DetectedPattern {
  readonly name: string
  readonly category: Category
  readonly severity: FailureSeverity
  readonly count: number
  readonly firstAtWallMs: Millis
  readonly lastAtWallMs: Millis
}
