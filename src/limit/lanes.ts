// All lanes of this process: made on demand, forgotten when they remember nothing that matters.

import type { Clock, Timer } from '../core/clock.ts'
import { WeirError } from '../core/errors.ts'
import type { Observer } from '../core/events.ts'
import type { EndpointClass } from '../core/rules.ts'
import type { Bytes, Millis } from '../core/units.ts'
import type { MixedNonces, QueueView } from '../core/views.ts'
import { Backlog } from './backlog.ts'
import { Lane } from './lane.ts'
import { type Mark, NonceOrder, type NonceRules } from './nonce-order.ts'
import { FairOrder } from './order.ts'
import { Spread } from './spread.ts'
import type { BucketStore } from './store.ts'
import type { Waiter } from './ticket.ts'

/** Above this many lanes, idle ones are swept: their names come from bots' keys. */
const SWEEP_ABOVE = 4096
/** How long calls of a key go one by one once a nonce was refused. */
const TIGHT_FOR_MS: Millis = 5 * 60_000
/** Pairs of bots told of per lane; who has more knows by then. */
const MIXED_KEPT = 8

interface Entry {
  readonly lane: Lane
  /** The class that opened the lane, renewed with the rules: its name and bounds stand for it in views. */
  rule: EndpointClass
  readonly mixed: MixedNonces[]
  /** Whatever `order` the rules ask for, it is strict until this fires. */
  tight: Timer | undefined
}

/** Where the highest nonces survive a restart, and what calls the last process left on the way. */
export interface LanesJournal {
  /** By the key of the lane. */
  load(): Iterable<readonly [lane: string, mark: Mark]>
  save(lane: string, mark: Mark): void
  /** By exchange and credential or account: how long after the start calls may yet arrive. */
  readonly stragglers: ReadonlyMap<string, Millis>
}

export interface LanesOptions {
  readonly store: BucketStore
  readonly clock: Clock
  readonly maxQueueBytes: () => Bytes
  readonly tell: Observer
  readonly journal?: LanesJournal
}

/** Finds the lane of a call. */
export class Lanes {
  readonly #entries = new Map<string, Entry>()
  readonly #store: BucketStore
  readonly #clock: Clock
  readonly #backlog: Backlog
  readonly #tell: Observer
  readonly #journal: LanesJournal | undefined
  readonly #marks: Map<string, Mark>
  readonly #startedAt: Millis
  /** By exchange: its keys share the way there. */
  readonly #spreads = new Map<string, Spread>()
  #stopping = false

  constructor({ store, clock, maxQueueBytes, tell, journal }: LanesOptions) {
    this.#store = store
    this.#clock = clock
    this.#backlog = new Backlog(maxQueueBytes, tell)
    this.#tell = tell
    this.#journal = journal
    this.#marks = new Map(journal?.load())
    this.#startedAt = clock.now()
    store.onFreed(() => {
      for (const { lane } of this.#entries.values()) lane.pump()
    })
  }

  /**
   * The lane of that key; `rule` says what discipline a new one has.
   * @param account whose calls a dead process may have left on the way, besides those of the key
   * @throws WeirError `shutting_down` after `stop`, where the lane may hold the call
   */
  lane(key: string, rule: EndpointClass, account?: string): Lane {
    if (this.#stopping && rule.enforce === 'on') throw new WeirError('shutting_down')
    const known = this.#entries.get(key)
    if (known === undefined) return this.#open(key, rule, account).lane
    if (known.rule.exchange !== rule.exchange) known.rule = rule
    return known.lane
  }

  /**
   * The exchange has refused a nonce of that lane: too many of these, and it locks the key out. This holds for this process
   * only: over Redis weirs take turns where the rules themselves say `strict`.
   */
  tighten(key: string): void {
    const entry = this.#entries.get(key)
    if (entry === undefined || entry.rule.exchange.nonceOrder === 'strict') return
    const exchange = entry.rule.exchange.name
    if (entry.tight === undefined)
      this.#tell({ type: 'nonces.tightened', exchange, credential: nameOf(key), forMs: TIGHT_FOR_MS })
    entry.tight?.cancel()
    entry.tight = this.#clock.after(TIGHT_FOR_MS, () => {
      entry.tight = undefined
      entry.lane.pump()
    })
    entry.lane.reorder()
  }

