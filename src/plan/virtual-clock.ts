// Time that passes as fast as it can be worked off: nothing happens between two timers, so it jumps from one to the next.

import type { Clock, Timer } from '../core/clock.ts'
import type { Millis } from '../core/units.ts'

/** No timer fires sooner: a wait too small for a double to add to the time would stand still for ever. */
const GRAIN_MS: Millis = 0.001

interface Due {
  readonly at: Millis
  /** Timers of one moment fire in the order in which they were set. */
  readonly turn: number
  task: (() => void) | undefined
}

/** Starts at 0 and moves when told to. */
export class VirtualClock implements Clock {
  #now: Millis = 0
  #turns = 0
  /** A binary heap: the earliest comes first, each no later than its two children. */
  readonly #heap: Due[] = []

  now(): Millis {
    return this.#now
  }

  wall(): Millis {
    return this.#now
  }

  after(delay: Millis, task: () => void): Timer {
    const due: Due = { at: this.#now + Math.max(GRAIN_MS, delay), turn: this.#turns++, task }
    this.#push(due)
    return {
      cancel: () => {
        due.task = undefined
      },
    }
  }

  /** When the next timer fires; undefined when none is set. */
  get next(): Millis | undefined {
    for (let [first] = this.#heap; first !== undefined; [first] = this.#heap) {
      if (first.task !== undefined) return first.at
      this.#pop()
    }
    return undefined
  }

  /** Jumps to the next timer and fires it; false when none is set. */
  step(): boolean {
    if (this.next === undefined) return false
    const due = this.#pop()
    this.#now = Math.max(this.#now, due?.at ?? 0)
    due?.task?.()
    return true
  }

  /** Jumps to a moment before the next timer. */
  moveTo(at: Millis): void {
    this.#now = Math.max(this.#now, at)
  }

  #push(due: Due): void {
    const heap = this.#heap
    let at = heap.length
    while (at > 0) {
      const parent = (at - 1) >> 1
      const above = heap[parent]
      if (above === undefined || !before(due, above)) break
      heap[at] = above
      at = parent
    }
    heap[at] = due
  }

  #pop(): Due | undefined {
    const heap = this.#heap
    const [first] = heap
    const last = heap.pop()
    if (last === undefined || heap.length === 0) return first
    let at = 0
    for (let child = 1; child < heap.length; child = 2 * at + 1) {
      const [left, right] = [heap[child], heap[child + 1]]
      const [least, from] = left && right && before(right, left) ? [right, child + 1] : [left, child]
      if (least === undefined || before(last, least)) break
      heap[at] = least
      at = from
    }
    heap[at] = last
    return first
  }
}

const before = (a: Due, b: Due): boolean => a.at < b.at || (a.at === b.at && a.turn < b.turn)
