// The sliding log, for limits that an exchange really states as "N per T": no stretch of length T may hold more than N,
// wherever it begins. Spent cost is kept in slots of T/500, dated at their end, so the log is bounded and errs late.

import type { WindowRule } from '../core/rules.ts'
import type { Millis, Tokens } from '../core/units.ts'
import { CLOCK_GRAIN_MS, type Meter, type MeterSnapshot, ROUNDING } from './meter.ts'
import { Share } from './share.ts'

const SLOTS = 500

interface Slot {
  /** Spent at this moment at the latest. */
  readonly at: Millis
  cost: Tokens
}

/** One sliding window at one scope. */
export class Window implements Meter {
  #rule: WindowRule
  #slots: Slot[] = []
  #spent: Tokens = 0
  #share = new Share()
  #inFlight: Tokens = 0
  #charged: Tokens = 0
  #closedUntil: Millis = Number.NEGATIVE_INFINITY

  /** @param share how much of a window that nobody has seen before is free (0 to 1) */
  constructor(rule: WindowRule, now: Millis, share = 1) {
    this.#rule = rule
    if (share < 1) this.#spend(rule.limit * (1 - share), now)
  }

  /** Restores what `snapshot` saw `elapsed` ms ago. */
  static restore(rule: WindowRule, snapshot: MeterSnapshot, elapsed: Millis, now: Millis): Window {
    const window = new Window(rule, now)
    for (const { agoMs, cost } of snapshot.spent) window.#spend(cost, now - elapsed - agoMs)
    if (rule.adaptive) window.#share = Share.of(snapshot.share ?? 1, now - elapsed)
    window.#inFlight = snapshot.inFlight
    window.#closedUntil = now + snapshot.closedForMs - elapsed
    return window
  }

  get inFlight(): Tokens {
    return this.#inFlight
  }

  get charged(): Tokens {
    return this.#charged
  }

  /** Windows know no tiers. */
  get deepest(): Tokens {
    return 0
  }

  get closedUntil(): Millis {
    return this.#closedUntil
  }

  /** New numbers apply to what has been spent already. */
  retune(rule: WindowRule): void {
    this.#rule = rule
    if (!rule.adaptive) this.#share.reset()
  }

  wait(cost: Tokens, now: Millis): Millis {
    this.#forget(now)
    const closed = Math.max(0, this.#closedUntil - now)
    const { everyMs } = this.#rule
    // What costs more than the trusted share has a window to itself, or it would never go.
    const limit = Math.max(this.#trusted(now), Math.min(cost, this.#rule.limit))
    let over = this.#spent + this.#inFlight + cost - limit
    if (over <= ROUNDING) return closed
    // What would need several windows to pass waits whole windows first.
    const windows = Math.max(0, Math.ceil(cost / limit) - 1)
    over -= windows * limit
    let at = now
    for (const slot of this.#slots) {
      if (over <= ROUNDING) break
      over -= slot.cost
      at = slot.at + everyMs
    }
    // Still over: calls in flight hold the rest, and they free it one window after they settle.
    const blocked = over > ROUNDING ? now + everyMs : at
    return Math.max(closed, blocked - now) + windows * everyMs
  }

  reserve(cost: Tokens): void {
    this.#inFlight += cost
    this.#charged += cost
  }

  settle(cost: Tokens, now: Millis): void {
    this.#inFlight = Math.max(0, this.#inFlight - cost)
    this.#spend(cost, now + CLOCK_GRAIN_MS - this.#rule.shortestRoundTripMs)
  }

  release(cost: Tokens): void {
    this.#inFlight = Math.max(0, this.#inFlight - cost)
  }

  drain(until: Millis, now: Millis): void {
    this.#forget(now)
    this.close(until)
  }

  close(until: Millis): void {
    this.#closedUntil = Math.max(this.#closedUntil, until)
  }

  shrink(now: Millis): void {
    if (this.#rule.adaptive) this.#share.shrink(now, this.#closedUntil)
  }

  share(now: Millis): number {
    return this.#share.at(now)
  }

  room(now: Millis): Tokens {
    this.#forget(now)
    return this.#rule.limit - this.#spent - this.#inFlight
  }

  available(now: Millis): Tokens {
    this.#forget(now)
    return this.#trusted(now) - this.#spent - this.#inFlight
  }

  fullIn(now: Millis): Millis {
    this.#forget(now)
    const last = this.#slots.at(-1)
    if (this.#inFlight > 0) return this.#rule.everyMs
    return last === undefined ? 0 : Math.max(0, last.at + this.#rule.everyMs - now)
  }

  idle(now: Millis): boolean {
    this.#forget(now)
    const rested = this.#inFlight === 0 && this.#closedUntil <= now && this.#share.at(now) === 1
    return rested && this.#slots.length === 0
  }

  snapshot(now: Millis): MeterSnapshot {
    this.#forget(now)
    const spent = this.#slots.map(({ at, cost }) => ({ agoMs: now - at, cost }))
    const share = this.#share.at(now)
    return {
      spent,
      inFlight: this.#inFlight,
      tokens: undefined,
      closedForMs: Math.max(0, this.#closedUntil - now),
      ...(share < 1 ? { share } : {}),
    }
  }

  /** The limit, as far as it is trusted. */
  #trusted(now: Millis): Tokens {
    return this.#rule.limit * this.#share.at(now)
  }

  #spend(cost: Tokens, at: Millis): void {
    const grain = this.#rule.everyMs / SLOTS
    const end = Math.ceil(at / grain) * grain
    const last = this.#slots.at(-1)
    if (last !== undefined && last.at >= end) last.cost += cost
    else this.#slots.push({ at: end, cost })
    this.#spent += cost
  }

  #forget(now: Millis): void {
    const horizon = now - this.#rule.everyMs
    let gone = 0
    for (const slot of this.#slots) {
      if (slot.at > horizon) break
      this.#spent -= slot.cost
      gone += 1
    }
    if (gone > 0) this.#slots.splice(0, gone)
    if (this.#slots.length === 0) this.#spent = 0
  }
}
