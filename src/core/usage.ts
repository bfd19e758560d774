// Who uses weir, and how well that goes: counts by bot and class since the start of the process, ready for JSON.

import type { Millis, Tokens } from './units.ts'

/** What became of some calls. */
export interface OutcomesView {
  readonly calls: number
  readonly forwarded: number
  readonly refused: number
  /** Refused for a limit: the budget was spent, or the queue full. */
  readonly limited: number
  /** `limited` of all calls, 0 to 1. */
  readonly rejectionRate: number
  readonly failed: number
  /** Answered from the cache or by another's fetch: nothing was spent. */
  readonly saved: number
  readonly waitMeanMs: Millis
  /** An upper bound. */
  readonly waitP99Ms: Millis
}

/** What one bot does with one class. */
export interface UseView extends OutcomesView {
  readonly exchange: string
  readonly class: string
  /** Budget spent. */
  readonly cost: Tokens
  /** Of all that was spent at that exchange, 0 to 1. */
  readonly budgetShare: number
}

/** One bot; `other` stands for all beyond the most that are told apart. */
export interface BotView extends OutcomesView {
  readonly bot: string
  readonly firstAtWallMs: Millis
  readonly lastAtWallMs: Millis
  /** Busiest first. */
  readonly classes: readonly UseView[]
}

/** All of it. */
export interface StatsView {
  readonly sinceWallMs: Millis
  /** Busiest first. */
  readonly bots: readonly BotView[]
  /** The same calls by class alone. */
  readonly classes: readonly UseView[]
}
