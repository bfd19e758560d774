// A clock that stands still until told. Timers fire in order of their time, inside `advance`, and see their own moment.

import type { Clock, Timer } from '../../src/core/clock.ts'
import type { Millis } from '../../src/core/units.ts'

interface Due {
  readonly at: Millis
  readonly task: () => void
}

/** Virtual time. */
export class FakeClock implements Clock {
  #now: Millis
  #wallOffset: Millis
  #due: Due[] = []

  constructor(now: Millis = 0, wall: Millis = 1_700_000_000_000) {
    this.#now = now
    this.#wallOffset = wall - now
  }

  now(): Millis {
    return this.#now
  }

  wall(): Millis {
    return this.#now + this.#wallOffset
  }

  after(delay: Millis, task: () => void): Timer {
    const due = { at: this.#now + Math.max(0, delay), task }
    this.#due.push(due)
    return { cancel: () => this.#drop(due) }
  }

  /** Timers not yet fired or cancelled. */
  get pending(): number {
    return this.#due.length
  }

  /** Lets `ms` pass; timers set by timers fire too when their time comes within it. */
  advance(ms: Millis): void {
    const end = this.#now + ms
    for (let due = this.#next(end); due !== undefined; due = this.#next(end)) {
      this.#drop(due)
      this.#now = due.at
      due.task()
    }
    this.#now = end
  }

  /** As `advance`, but lets promises settle between the timers, as the event loop would. */
  async pass(ms: Millis): Promise<void> {
    const end = this.#now + ms
    await settled()
    for (let due = this.#next(end); due !== undefined; due = this.#next(end)) {
      this.advance(due.at - this.#now)
      await settled()
    }
    this.#now = end
  }

  /** The date jumps; monotonic time does not. */
  setWall(wall: Millis): void {
    this.#wallOffset = wall - this.#now
  }

  #next(end: Millis): Due | undefined {
    let first: Due | undefined
    for (const due of this.#due) if (due.at <= end && (first === undefined || due.at < first.at)) first = due
    return first
  }

  #drop(due: Due): void {
    this.#due = this.#due.filter((other) => other !== due)
  }
}

/** Resolves once everything that was ready to run has run. */
export const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))
