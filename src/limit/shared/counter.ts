// One bucket as one of several weirs knows it: what it holds and has spent, what the store last told, and, while the store is
// away, the share of it that this weir lives on.

import type { BucketRule } from '../../core/rules.ts'
import type { Millis, Tokens } from '../../core/units.ts'
import type { Bucket } from '../bucket.ts'
import { limited, refillOf } from '../capacity.ts'
import type { Meter } from '../meter.ts'
import { keepOf } from '../need.ts'
import type { BucketKey, Outcome, Take } from '../store.ts'
import type { Window } from '../window.ts'
import { limitOf, meterOf, retuned, seenMeter } from './meters.ts'
import { News } from './news.ts'
import type { BucketWord, Heard } from './wire.ts'

/** Which spending a call's charge belongs to: the store's, or that of one time alone. */
export type Purse = 'shared' | Meter

/** A counter at one scope. */
export class Counter {
  readonly key: BucketKey
  readonly name: string
  usedAt: Millis
  #configured: BucketRule
  /** What holds: the configured rule, or less where the exchange says so. */
  #rule: BucketRule
  #limitTold: Tokens = Number.POSITIVE_INFINITY
  #charged: Tokens = 0
  /** As told by the store, kept up to date by what is known here; and the part of the limit that the store has. */
  #seen: Bucket | Window
  #part = 1
  /** The share, while the store is away. */
  #own: Bucket | Window | undefined
  #share = 0
  /** Of this level the weir may count on its share, should the store be away. */
  #promise: Tokens = 0
  #held: Tokens = 0
  #spent: Tokens = 0
  #settledAt: Millis = 0
  /** Spent, as the store has confirmed it; it may know more of a time that has been forgotten here. */
  #confirmed: Tokens = 0
  #met = false
  /** Held and spent together, as the store knows them. */
  #known: Tokens = 0
  /** Spent of the share. */
  #spentAlone: Tokens = 0
  /** Of that, what the word of return has said already. */
  #returned: Tokens = 0
  /** The store has said that so much does not fit until then. */
  #denied: { readonly need: Tokens; readonly until: Millis } | undefined
  /** Until when the exchange closed it, as it was said here: a store that has forgotten it is told again. */
  #saidUntil: Millis = Number.NEGATIVE_INFINITY
  /** Its name was wrong: the store hears of that from the right one. */
  #shutUntil: Millis = Number.NEGATIVE_INFINITY
  readonly #news = new News()

  constructor(key: BucketKey, rule: BucketRule, now: Millis) {
    this.key = key
    this.name = key.slice(key.indexOf('}') + 1)
    this.usedAt = now
    this.#configured = rule
    this.#rule = rule
    this.#seen = meterOf(rule, 1, 0, now)
  }

  get rule(): BucketRule {
    return this.#rule
  }

  /** What waits, levels and views go by. */
  get meter(): Meter {
    return this.#own ?? this.#seen
  }

  /** True when the store keeps something back for this weir. */
  get promised(): boolean {
    return this.#promise > 0
  }

  /** Nothing is on the way, and nothing is untold. */
  get idle(): boolean {
    return this.#held === 0 && this.#own === undefined && !this.#untold
  }

