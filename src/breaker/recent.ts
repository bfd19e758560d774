// What happened at a host lately: counts in ten time slots. The memory is bounded, and whatever is older than the window
// is gone, however long nobody called: a count that lingers over an idle hour would open the breaker on one failure.

import type { Millis } from '../core/units.ts'

/** Outcomes of one tenth of the window. */
export interface Slot {
  readonly start: Millis
  readonly calls: number
  readonly failed: number
  readonly slow: number
  readonly failedShapes: readonly string[]
  readonly slowShapes: readonly string[]
}

/** Slots in order of time; never more than ten. */
export type Recent = readonly Slot[]

/** What one call adds. `shape` is its method and path: what makes two requests the same question. */
export interface Outcome {
  readonly shape: string
  readonly failed: boolean
  readonly slow: boolean
}

/** The window as a whole. */
export interface Summary {
  readonly calls: number
  readonly failed: number
  readonly slow: number
  /** Distinct shapes among the failed calls, and among the slow ones; 2 stands for any number above one. */
  readonly failedShapes: number
  readonly slowShapes: number
}

const SLOTS = 10

/** The only question ever asked of shapes is "more than one?", so two per slot answer it. */
const SHAPES_PER_SLOT = 2

/** Adds `outcome` at `now`, forgets what has left the window. */
export const remember = (recent: Recent, outcome: Outcome, windowMs: Millis, now: Millis): Recent => {
  const width = windowMs / SLOTS
  const start = Math.floor(now / width) * width
  const last = recent.at(-1)
  // `>=`: after a reload the slots may have another width.
  if (last !== undefined && last.start >= start) return [...recent.slice(0, -1), grow(last, outcome)]
  return [...recent.filter((slot) => slot.start > now - windowMs).slice(1 - SLOTS), grow(empty(start), outcome)]
}

/** Sums up the window that ends `now`. */
export const summarise = (recent: Recent, windowMs: Millis, now: Millis): Summary => {
  const failedShapes = new Set<string>()
  const slowShapes = new Set<string>()
  let calls = 0
  let failed = 0
  let slow = 0
  for (const slot of recent) {
    if (slot.start <= now - windowMs) continue
    calls += slot.calls
    failed += slot.failed
    slow += slot.slow
    for (const shape of slot.failedShapes) failedShapes.add(shape)
    for (const shape of slot.slowShapes) slowShapes.add(shape)
  }
  return { calls, failed, slow, failedShapes: Math.min(2, failedShapes.size), slowShapes: Math.min(2, slowShapes.size) }
}

const empty = (start: Millis): Slot => ({ start, calls: 0, failed: 0, slow: 0, failedShapes: [], slowShapes: [] })

const grow = (slot: Slot, { shape, failed, slow }: Outcome): Slot => ({
  start: slot.start,
  calls: slot.calls + 1,
  failed: slot.failed + (failed ? 1 : 0),
  slow: slot.slow + (slow ? 1 : 0),
  failedShapes: failed ? withShape(slot.failedShapes, shape) : slot.failedShapes,
  slowShapes: slow ? withShape(slot.slowShapes, shape) : slot.slowShapes,
})

const withShape = (shapes: readonly string[], shape: string): readonly string[] =>
  shapes.length >= SHAPES_PER_SLOT || shapes.includes(shape) ? shapes : [...shapes, shape]
