// A line of calls that wait for budget. Only the head asks the store, one timer serves the whole line, and a call that
// can not make its deadline is refused the moment that is known, with the time to come back.

import type { Clock, Timer } from '../core/clock.ts'
import { BotLeft } from '../core/departure.ts'
import { WeirError } from '../core/errors.ts'
import type { Millis } from '../core/units.ts'
import type { Backlog } from './backlog.ts'
import type { LaneOrder } from './order.ts'
import type { BucketStore, Taken } from './store.ts'
import type { Pass, Ticket, Waiter } from './ticket.ts'

export interface LaneOptions {
  readonly name: string
  readonly order: LaneOrder
  readonly store: BucketStore
  readonly clock: Clock
  readonly backlog: Backlog
}

/** Calls that share a line. */
export class Lane {
  readonly name: string
  readonly #order: LaneOrder
  readonly #store: BucketStore
  readonly #clock: Clock
  readonly #backlog: Backlog
  #waiting: Waiter[] = []
  #inFlight = 0
  #timer: Timer | undefined
  /** The store is being asked; whoever comes meanwhile stands in line. */
  #busy = false
  /** Mean time a call holds the lane, where only one may. */
  #serviceMs = 0

  constructor({ name, order, store, clock, backlog }: LaneOptions) {
    this.name = name
    this.#order = order
    this.#store = store
    this.#clock = clock
    this.#backlog = backlog
  }

  get waiting(): readonly Waiter[] {
    return this.#waiting
  }

  get inFlight(): number {
    return this.#inFlight
  }

  /** True when the lane remembers nothing that matters. */
  get idle(): boolean {
    return this.#waiting.length === 0 && this.#inFlight === 0 && this.#order.forgettable
  }

  /**
   * Waits for leave to go.
   * @throws WeirError `limit_reached`, `deadline_too_short`, `queue_full`, `nonce_too_low`, or what `evict` was given
   * @throws BotLeft when the bot hung up; nothing was spent
   */
  async enter(ticket: Ticket, maxQueue: number): Promise<Pass> {
    if (ticket.presence.left) throw new BotLeft()
    this.#order.check(ticket.nonce)
    if (this.#waiting.length > 0 || this.#busy || !this.#hasRoom()) return this.#queue(ticket, maxQueue)
    this.#busy = true
    try {
      const taken = await this.#take(ticket)
      if (taken.granted) return this.#pass(ticket, undefined, 0)
    } finally {
      this.#busy = false
      this.pump()
    }
    return this.#queue(ticket, maxQueue)
  }

  /** Refuses all waiting calls that `chosen` picks; calls in flight are not touched. */
  evict(chosen: (waiter: Waiter) => boolean, reason: (waiter: Waiter) => Error): void {
    const leaving = this.#waiting.filter(chosen)
    if (leaving.length === 0) return
    this.#waiting = this.#waiting.filter((waiter) => !chosen(waiter))
    for (const waiter of leaving) this.#dismiss(waiter, reason(waiter))
    this.pump()
  }

  /** Lets go whoever may go. Called when time has passed, budget came back, or a call ended. */
  pump(): void {
    if (this.#busy || this.#waiting.length === 0) return
    this.#busy = true
    this.#timer?.cancel()
    this.#timer = undefined
    void this.#advance()
  }

  #queue(ticket: Ticket, maxQueue: number): Promise<Pass> {
    const since = this.#clock.now()
    const tag = this.#order.tag(ticket)
    const place = this.#order.place(this.#waiting, ticket, tag)
    const predicted = this.#predict(ticket, place)
    if (predicted > ticket.maxWaitMs) throw this.#tooLate(ticket, predicted)
    this.#backlog.admit(this, ticket.bytes, maxQueue, predicted)
    const { promise, resolve, reject } = Promise.withResolvers<Pass>()
    const stopListening = ticket.presence.onLeave(() => this.#leave(waiter))
    const waiter: Waiter = {
      ...ticket,
      since,
      deadline: since + ticket.maxWaitMs,
      tag,
      grant: (pass) => {
        stopListening()
        resolve(pass)
      },
      refuse: (reason) => {
        stopListening()
        reject(reason)
      },
    }
    this.#waiting.splice(place, 0, waiter)
    this.pump()
    return promise
  }

  /** Serves heads until one must wait, or until only a call in flight can help. */
  async #advance(): Promise<void> {
    let headMs: Millis = Number.POSITIVE_INFINITY
    for (let head = this.#waiting[0]; head !== undefined && this.#hasRoom(); head = this.#waiting[0]) {
      headMs = await this.#serve(head)
      if (headMs > 0) break
    }
    this.#busy = false
    this.#sleep(this.#hasRoom() ? headMs : Number.POSITIVE_INFINITY)
  }

  /** Grants or refuses the head; returns how long it must still wait when neither could be done. */
  async #serve(head: Waiter): Promise<Millis> {
    const stale = this.#order.staleness(head.nonce)
    if (stale !== undefined) {
      this.#remove(head)
      this.#dismiss(head, stale)
      return 0
    }
    if (this.#clock.now() >= head.deadline) {
      this.#refuseLate(head, this.#store.quote(head.takes).waitMs)
      return 0
    }
    const taken = await this.#take(head)
    if (this.#waiting[0] !== head) {
      // It left, or a nonce that goes before it arrived, while the store was asked: nothing of it was sent.
      if (taken.granted) this.#store.settle(head.takes, 'never_left')
      return 0
    }
    if (taken.granted) {
      this.#remove(head)
      this.#backlog.leave(head.bytes)
      head.grant(this.#pass(head, head.tag, this.#clock.now() - head.since))
      return 0
    }
    const inTime = this.#clock.now() + taken.waitMs <= head.deadline
    if (inTime && !this.#isInTheWay(head)) return taken.waitMs
    this.#refuseLate(head, taken.waitMs)
    return 0
  }

  #take({ takes, held }: Ticket): Taken | Promise<Taken> {
    if (held) return this.#store.take(takes)
    this.#store.charge(takes)
    return { granted: true }
  }

  #pass(ticket: Ticket, tag: number | undefined, waitedMs: Millis): Pass {
    const grantedAt = this.#clock.now()
    this.#inFlight += 1
    this.#order.granted(tag)
    return {
      waitedMs,
      close: (outcome, accepted) => {
        this.#inFlight -= 1
        const tookMs = this.#clock.now() - grantedAt
        this.#serviceMs += (tookMs - this.#serviceMs) / 8
        this.#store.settle(ticket.takes, outcome)
        this.#order.closed(ticket.nonce, outcome, accepted)
        this.pump()
      },
    }
  }