  get #untold(): boolean {
    return this.#spent !== this.#confirmed || !this.#news.none
  }

  /** All that was ever reserved here. */
  get charged(): Tokens {
    return this.#charged
  }

  /** How long the take would wait. Of what is to remain, the part is looked for that is here. */
  wait(take: Take, now: Millis): Millis {
    return this.meter.wait(this.#needOf(take), now)
  }

  /** The store has said that the take must wait so long. */
  deny(take: Take, waitMs: Millis, now: Millis): void {
    this.#denied = { need: this.#needOf(take), until: now + waitMs }
  }

  /** How long it would be in vain to ask for the take again, unless something came back; 0 when nobody knows. */
  deniedMs(take: Take, now: Millis): Millis {
    return this.#denied === undefined || this.#needOf(take) < this.#denied.need
      ? 0
      : Math.max(0, this.#denied.until - now)
  }

  /** What others know may have changed. */
  forgetDenied(): void {
    this.#denied = undefined
  }

  retune(rule: BucketRule, now: Millis): void {
    if (rule === this.#configured) return
    this.#configured = rule
    this.#live(limited(rule, this.#limitTold), now)
  }

  /** The exchange has said what the limit is. */
  adopt(limit: Tokens, now: Millis): void {
    this.#limitTold = limit
    this.#live(limited(this.#configured, limit), now)
  }

  /** What the store is told; the answer to an earlier word does not count any more. */
  word(drop: boolean, now: Millis): BucketWord {
    const rule = this.#rule
    const spent = this.#spent + this.#spentAlone
    return {
      name: this.name,
      kind: rule.kind === 'bucket' ? 'b' : 'w',
      cap: limitOf(rule),
      rate: refillOf(rule),
      every: rule.kind === 'bucket' ? 0 : rule.everyMs,
      held: this.#held + (this.#own?.inFlight ?? 0),
      spent,
      since: spent - this.#confirmed,
      ...(this.#met ? {} : { anew: true }),
      ago: Math.max(0, now - this.#settledAt) + (rule.kind === 'window' ? rule.shortestRoundTripMs : 0),
      left: 0,
      ...this.#news.word(now),
      ...(drop ? { drop: true } : {}),
    }
  }

  /** What the store is told when this weir comes back with its share: the share's own spending is in what is left of it. */
  returning(now: Millis): BucketWord {
    this.#returned = this.#spentAlone
    if (this.#saidUntil > now) this.#news.add({ until: this.#saidUntil })
    const left = this.#own === undefined ? 0 : this.#own.available(now) + this.#own.inFlight
    return { ...this.word(false, now), spent: this.#spent, since: this.#spent - this.#confirmed, left }
  }

  /** The store has taken in the last word. */
  confirm(word: BucketWord, told: Heard['buckets'][number] | undefined, now: Millis): void {
    this.#met = true
    this.#confirmed = word.spent
    this.#known = word.held + word.spent
    this.#news.confirmed()
    if (told === undefined) return
    this.#promise = word.drop === true ? 0 : told.promise
    this.#part = told.part
    this.#seen = seenMeter(this.#rule, told, now)
    this.#seen.close(Math.max(this.#news.unsaidUntil, this.#shutUntil))
  }

  /** The store is away: from now on there is a share of the limit, with what was promised of it, and more from `from` on. */
  alone(share: number, from: Millis, now: Millis, empty: boolean): void {
    const { closedUntil } = this.meter
    this.#denied = undefined
    if (this.#own !== undefined) this.#absorb(this.#own)
    // What the store has not heard of comes out of the share.
    const untold = this.#held + this.#spent - this.#known
    this.#own = meterOf(this.#rule, share, (empty ? 0 : this.#promise * share) - untold, Math.max(from, now))
    this.#own.close(closedUntil)
    this.#share = share
    this.#promise = 0
  }

  /** The share is not this weir's any more; what was spent of it is done with. */
  yield(now: Millis): void {
    if (this.#own === undefined) return
    const { inFlight, closedUntil } = this.#own
    this.#held += inFlight
    this.#spentAlone = 0
    this.#returned = 0
    this.#own = meterOf(this.#rule, 0, 0, now)
    this.#own.close(closedUntil)
    this.#share = 0
  }

  /** The store is back. `returned`: what was spent alone is missing in what the share had left; else it was told as spent. */
  together(returned: boolean): void {
    if (this.#own === undefined) return
    this.#held += this.#own.inFlight
    this.#spent += this.#spentAlone - (returned ? this.#returned : 0)
    this.#spentAlone = 0
    this.#returned = 0
    this.#seen.close(this.#own.closedUntil)
    this.#own = undefined
  }

  /** @param granted the store has granted it, and so knows of it */
  reserve(cost: Tokens, granted: boolean, now: Millis): Purse {
    this.usedAt = now
    this.#charged += cost
    // What the store granted is in what it told.
    if (this.#own !== undefined || !granted) this.meter.reserve(cost)
    if (this.#own !== undefined) return this.#own
    this.#held += cost
    if (granted) this.#known += cost
    return 'shared'
  }

  settle(cost: Tokens, outcome: Outcome, purse: Purse, now: Millis): void {
    if (purse !== 'shared' && purse === this.#own) {
      if (outcome === 'spent') {
        purse.settle(cost, now)
        this.#settledAt = now
        this.#spentAlone += cost
      } else purse.release(cost)
      return
    }
    this.#held = Math.max(0, this.#held - cost)
    if (outcome === 'spent') {
      this.#spent += cost
      this.#settledAt = now
      this.#seen.settle(cost, now)
    } else {
      this.#seen.release(cost)
      this.#denied = undefined
    }
  }

  close(pauseMs: Millis, now: Millis): void {
    this.#saidUntil = Math.max(this.#saidUntil, now + pauseMs)
    this.#news.add({ until: now + pauseMs })
    this.meter.close(now + pauseMs)
  }

  /** @param counted of the refused call, still on the way here: by the time the store hears of this it is spent */
  drain(pauseMs: Millis, counted: Tokens, now: Millis): void {
    this.#saidUntil = Math.max(this.#saidUntil, now + pauseMs)
    this.#news.add({ until: now + pauseMs, empty: true })
    this.meter.drain(now + pauseMs, now, counted)
  }

  shrink(now: Millis): void {
    this.#news.add({ shrink: true })
    this.meter.shrink(now)
  }

  /**
   * What was spent of the other was spent of this one: the store is told. While that is away the share pays for what was spent
   * alone, which is charged once more when the store hears of it: what all had spent by then, only the store knows.
   */
  takeOver(from: Counter, closeMs: Millis, now: Millis): Tokens {
    const [own, others] = [this.#own, from.#own]
    const pauseMs = from.meter.closedUntil - now
    from.#shutUntil = now + closeMs
    from.meter.close(from.#shutUntil)
    this.#news.add({ from: [{ name: from.name, close: closeMs }] })
    if (own === undefined || others === undefined) return from.#held
    own.reserve(from.#spentAlone)
    this.settle(from.#spentAlone, 'spent', own, now)
    if (pauseMs > 0) this.drain(pauseMs, 0, now)
    return from.#held + others.inFlight
  }

  #needOf(take: Take): Tokens {
    const part = this.#own === undefined ? this.#part : this.#share
    return take.cost + keepOf(take, this.#rule) * part
  }

  /** A return that nobody answered: what it said stays said, what is on the way counts as the store's. */
  #absorb(own: Meter): void {
    this.#held += own.inFlight
    this.#spent += this.#spentAlone - this.#returned
    this.#spentAlone = 0
    this.#returned = 0
  }

  /** Other numbers hold from now on; what was spent stays spent. */
  #live(rule: BucketRule, now: Millis): void {
    this.#denied = undefined
    this.#rule = rule
    this.#seen = retuned(this.#seen, rule, this.#part, now)
    if (this.#own !== undefined) this.#own = retuned(this.#own, rule, this.#share, now)
  }
}
