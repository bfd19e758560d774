// How often something happened at each exchange within the last five minutes, in slots of ten seconds: the oldest slot
// fades as a whole, so a count covers between 290 and 300 seconds.

import type { Clock } from '../core/clock.ts'
import type { CallFinished, Observer } from '../core/events.ts'
import type { ActivityView, LatencyView } from '../core/views.ts'
import { BOUNDS_MS } from './gathering.ts'
import { Histogram, latencyOf } from './histogram.ts'

const SLOT_MS = 10_000
const SLOTS = 30

interface Slot {
  /** Number of the slot since the clock's zero: tells an old slot from the current one in the same place. */
  readonly id: number
  readonly counts: { -readonly [Field in keyof ActivityView]: number }
  readonly upstream: Histogram
}

/** The last five minutes of every exchange. */
export class Lately {
  readonly #clock: Clock
  readonly #exchanges = new Map<string, Slot[]>()

  constructor(clock: Clock) {
    this.#clock = clock
  }

  readonly observer: Observer = (event) => {
    if (event.type === 'call.finished') this.#count(event)
  }

  /** @param exchange undefined for all of them together */
  counts(exchange: string | undefined): ActivityView {
    const sum = none()
    const oldest = this.#slotId() - SLOTS
    const chosen = exchange === undefined ? [...this.#exchanges.values()].flat() : (this.#exchanges.get(exchange) ?? [])
    for (const { id, counts } of chosen) {
      if (id <= oldest) continue
      for (const field of Object.keys(sum) as (keyof ActivityView)[]) sum[field] += counts[field]
    }
    return sum
  }

  /** How long the exchange took to send its head. Quantiles are upper bounds. */
  upstream(exchange: string): LatencyView {
    const oldest = this.#slotId() - SLOTS
    const all = new Histogram(BOUNDS_MS)
    for (const { id, upstream } of this.#exchanges.get(exchange) ?? []) if (id > oldest) all.merge(upstream)
    return latencyOf(all)
  }

  #count({ call: { record }, cacheResult: result, limited }: CallFinished): void {
    const { exchange, decision, verdict } = record
    if (exchange === undefined) return
    const { counts, upstream } = this.#current(exchange)
    counts.calls += 1
    if (decision === 'refused') counts.refused += 1
    if (decision === 'forwarded' && record.upstreamMs !== undefined) upstream.add(record.upstreamMs)
    if (limited) counts.limited += 1
    if (verdict?.kind === 'throttled' || verdict?.kind === 'banned') counts.throttled += 1
    if (result === 'stale') counts.stale += 1
    if (result === 'hit' || result === 'stale' || result === 'coalesced') counts.cacheHits += 1
    else if (result === 'miss') counts.cacheMisses += 1
  }

  #current(exchange: string): Slot {
    let slots = this.#exchanges.get(exchange)
    if (slots === undefined) {
      slots = Array.from({ length: SLOTS }, () => newSlot(Number.NEGATIVE_INFINITY))
      this.#exchanges.set(exchange, slots)
    }
    const id = this.#slotId()
    const place = id % SLOTS
    const slot = slots[place] as Slot
    if (slot.id === id) return slot
    const fresh = newSlot(id)
    slots[place] = fresh
    return fresh
  }

  #slotId(): number {
    return Math.floor(this.#clock.now() / SLOT_MS)
  }
}

const newSlot = (id: number): Slot => ({ id, counts: none(), upstream: new Histogram(BOUNDS_MS) })

const none = (): Slot['counts'] => ({
  ...{ calls: 0, refused: 0, limited: 0, throttled: 0, cacheHits: 0, stale: 0, cacheMisses: 0 },
})