  /** Wait foretold for a ticket at this place: all that stand before it go first. */
  #predict(ticket: Ticket, place: number): Millis {
    const turnsMs = Number.isFinite(this.#order.maxInFlight) ? (place + this.#inFlight) * this.#serviceMs : 0
    if (!ticket.held) return turnsMs
    const owed = new Map(ticket.takes.map((take) => [take.key, { ...take }]))
    for (const ahead of this.#waiting.slice(0, place)) {
      for (const { key, cost } of ahead.takes) {
        const take = owed.get(key)
        if (take !== undefined) take.cost += cost
      }
    }
    return Math.max(turnsMs, this.#store.quote([...owed.values()]).waitMs)
  }

  /**
   * In nonce order nobody overtakes: an order would wait behind a read that waits for its own, other budget. What is more
   * urgent and could go now has such a head refused, whose nonce would be worthless afterwards. Cancels always can.
   */
  #isInTheWay(head: Waiter): boolean {
    return this.#waiting.some(
      ({ held, rank, takes }) => !held || (rank < head.rank && this.#store.quote(takes).waitMs === 0),
    )
  }

  #hasRoom(): boolean {
    return this.#inFlight < this.#order.maxInFlight
  }

  #leave(waiter: Waiter): void {
    if (!this.#remove(waiter)) return
    this.#backlog.leave(waiter.bytes)
    waiter.refuse(new BotLeft())
    this.pump()
  }

  #remove(waiter: Waiter): boolean {
    const at = this.#waiting.indexOf(waiter)
    if (at < 0) return false
    this.#waiting.splice(at, 1)
    return true
  }

  #refuseLate(waiter: Waiter, waitMs: Millis): void {
    this.#remove(waiter)
    this.#dismiss(waiter, this.#tooLate(waiter, waitMs))
  }

  #dismiss(waiter: Waiter, reason: Error): void {
    this.#backlog.leave(waiter.bytes)
    waiter.refuse(reason)
  }

  #tooLate(ticket: Ticket, waitMs: Millis): WeirError {
    const by = this.#store.quote(ticket.takes).by?.rule.id ?? this.name
    const wait = `${by}: the wait would be ${Math.ceil(waitMs)} ms`
    const message =
      waitMs > ticket.maxWaitMs
        ? `${wait}, more than the ${Math.floor(ticket.maxWaitMs)} ms allowed`
        : `${wait}, and the time is up, or something more urgent stands behind it`
    return new WeirError(ticket.tooLate, { message, retryAfterMs: waitMs })
  }

  /** One timer: for the head's turn, or for the first deadline in line, whichever comes first. */
  #sleep(headMs: Millis): void {
    const now = this.#clock.now()
    let wakeMs = headMs
    for (const { deadline } of this.#waiting) wakeMs = Math.min(wakeMs, deadline - now)
    if (!Number.isFinite(wakeMs)) return
    this.#timer = this.#clock.after(wakeMs, () => {
      this.#refuseOverdue()
      this.pump()
    })
  }

  #refuseOverdue(): void {
    const now = this.#clock.now()
    for (const waiter of this.#waiting.filter(({ deadline }) => deadline <= now)) {
      this.#refuseLate(waiter, this.#store.quote(waiter.takes).waitMs)
    }
  }
}
