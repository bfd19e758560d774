// Buckets in this process, written through to a journal so that neither a restart nor a kill -9 refills one.

import type { Clock } from '../core/clock.ts'
import type { BucketRule } from '../core/rules.ts'
import type { Millis, Tokens } from '../core/units.ts'
import { Bucket } from './bucket.ts'
import { limited, usableOf } from './capacity.ts'
import { levelOf } from './level.ts'
import { CLOCK_GRAIN_MS, type MeterSnapshot } from './meter.ts'
import { keepOf, longestWait } from './need.ts'
import {
  type BucketJournal,
  type BucketKey,
  type BucketLevel,
  type BucketStore,
  type Grant,
  type Manner,
  type Outcome,
  spend,
  type Take,
  type Taken,
} from './store.ts'
import { Window } from './window.ts'

/** Above this many buckets, those that are full again are forgotten: keys come from bots and must not fill the memory. */
const SWEEP_ABOVE = 10_000

/** A stalled exchange may yet take in what was sent to it before weir died. */
const STRAGGLERS_ARRIVE_WITHIN_MS: Millis = 10_000

interface Entry {
  meter: Bucket | Window
  configured: BucketRule
  /** What holds: the configured rule, or less where the exchange says so. */
  rule: BucketRule
  /** The limit as the exchange told it. */
  told: Tokens
  readonly since: Millis
}

interface Remembered {
  readonly snapshot: MeterSnapshot
  readonly elapsedMs: Millis
}

/** Keeps every bucket of this process. */
export class MemoryStore implements BucketStore {
  readonly #clock: Clock
  readonly #journal: BucketJournal | undefined
  readonly #coldStart: () => number
  readonly #entries = new Map<BucketKey, Entry>()
  readonly #remembered = new Map<BucketKey, Remembered>()
  readonly #freed: (() => void)[] = []
  readonly #loadedAt: Millis
  /** As of then, nothing is left that was not saved later. */
  readonly #emptiedAgoMs: Millis | undefined

  /** @param coldStart how full a bucket is that nobody has seen before (0 to 1) */
  constructor(clock: Clock, coldStart: () => number, journal?: BucketJournal) {
    this.#clock = clock
    this.#coldStart = coldStart
    this.#journal = journal
    this.#loadedAt = clock.now()
    this.#emptiedAgoMs = journal?.emptiedAgoMs?.()
    for (const { key, snapshot, elapsedMs } of journal?.load() ?? []) {
      this.#remembered.set(key, { snapshot, elapsedMs })
    }
  }

  take(takes: readonly Take[], { held }: Manner = HELD): Taken {
    if (held) {
      const { waitMs, by } = this.quote(takes)
      if (by !== undefined && waitMs > 0) return { granted: false, waitMs, by }
    }
    return this.charge(takes)
  }

  charge(takes: readonly Take[]): Grant {
    for (const take of takes) {
      this.#meter(take).reserve(take.cost)
      if (take.cost > 0) this.#save(take.key, true)
    }
    return GRANTED
  }

