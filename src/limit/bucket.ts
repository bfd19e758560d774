// The token bucket: Kraken's decaying counter, Coinbase's lazy-fill bucket and GCRA are this one, mirrored or renamed.
// A counter that decays by `refill` and refuses above `capacity` is a bucket that starts full and refuses when empty.

import type { TokenBucketRule } from '../core/rules.ts'
import type { Millis, Tokens } from '../core/units.ts'
import { CLOCK_GRAIN_MS, type Meter, type MeterSnapshot, ROUNDING } from './meter.ts'
import { Share } from './share.ts'

/** One token bucket at one scope. */
export class Bucket implements Meter {
  #rule: TokenBucketRule
  #tokens: Tokens
  /** `#tokens` is true as of this moment, which lies up to a clock grain ahead. */
  #asOf: Millis
  /** What the documented rate would have given beyond `#tokens`. */
  #foregone: Tokens = 0
  #share = new Share()
  #inFlight: Tokens = 0
  #charged: Tokens = 0
  #closedUntil: Millis = Number.NEGATIVE_INFINITY
  #deepest: Tokens = 0
  /** It has been full since it was last drained, so that its level is no guess. */
  #sure: boolean

  /** @param share how full a bucket is that nobody has seen before (0 to 1) */
  constructor(rule: TokenBucketRule, now: Millis, share = 1) {
    this.#rule = rule
    this.#tokens = fullOf(rule) * share
    this.#asOf = now
    this.#sure = share === 1
  }

  /** Restores what `snapshot` saw `elapsed` ms ago. */
  static restore(rule: TokenBucketRule, snapshot: MeterSnapshot, elapsed: Millis, now: Millis): Bucket {
    const bucket = new Bucket(rule, now)
    // Spent is what it was, also when the capacity is another one now.
    const spent = (snapshot.capacity ?? rule.capacity) - (snapshot.tokens ?? 0)
    if (rule.adaptive) bucket.#share = Share.of(snapshot.share ?? 1, now - elapsed)
    bucket.#tokens = Math.min(fullOf(rule), rule.capacity - spent)
    bucket.#asOf = now - elapsed
    bucket.#sure = false
    bucket.#refill(now)
    bucket.#inFlight = snapshot.inFlight
    bucket.#closedUntil = now + snapshot.closedForMs - elapsed
    return bucket
  }

  get inFlight(): Tokens {
    return this.#inFlight
  }

  get charged(): Tokens {
    return this.#charged
  }

  get deepest(): Tokens {
    return this.#deepest
  }

  get closedUntil(): Millis {
    return this.#closedUntil
  }

  /** New numbers keep what has been spent: the level moves with the capacity, and never above it. */
  retune(rule: TokenBucketRule, now: Millis): void {
    if (rule === this.#rule) return
    this.#refill(now)
    const spent = this.#rule.capacity - this.#tokens
    this.#rule = rule
    this.#tokens = Math.min(fullOf(rule), rule.capacity - spent)
    this.#deepest = 0
    if (!rule.adaptive) this.#share.reset()
  }

  wait(cost: Tokens, now: Millis): Millis {
    this.#refill(now)
    const missing = cost + this.#inFlight - this.#tokens
    const closed = Math.max(0, this.#closedUntil - now)
    if (missing <= ROUNDING) return closed
    return Math.max(closed, this.#asOf - now + missing / (this.#rule.refill * this.#share.at(now)))
  }

  reserve(cost: Tokens): void {
    this.#inFlight += cost
    this.#charged += cost
  }

  settle(cost: Tokens, now: Millis): void {
    this.#inFlight = Math.max(0, this.#inFlight - cost)
    this.#refill(now + CLOCK_GRAIN_MS)
    this.#tokens -= cost
    if (this.#sure) this.#deepest = Math.max(this.#deepest, this.#rule.capacity - this.#tokens)
  }

  release(cost: Tokens): void {
    this.#inFlight = Math.max(0, this.#inFlight - cost)
  }

  drain(until: Millis, now: Millis, counted: Tokens = 0): void {
    this.#refill(now)
    this.#tokens = Math.min(this.#tokens, counted, this.#inFlight)
    this.#foregone = 0
    this.#sure = false
    this.close(until)
  }

  close(until: Millis): void {
    this.#closedUntil = Math.max(this.#closedUntil, until)
  }

  shrink(now: Millis): void {
    if (!this.#rule.adaptive) return
    this.#refill(now)
    this.#share.shrink(now, this.#closedUntil)
  }

  share(now: Millis): number {
    return this.#share.at(now)
  }

  room(now: Millis): Tokens {
    return this.available(now) + this.#foregone
  }

  available(now: Millis): Tokens {
    this.#refill(now)
    return this.#tokens - this.#inFlight
  }

  fullIn(now: Millis): Millis {
    this.#refill(now)
    const missing = fullOf(this.#rule) - this.#tokens + this.#inFlight
    return missing <= 0 ? 0 : missing / (this.#rule.refill * this.#share.at(now))
  }

  idle(now: Millis): boolean {
    const rested = this.#inFlight === 0 && this.#closedUntil <= now && this.#share.at(now) === 1
    return rested && this.available(now) >= fullOf(this.#rule)
  }

  snapshot(now: Millis): MeterSnapshot {
    this.#refill(now)
    const share = this.#share.at(now)
    return {
      spent: [],
      inFlight: this.#inFlight,
      tokens: this.#tokens,
      capacity: this.#rule.capacity,
      closedForMs: Math.max(0, this.#closedUntil - now),
      ...(share < 1 ? { share } : {}),
    }
  }

  #refill(to: Millis): void {
    if (to <= this.#asOf) return
    const documented = (to - this.#asOf) * this.#rule.refill
    const gained = documented * this.#share.between(this.#asOf, to)
    const full = fullOf(this.#rule)
    this.#tokens = Math.min(full, this.#tokens + gained)
    this.#foregone = Math.min(full - this.#tokens, this.#foregone + documented - gained)
    this.#asOf = to
    if (this.#tokens === full) this.#sure = true
  }
}

/** What a full bucket may give: the margin stays in it. */
const fullOf = ({ capacity, margin }: TokenBucketRule): Tokens => capacity - margin
