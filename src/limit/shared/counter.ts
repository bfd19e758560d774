// One bucket as one of several weirs knows it: what it holds and has spent, what the store last told, and, while the store is
// away, the share of it that this weir lives on.

import type { BucketRule } from '../../core/rules.ts'
import type { Millis, Tokens } from '../../core/units.ts'
import { Bucket } from '../bucket.ts'
import { limited } from '../memory.ts'
import type { Meter } from '../meter.ts'
import type { BucketKey, Outcome } from '../store.ts'
import { Window } from '../window.ts'
import type { BucketWord, Reply } from './wire.ts'

/** Levels below this are never promised: see `slack_of` in buckets.lua. */
const slackOf = (limit: Tokens): Tokens => Math.max(2, limit / 10)

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
  /** As told by the store, kept up to date by what is known here. */
  #seen: Meter
  /** The share, while the store is away. */
  #own: Meter | undefined
  /** What was free when the store last told: what it has promised goes by that. */
  #told: Tokens = 0
  #held: Tokens = 0
  #spent: Tokens = 0
  #settledAt: Millis = 0
  /** Spent, as the store has confirmed it. */
  #confirmed: Tokens = 0
  /** Held and spent together, as the store knows them. */
  #known: Tokens = 0
  /** Spent of the share. */
  #spentAlone: Tokens = 0
  /** Of that, what the word of return has said already. */
  #returned: Tokens = 0
  #gateMs: Millis | undefined
  #empty = false
  #shrink = false

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
    return this.#told > slackOf(limitOf(this.#rule))
  }

  /** Nothing is on the way, and nothing is untold. */
  get idle(): boolean {
    return this.#held === 0 && this.#own === undefined && this.#spent === this.#confirmed && this.#gateMs === undefined
  }

  /** All that was ever reserved here. */
  get charged(): Tokens {
    return this.#charged
  }

  retune(rule: BucketRule): void {
    if (rule === this.#configured) return
    this.#configured = rule
    this.#rule = limited(rule, this.#limitTold)
  }

  /** The exchange has said what the limit is. */
  adopt(limit: Tokens): void {
    this.#limitTold = limit
    this.#rule = limited(this.#configured, limit)
  }

  /** What the store is told. */
  word(drop: boolean, now: Millis): BucketWord {
    const rule = this.#rule
    const spent = this.#spent + this.#spentAlone
    return {
      name: this.name,
      kind: rule.kind === 'bucket' ? 'b' : 'w',
      cap: limitOf(rule),
      rate: rule.kind === 'bucket' ? rule.refill : rule.limit / rule.everyMs,
      every: rule.kind === 'bucket' ? 0 : rule.everyMs,
      held: this.#held + (this.#own?.inFlight ?? 0),
      spent,
      since: spent - this.#confirmed,
      ago: Math.max(0, now - this.#settledAt) + (rule.kind === 'window' ? rule.shortestRoundTripMs : 0),
      left: 0,
      ...(this.#gateMs === undefined ? {} : { gate: this.#gateMs }),
      ...(this.#empty ? { empty: true } : {}),
      ...(this.#shrink ? { shrink: true } : {}),
      ...(drop ? { drop: true } : {}),
    }
  }

  /** What the store is told when this weir comes back with its share: the share's own spending is in what is left of it. */
  returning(now: Millis): BucketWord {
    this.#returned = this.#spentAlone
    const left = this.#own === undefined ? 0 : this.#own.available(now) + this.#own.inFlight
    return { ...this.word(false, now), spent: this.#spent, since: this.#spent - this.#confirmed, left }
  }

  /** The store has taken in a word. */
  confirm(word: BucketWord, told: Reply['buckets'][number] | undefined, now: Millis): void {
    this.#confirmed = word.spent
    this.#known = word.held + word.spent
    if (word.gate !== undefined) this.#gateMs = undefined
    if (word.empty === true) this.#empty = false
    if (word.shrink === true) this.#shrink = false
    if (told === undefined) return
    this.#told = word.drop === true ? 0 : told.free
    this.#seen = seenMeter(this.#rule, told, now)
  }

  /** The store is away: from now on there is a share of the limit, with what was promised of it, and more from `from` on. */
  alone(share: number, from: Millis, now: Millis, empty: boolean): void {
    const { closedUntil } = this.meter
    if (this.#own !== undefined) this.#absorb(this.#own)
    const promised = empty ? 0 : Math.max(0, this.#told - slackOf(limitOf(this.#rule))) * share
    // What the store has not heard of comes out of the share.
    const untold = this.#held + this.#spent - this.#known
    this.#own = meterOf(this.#rule, share, promised - untold, Math.max(from, now))
    this.#own.close(closedUntil)
    this.#told = 0
  }

  /** The store is back. `returned`: what was spent alone is missing in what the share had left; else it was told as spent. */
  together(returned: boolean): void {
    if (this.#own === undefined) return
    this.#held += this.#own.inFlight
    this.#spent += this.#spentAlone - (returned ? this.#returned : 0)
    this.#spentAlone = 0
    this.#own = undefined
  }

  /** @param granted the store has granted it, and so knows of it */
  reserve(cost: Tokens, granted: boolean, now: Millis): Purse {
    this.usedAt = now
    this.#charged += cost
    this.meter.reserve(cost)
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
    } else this.#seen.release(cost)
  }

  close(pauseMs: Millis, empty: boolean, now: Millis): void {
    this.#gateMs = Math.max(this.#gateMs ?? 0, pauseMs)
    this.#empty ||= empty
    if (empty) this.meter.drain(now + pauseMs, now)
    else this.meter.close(now + pauseMs)
  }

  shrink(now: Millis): void {
    this.#shrink = true
    this.meter.shrink(now)
  }

  /** A share that ended without the store: what is on the way of it counts as the store's. */
  #absorb(own: Meter): void {
    this.#held += own.inFlight
    this.#spent += this.#spentAlone
    this.#spentAlone = 0
  }
}

/** All that may ever be used of a limit. */
const limitOf = (rule: BucketRule): Tokens =>
  Math.min(ENDLESS, rule.kind === 'bucket' ? rule.capacity - rule.margin : rule.limit)

/** Stands for a limit without end, which JSON can not say. */
const ENDLESS: Tokens = 1e12

/** A part of a limit with `level` of it there, as of a moment that may lie ahead: nothing is gained until then. */
const meterOf = (rule: BucketRule, share: number, level: Tokens, asOf: Millis): Meter => {
  const part = limitOf(rule) * share
  const filled = part === 0 ? 0 : Math.min(1, level / part)
  return rule.kind === 'bucket'
    ? new Bucket({ ...rule, capacity: part, margin: 0, refill: rule.refill * share }, asOf, filled)
    : new Window({ ...rule, limit: part }, asOf, filled)
}

const seenMeter = (rule: BucketRule, told: Reply['buckets'][number], now: Millis): Meter => {
  const cap = limitOf(rule) * told.part
  const snapshot = { inFlight: told.held, closedForMs: told.closed, share: told.trust }
  const there = told.free + told.held
  return rule.kind === 'bucket'
    ? Bucket.restore(
        { ...rule, capacity: cap, margin: 0, refill: rule.refill * told.part },
        { ...snapshot, spent: [], tokens: there, capacity: cap },
        0,
        now,
      )
    : Window.restore(
        { ...rule, limit: cap },
        { ...snapshot, spent: [{ agoMs: 0, cost: Math.max(0, cap - there) }], tokens: undefined },
        0,
        now,
      )
}
