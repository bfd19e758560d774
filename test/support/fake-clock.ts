// A clock that stands still until told. Timers fire in order of their time, inside `advance`, and see their own moment.

import type { Clock, Timer } from '../../src/core/clock.ts'
import type { Millis } from '../../src/core/units.ts'

interface Due {
  readonly at: Millis
  /** Timers of one moment fire in the order in which they were set. */
  readonly order: number
  /** Undefined once cancelled. */
  task: (() => void) | undefined
}

/** Virtual time. */
export class FakeClock implements Clock {
  #now: Millis
  #wallOffset: Millis
  /** A binary heap, the next timer on top; cancelled ones stay until they come up. */
  readonly #heap: Due[] = []
  #set = 0
  #pending = 0

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
    const due: Due = { at: this.#now + Math.max(0, delay), order: this.#set++, task }
    this.#pending += 1
    this.#push(due)
    return {
      cancel: () => {
        if (due.task !== undefined) this.#pending -= 1
        due.task = undefined
      },
    }
  }

  /** Timers not yet fired or cancelled. */
  get pending(): number {
    return this.#pending
  }

  /** Lets `ms` pass; timers set by timers fire too when their time comes within it. */
  advance(ms: Millis): void {
    const end = this.#now + ms
    while (this.#fireNext(end));
    this.#now = end
  }

  /** As `advance`, but lets promises settle between the timers, as the event loop would. */
  async pass(ms: Millis): Promise<void> {
    const end = this.#now + ms
    await settled()
    while (this.#fireNext(end)) await settled()
    this.#now = end
  }

  /** Leaps from timer to timer until `work` is done. @throws what `work` throws; an error when nothing can happen any more */
  async until<T>(work: Promise<T>): Promise<T> {
    let done = false
    const finish = () => {
      done = true
    }
    work.then(finish, finish)
    await settled()
    while (!done) {
      if (!this.#fireNext(Number.POSITIVE_INFINITY)) throw new Error('time stands still: no timer is set')
      await settled()
    }
    return work
  }

  /** The date jumps; monotonic time does not. */
  setWall(wall: Millis): void {
    this.#wallOffset = wall - this.#now
  }

  /** False when no timer is due by `end`. */
  #fireNext(end: Millis): boolean {
    for (let due = this.#heap[0]; due !== undefined && due.at <= end; due = this.#heap[0]) {
      this.#pop()
      const { task } = due
      if (task === undefined) continue
      due.task = undefined
      this.#pending -= 1
      this.#now = due.at
      task()
      return true
    }
    return false
  }

  #push(due: Due): void {
    const heap = this.#heap
    let at = heap.length
    heap.push(due)
    while (at > 0) {
      const above = (at - 1) >> 1
      const parent = heap[above]
      if (parent === undefined || before(parent, due)) break
      heap[at] = parent
      at = above
    }
    heap[at] = due
  }

  #pop(): void {
    const heap = this.#heap
    const last = heap.pop()
    if (last === undefined || heap.length === 0) return
    let at = 0
    for (;;) {
      const left = heap[2 * at + 1]
      const right = heap[2 * at + 2]
      const least = left !== undefined && right !== undefined && before(right, left) ? right : left
      if (least === undefined || before(last, least)) break
      heap[at] = least
      at = least === left ? 2 * at + 1 : 2 * at + 2
    }
    heap[at] = last
  }
}

const before = (a: Due, b: Due): boolean => a.at < b.at || (a.at === b.at && a.order < b.order)

/** Resolves once everything that was ready to run has run. */
export const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))