  /** Refuses all waiting calls that `chosen` picks, in every lane. */
  evict(chosen: (waiter: Waiter) => boolean, reason: (waiter: Waiter) => Error): void {
    for (const { lane } of this.#entries.values()) lane.evict(chosen, reason)
  }

  /** Nobody waits any more: calls that do are refused, and so is whoever comes. Again for those that were about to. */
  stop(): void {
    this.#stopping = true
    this.evict(
      () => true,
      () => new WeirError('shutting_down'),
    )
  }

  /** Lanes in which somebody waits or is on the way, or whose nonces do not go together. */
  view(): readonly QueueView[] {
    const now = this.#clock.now()
    const worthIt = [...this.#entries].filter(
      ([, { lane, mixed }]) => lane.waiting.length + lane.inFlight + mixed.length > 0,
    )
    return worthIt.map(([key, { lane, rule, mixed }]) => ({
      exchange: rule.exchange.name,
      class: rule.id,
      lane: rule.lane === 'nonce' ? nameOf(key) : 'fair',
      waiting: lane.waiting.length,
      inFlight: lane.inFlight,
      capacity: rule.maxQueue,
      bytes: lane.waiting.reduce((sum, { bytes }) => sum + bytes, 0),
      oldestWaitMs: lane.waiting.reduce((oldest, { since }) => Math.max(oldest, now - since), 0),
      nextWaitMs: finite(lane.nextWaitMs),
      mixedNonces: mixed,
    }))
  }

  #open(key: string, rule: EndpointClass, account: string | undefined): Entry {
    if (this.#entries.size >= SWEEP_ABOVE) this.#sweep()
    const order = rule.lane === 'nonce' ? this.#nonceOrder(key, rule, account, () => entry) : new FairOrder()
    const lane = new Lane({ name: rule.id, order, store: this.#store, clock: this.#clock, backlog: this.#backlog })
    const entry: Entry = { lane, rule, mixed: [], tight: undefined }
    this.#entries.set(key, entry)
    return entry
  }

  #nonceOrder(key: string, rule: EndpointClass, account: string | undefined, entry: () => Entry): NonceOrder {
    const exchange = rule.exchange.name
    const stragglers = this.#journal?.stragglers
    const leftMs = Math.max(stragglers?.get(key) ?? 0, stragglers?.get(`${exchange} ${account}`) ?? 0)
    const mark = this.#marks.get(key)
    this.#marks.delete(key)
    return new NonceOrder({
      rules: () => this.#rulesOf(entry()),
      spread: this.#spreadOf(exchange),
      mark,
      quietUntil: leftMs > 0 ? this.#startedAt + leftMs : Number.NEGATIVE_INFINITY,
      raised: (raised) => this.#journal?.save(key, raised),
      mixed: (larger, smaller) => this.#noteMixed(key, entry(), { larger, smaller }),
    })
  }

  #rulesOf({ rule: { exchange }, tight }: Entry): NonceRules {
    if (tight === undefined) return exchange
    return { nonceOrder: 'strict', nonceWindow: exchange.nonceWindow }
  }

  #spreadOf(exchange: string): Spread {
    const known = this.#spreads.get(exchange) ?? new Spread()
    this.#spreads.set(exchange, known)
    return known
  }

  #noteMixed(key: string, { rule, mixed }: Entry, found: MixedNonces): void {
    if (mixed.length >= MIXED_KEPT) return
    if (mixed.some(({ larger, smaller }) => larger.bot === found.larger.bot && smaller.bot === found.smaller.bot))
      return
    mixed.push(found)
    this.#tell({ type: 'nonces.mixed', exchange: rule.exchange.name, credential: nameOf(key), ...found })
  }

  #sweep(): void {
    for (const [key, { lane }] of this.#entries) if (lane.idle) this.#entries.delete(key)
  }
}

/** What no waiting would bring is told as nothing: JSON has no infinity. */
const finite = (ms: Millis): Millis => (Number.isFinite(ms) ? ms : 0)

/** `kraken 1f0c…` is the lane of key `1f0c…`. */
const nameOf = (key: string): string => key.slice(key.indexOf(' ') + 1)