  settle(takes: readonly Take[], outcome: Outcome): void {
    const now = this.#clock.now()
    for (const take of takes) {
      const meter = this.#meter(take)
      if (outcome === 'spent') meter.settle(take.cost, now)
      else meter.release(take.cost)
      if (take.cost > 0) this.#save(take.key, false)
    }
    if (outcome !== 'spent') for (const listener of this.#freed) listener()
  }

  /** The lane's own order is all there is. */
  endTurn(): void {}

  drain(take: Take, pauseMs: Millis): void {
    const now = this.#clock.now()
    this.#meter(take).drain(now + pauseMs, now, take.cost)
    this.#save(take.key, true)
  }

  close(take: Take, pauseMs: Millis): void {
    this.#meter(take).close(this.#clock.now() + pauseMs)
    this.#save(take.key, true)
  }

  shrink(take: Take): void {
    this.#meter(take).shrink(this.#clock.now())
    this.#save(take.key, false)
  }

  adopt(take: Take, limit: Tokens): void {
    const entry = this.#entry(take)
    entry.told = limit
    this.#retune(entry, entry.configured)
  }

  move(from: Take, into: Take, closeMs: Millis): Tokens {
    const { meter, rule } = this.#entry(from)
    const { inFlight, closedUntil } = meter
    const now = this.#clock.now()
    spend(this, { ...into, cost: Math.max(0, usableOf(rule) - meter.available(now) - inFlight) })
    if (closedUntil > now) this.drain({ ...into, cost: 0 }, closedUntil - now)
    this.close(from, closeMs)
    return inFlight
  }

  quote(takes: readonly Take[]): ReturnType<BucketStore['quote']> {
    const now = this.#clock.now()
    return longestWait(takes, (take) => {
      const { meter, rule } = this.#entry(take)
      return meter.wait(take.cost + keepOf(take, rule), now)
    })
  }

  level(take: Take): BucketLevel {
    return this.#level(take.key, this.#entry(take))
  }

  levels(): readonly BucketLevel[] {
    return [...this.#entries].map(([key, entry]) => this.#level(key, entry))
  }

  onFreed(listener: () => void): void {
    this.#freed.push(listener)
  }

  retune(rules: readonly BucketRule[]): void {
    const byId = new Map(rules.map((rule) => [rule.id, rule]))
    for (const entry of this.#entries.values()) {
      const rule = byId.get(entry.rule.id)
      if (rule !== undefined) this.#retune(entry, rule)
    }
    this.#recall(byId)
    for (const listener of this.#freed) listener()
  }

  /** What an earlier process left unfinished is there for people to see before a call asks for it. */
  #recall(rules: ReadonlyMap<string, BucketRule>): void {
    const now = this.#clock.now()
    for (const key of [...this.#remembered.keys()]) {
      const rule = rules.get(ruleIdOf(key))
      if (rule !== undefined && this.#create(key, rule).meter.idle(now)) this.#entries.delete(key)
    }
  }

  #level(key: BucketKey, { meter, rule, since }: Entry): BucketLevel {
    const now = this.#clock.now()
    return levelOf(key, rule, meter, now, now - since)
  }

  #meter(take: Take): Bucket | Window {
    return this.#entry(take).meter
  }

  #entry({ key, rule }: Take): Entry {
    return this.#entries.get(key) ?? this.#create(key, rule)
  }

  #create(key: BucketKey, rule: BucketRule): Entry {
    if (this.#entries.size >= SWEEP_ABOVE) this.#sweep()
    const now = this.#clock.now()
    const known = this.#remembered.get(key)
    this.#remembered.delete(key)
    // Two dates in whole milliseconds can make a pause look longer than it was.
    const elapsed = known === undefined ? 0 : Math.max(0, known.elapsedMs + now - this.#loadedAt - CLOCK_GRAIN_MS)
    const emptiedAgo = this.#emptiedAgoMs
    const isEmptied = emptiedAgo !== undefined && (known === undefined || known.elapsedMs > emptiedAgo)
    const meter = isEmptied
      ? emptied(rule, this.#loadedAt - emptiedAgo, known?.snapshot, (known?.elapsedMs ?? 0) - emptiedAgo)
      : createMeter(rule, now, this.#coldStart(), known?.snapshot, elapsed)
    const entry = {
      meter,
      configured: rule,
      rule,
      told: Number.POSITIVE_INFINITY,
      since: known === undefined ? now : Number.NEGATIVE_INFINITY,
    }
    this.#entries.set(key, entry)
    this.#awaitStragglers(meter, elapsed)
    return entry
  }

  /** Calls that a dead process left on the way may still arrive: their cost is held until they surely have, then spent. */
  #awaitStragglers(meter: Bucket | Window, elapsedMs: Millis): void {
    const cost = meter.inFlight
    if (cost === 0) return
    const leftMs = Math.max(0, STRAGGLERS_ARRIVE_WITHIN_MS - elapsedMs)
    this.#clock.after(leftMs, () => meter.settle(cost, this.#clock.now()))
  }

  /** What was spent stays spent. A bucket that became a window, or the reverse, starts with none left. */
  #retune(entry: Entry, configured: BucketRule): void {
    const now = this.#clock.now()
    const rule = limited(configured, entry.told)
    if (entry.meter instanceof Bucket && rule.kind === 'bucket') entry.meter.retune(rule, now)
    else if (entry.meter instanceof Window && rule.kind === 'window') entry.meter.retune(rule)
    else entry.meter = createMeter(rule, now, 0, undefined, 0)
    entry.configured = configured
    entry.rule = rule
  }

  #save(key: BucketKey, urgent: boolean): void {
    const meter = this.#entries.get(key)?.meter
    if (meter !== undefined) this.#journal?.save(key, () => meter.snapshot(this.#clock.now()), urgent)
  }

  #sweep(): void {
    const now = this.#clock.now()
    for (const [key, { meter }] of this.#entries) if (meter.idle(now)) this.#entries.delete(key)
  }
}

/** `{kraken}private:1f0c…` is one of `kraken.private`. */
const ruleIdOf = (key: BucketKey): string => key.replace(/^\{(.*)\}([^:]*).*$/, '$1.$2')

const HELD: Manner = { held: true }
const GRANTED: Grant = { granted: true }

/** One of which no more is known than that it holds at least nothing. `elapsed`: from the snapshot until then. */
const emptied = (
  rule: BucketRule,
  at: Millis,
  snapshot: MeterSnapshot | undefined,
  elapsed: Millis,
): Bucket | Window => {
  const meter = createMeter(rule, at, 0, snapshot, elapsed)
  // A window that can be full of what was never written is free once it has passed.
  if (rule.kind === 'window') meter.close(at + rule.everyMs)
  else meter.drain(at, at)
  return meter
}

const createMeter = (
  rule: BucketRule,
  now: Millis,
  share: number,
  snapshot: MeterSnapshot | undefined,
  elapsed: Millis,
): Bucket | Window => {
  if (rule.kind === 'bucket') {
    return snapshot === undefined ? new Bucket(rule, now, share) : Bucket.restore(rule, snapshot, elapsed, now)
  }
  return snapshot === undefined ? new Window(rule, now, share) : Window.restore(rule, snapshot, elapsed, now)
}
