// Time as an argument. This is the only file of the core that may touch the real clock; everything else is handed a `Clock`.

import type { Millis } from './units.ts'

/** A pending timer; cancelling twice, or after it fired, does nothing. */
export interface Timer {
  cancel(): void
}

/** What weir knows of time. */
export interface Clock {
  /** Monotonic time: for waits, ages and buckets. Unrelated to the date. */
  now(): Millis
  /** Time since the epoch: for dates, signatures and what is written to disk. May jump. */
  wall(): Millis
  /** Calls `task` once, no earlier than `delay` from now. A timer never keeps the process alive. */
  after(delay: Millis, task: () => void): Timer
}

/**
 * Calls `task` again and again, each time `delay` after the last, until cancelled. A throw neither ends it nor the process:
 * `failed` is told of the first of a row.
 */
export const every = (
  clock: Pick<Clock, 'after'>,
  delay: () => Millis,
  task: () => void,
  failed: (error: unknown) => void,
): Timer => {
  let failing = false
  const attempt = (): void => {
    try {
      task()
      failing = false
    } catch (error) {
      if (!failing) failed(error)
      failing = true
    }
  }
  let timer: Timer | undefined
  let cancelled = false
  const sleep = (): void => {
    timer = clock.after(delay(), () => {
      attempt()
      if (!cancelled) sleep()
    })
  }
  sleep()
  return {
    cancel: () => {
      cancelled = true
      timer?.cancel()
    },
  }
}

/** Node's timers fire at once when the delay exceeds a signed 32-bit number. */
const LONGEST_DELAY_MS = 2 ** 31 - 1

/** The machine's clock. */
export const realClock: Clock = {
  now: () => performance.now(),
  wall: () => Date.now(),
  after(delay, task) {
    const timeout = setTimeout(task, Math.min(Math.max(0, Math.ceil(delay)), LONGEST_DELAY_MS))
    timeout.unref()
    return { cancel: () => clearTimeout(timeout) }
  },
}

/** A number from [0, 1): handed in wherever chance decides, so that tests can decide instead. */
export type Chance = () => number

/** The machine's chance. */
export const realChance: Chance = () => Math.random()
