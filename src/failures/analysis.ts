// What the failures of one exchange come to: how many, whether they grow, what kinds, and what to do. A pure function of a
// thousand failures at most, worked out when somebody asks.

import type { Category, DetectedPattern, FailureAnalysis, FailurePattern, FailureView } from '../core/failure.ts'
import type { Millis } from '../core/units.ts'
import { advise, type Context } from './advice.ts'
import { PATTERNS } from './patterns.ts'
import { trendOf } from './trend.ts'

/** Slots that a trend is read from. */
const SLOTS = 10

/** Analyses the failures of one exchange, oldest first. */
export const analyse = (service: string, failures: readonly FailureView[], context: Context): FailureAnalysis => {
  const { wallMs, windowMs } = context
  const detectedPatterns = detect(failures, [...context.patterns, ...PATTERNS])
  return {
    service,
    windowMs,
    totalFailures: failures.length,
    failureRate: Math.round((failures.length / windowMs) * 60_000 * 100) / 100,
    trend: trendOf(bySlot(failures, wallMs, windowMs)),
    shouldOpen: shouldOpen(failures, context.lately.calls),
    categories: countBy(failures, ({ category }) => category),
    detectedPatterns,
    recommendations: advise({ ...context, service, failures, detectedPatterns }),
  }
}

const OWN_FAULTS: ReadonlySet<Category> = new Set(['connection', 'timeout', 'server', 'maintenance'])
/** As a breaker has it unless limits.yaml says otherwise: fewer calls say nothing of a share. */
const ENOUGH = 10
const TOO_MANY = 0.5

const shouldOpen = (failures: readonly FailureView[], calls: number): boolean =>
  calls >= ENOUGH && failures.filter(({ category }) => OWN_FAULTS.has(category)).length >= calls * TOO_MANY

const bySlot = (failures: readonly FailureView[], wallMs: Millis, windowMs: Millis): readonly number[] => {
  const counts = new Array<number>(SLOTS).fill(0)
  for (const { atWallMs } of failures) {
    const slot = Math.floor(((atWallMs - wallMs + windowMs) / windowMs) * SLOTS)
    const at = Math.min(SLOTS - 1, Math.max(0, slot))
    counts[at] = (counts[at] ?? 0) + 1
  }
  return counts
}

const detect = (failures: readonly FailureView[], patterns: readonly FailurePattern[]): readonly DetectedPattern[] => {
  const found = new Map<string, DetectedPattern>()
  for (const { pattern: name, category, severity, atWallMs } of failures) {
    const known = found.get(name)
    const { count, firstAtWallMs } = known ?? { count: 0, firstAtWallMs: atWallMs }
    found.set(name, { name, category, severity, count: count + 1, firstAtWallMs, lastAtWallMs: atWallMs })
  }
  const least = (wanted: string): number => patterns.find(({ name }) => name === wanted)?.min ?? 3
  return [...found.values()].filter(({ name, count }) => count >= least(name)).toSorted((a, b) => b.count - a.count)
}

const countBy = <Item, Key extends string>(
  items: readonly Item[],
  keyOf: (item: Item) => Key,
): Partial<Record<Key, number>> => {
  const counts: Partial<Record<Key, number>> = {}
  for (const item of items) {
    const key = keyOf(item)
    counts[key] = (counts[key] ?? 0) + 1
  }
  return counts
}
