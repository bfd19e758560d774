// All lanes of this process: made on demand, forgotten when they remember nothing that matters.

import type { Clock } from '../core/clock.ts'
import type { Observer } from '../core/events.ts'
import type { EndpointClass } from '../core/rules.ts'
import type { Bytes } from '../core/units.ts'
import type { QueueView } from '../core/views.ts'
import { Backlog } from './backlog.ts'
import { Lane } from './lane.ts'
import { FairOrder, NonceOrder } from './order.ts'
import type { BucketStore } from './store.ts'
import type { Waiter } from './ticket.ts'

/** Above this many lanes, idle ones are swept: their names come from bots' keys. */
const SWEEP_ABOVE = 4096

interface Entry {
  readonly lane: Lane
  /** The class that opened the lane: its name and bounds stand for it in views. */
  readonly rule: EndpointClass
}

export interface LanesOptions {
  readonly store: BucketStore
  readonly clock: Clock
  readonly maxQueueBytes: () => Bytes
  readonly tell: Observer
}

/** Finds the lane of a call. */
export class Lanes {
  readonly #entries = new Map<string, Entry>()
  readonly #store: BucketStore
  readonly #clock: Clock
  readonly #backlog: Backlog

  constructor({ store, clock, maxQueueBytes, tell }: LanesOptions) {
    this.#store = store
    this.#clock = clock
    this.#backlog = new Backlog(maxQueueBytes, tell)
    store.onFreed(() => {
      for (const { lane } of this.#entries.values()) lane.pump()
    })
  }

  /** The lane of that key; `rule` says what discipline a new one has. */
  lane(key: string, rule: EndpointClass): Lane {
    const known = this.#entries.get(key)
    if (known !== undefined) return known.lane
    if (this.#entries.size >= SWEEP_ABOVE) this.#sweep()
    const order = rule.lane === 'nonce' ? new NonceOrder(rule.exchange.nonceWindow) : new FairOrder()
    const lane = new Lane({ name: rule.id, order, store: this.#store, clock: this.#clock, backlog: this.#backlog })
    this.#entries.set(key, { lane, rule })
    return lane
  }

  /** Refuses all waiting calls that `chosen` picks, in every lane. */
  evict(chosen: (waiter: Waiter) => boolean, reason: (waiter: Waiter) => Error): void {
    for (const { lane } of this.#entries.values()) lane.evict(chosen, reason)
  }

  /** Lanes in which somebody waits or is on the way. */
  view(): readonly QueueView[] {
    const now = this.#clock.now()
    const busy = [...this.#entries].filter(([, { lane }]) => lane.waiting.length + lane.inFlight > 0)
    return busy.map(([key, { lane, rule }]) => ({
      exchange: rule.exchange.name,
      class: rule.id,
      lane: rule.lane === 'nonce' ? key.slice(key.indexOf(' ') + 1) : 'fair',
      waiting: lane.waiting.length,
      inFlight: lane.inFlight,
      capacity: rule.maxQueue,
      bytes: lane.waiting.reduce((sum, { bytes }) => sum + bytes, 0),
      oldestWaitMs: lane.waiting.reduce((oldest, { since }) => Math.max(oldest, now - since), 0),
    }))
  }

  #sweep(): void {
    for (const [key, { lane }] of this.#entries) if (lane.idle) this.#entries.delete(key)
  }
}
