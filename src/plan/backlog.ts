// All calls at once, each sent the moment its limits allow: the least time in which the exchange would take them. weir's own
// prices and buckets decide when; answers are taken to come at once, so nothing but the limits is measured.

import type { Millis } from '../core/units.ts'
import { MemoryStore } from '../limit/memory.ts'
import type { BucketKey, Take } from '../limit/store.ts'
import type { Priced } from './price.ts'
import { VirtualClock } from './virtual-clock.ts'

/** How long a backlog takes. */
export interface Backlog {
  /** From the first call to the last. */
  readonly totalMs: Millis
  /** What the line that ended last waited for most; undefined when nothing waited. */
  readonly binds: Take | undefined
}

/** Works the calls off, in their order. `coldStart` says how full the buckets are at the start (0 to 1). */
export const workOff = (calls: readonly Priced[], coldStart: number): Backlog => {
  const clock = new VirtualClock()
  const store = new MemoryStore(clock, () => coldStart)
  const lines = new Map<string, Line>()
  for (const call of calls) {
    const line = lines.get(call.line) ?? new Line(store, clock)
    lines.set(call.line, line)
    line.add(call)
  }
  for (const line of lines.values()) line.serve()
  while (clock.step());
  const last = [...lines.values()].reduce<Line | undefined>(
    (a, b) => (a !== undefined && a.endMs >= b.endMs ? a : b),
    undefined,
  )
  return { totalMs: last?.endMs ?? 0, binds: last?.binds }
}

/** First come, first served. */
class Line {
  readonly #store: MemoryStore
  readonly #clock: VirtualClock
  readonly #waiting: Priced[] = []
  readonly #waits = new Map<BucketKey, { readonly take: Take; ms: Millis }>()
  #served = 0
  /** When the last one went. */
  endMs: Millis = 0

  constructor(store: MemoryStore, clock: VirtualClock) {
    this.#store = store
    this.#clock = clock
  }

  /** What was waited for most. */
  get binds(): Take | undefined {
    const longestFirst = [...this.#waits.values()].sort((a, b) => b.ms - a.ms)
    return longestFirst[0]?.take
  }

  add(call: Priced): void {
    this.#waiting.push(call)
  }

  /** Sends until one must wait, and goes on when it need not any more. */
  serve(): void {
    for (let head = this.#waiting[this.#served]; head !== undefined; head = this.#waiting[this.#served]) {
      if (head.call.rule.hold) {
        const taken = this.#store.take(head.takes)
        if (!taken.granted) {
          this.#wait(taken.by, taken.waitMs)
          return
        }
      } else this.#store.charge(head.takes)
      this.#store.settle(head.takes, 'spent')
      this.#served += 1
      this.endMs = this.#clock.now()
    }
  }

  #wait(by: Take, ms: Millis): void {
    const waited = this.#waits.get(by.key) ?? { take: by, ms: 0 }
    waited.ms += ms
    this.#waits.set(by.key, waited)
    this.#clock.after(ms, () => this.serve())
  }
}
