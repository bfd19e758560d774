// A line of calls that wait for budget. Only the head asks the store, one timer serves the whole line, and a call that
// can not make its deadline is refused the moment that is known, with the time to come back. In shadow nobody waits.

import type { Clock, Timer } from '../core/clock.ts'
import { BotLeft } from '../core/departure.ts'
import { WeirError } from '../core/errors.ts'
import type { Shadow } from '../core/shadow.ts'
import type { Millis } from '../core/units.ts'
import type { Backlog } from './backlog.ts'
import { foretold, isInTheWay, type Line, passingMs, shadowOf } from './forecast.ts'
import type { LaneOrder } from './order.ts'
import type { BucketStore, Grant, Outcome, Take } from './store.ts'
import { expired, type Pass, type Ticket, tooLate, type Waiter } from './ticket.ts'
import { settleBoth } from './uncancelled.ts'

export interface LaneOptions {
  readonly name: string
  readonly order: LaneOrder
  readonly store: BucketStore
  readonly clock: Clock
  readonly backlog: Backlog
}

/** Time that asking the store may take is no wait: of calls that come together and may not wait, only one would be served. */
const ASKING_MS: Millis = 5

/** Calls that share a line. */
export class Lane {
  readonly name: string
  readonly #order: LaneOrder
  readonly #store: BucketStore
  readonly #clock: Clock
  readonly #backlog: Backlog
  readonly #waiting: Waiter[] = []
  #inFlight = 0
  #timer: Timer | undefined
  /** The store is being asked; whoever comes meanwhile stands in line. */
  #busy = false
  /** Something has changed since the head was last looked at. */
  #stirred = false
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

  /** Wait foretold to one more call like the last in line; 0 when nobody waits. */
  get nextWaitMs(): Millis {
    const last = this.#waiting.at(-1)
    return last === undefined ? 0 : foretold(last, this.#line(this.#waiting.length))
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
    const hopeless = this.#order.check(ticket) ?? expired(ticket)
    if (hopeless !== undefined) throw hopeless
    const mustRest = this.#order.restMs(ticket, this.#clock.now()) > 0
    if (this.#waiting.length > 0 || this.#busy || mustRest) return this.#queue(ticket, maxQueue)
    this.#busy = true
    try {
      const { held, turn, maxWaitMs } = ticket
      const asked = this.#store.take(ticket.takes, { held, turn, withinMs: maxWaitMs })
      const taken = asked instanceof Promise ? await asked : asked
      if (taken.granted) return this.#pass(ticket, undefined, taken)
    } finally {
      this.#busy = false
      this.pump()
    }
    return this.#queue(ticket, maxQueue)
  }

  /** Lets a call go at once, charged, whatever stands against it; and says what would have become of it. */
  wave(ticket: Ticket): { readonly pass: Pass; readonly shadow: Shadow } {
    if (ticket.presence.left) throw new BotLeft()
    const hopeless = this.#order.check(ticket) ?? expired(ticket)
    const shadow = shadowOf(ticket, hopeless, this.#line(this.#waiting.length))
    return { pass: this.#pass(ticket, undefined, this.#store.charge(ticket.takes)), shadow }
  }

  /** Refuses all waiting calls that `chosen` picks; calls in flight are not touched. */
  evict(chosen: (waiter: Waiter) => boolean, reason: (waiter: Waiter) => Error): void {
    const leaving = this.#waiting.filter(chosen)
    for (const waiter of leaving) this.#turnAway(waiter, reason(waiter))
    if (leaving.length > 0) this.pump()
  }

  /** Puts those who wait where the order would put them now: its rules have changed. */
  reorder(): void {
    const waiting = this.#waiting.splice(0)
    for (const one of waiting) this.#waiting.splice(this.#order.place(this.#waiting, one, one.tag), 0, one)
    this.pump()
  }

  /** Lets go whoever may go. Called when time has passed, budget came back, or a call ended. */
  pump(): void {
    this.#stirred = true
    if (this.#busy || this.#waiting.length === 0) return
    this.#busy = true
    this.#timer?.cancel()
    void this.#advance()
  }

  #queue(ticket: Ticket, maxQueue: number): Promise<Pass> {
    const since = this.#clock.now()
    const tag = this.#order.tag(ticket)
    const place = this.#order.place(this.#waiting, ticket, tag)
    const predicted = foretold(ticket, this.#line(place))
    if (predicted > ticket.maxWaitMs) throw this.#tooLate(ticket, predicted)
    this.#backlog.admit(this, ticket.bytes, maxQueue, predicted)
    this.#order.joined(ticket, tag)
    const { promise, resolve, reject } = Promise.withResolvers<Pass>()
    const stopListening = ticket.presence.onLeave(() => this.#leave(waiter))
    const waiter: Waiter = {
      ...ticket,
      since,
      deadline: since + Math.max(ticket.maxWaitMs, ASKING_MS),
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

  /** Serves heads until one must wait: for a time, or for a call in flight to end. */
  async #advance(): Promise<void> {
    let headMs: Millis
    do {
      this.#stirred = false
      headMs = 0
      for (let head = this.#next(); head !== undefined && headMs === 0; head = this.#next()) {
        headMs = await this.#serve(head)
      }
    } while (this.#stirred)
    this.#busy = false
    this.#sleep(headMs)
  }

  /** Grants or refuses the head; returns how long it must still wait when neither could be done. */
  async #serve(head: Waiter): Promise<Millis> {
    const now = this.#clock.now()
    const restMs = this.#order.restMs(head, now)
    const hangs = restMs === Number.POSITIVE_INFINITY
    if (hangs && !this.#isInTheWay(head)) return passingMs(this.#order, this.#waiting, now)
    const hopeless = this.#order.check(head) ?? expired(head)
    if (hopeless !== undefined) return this.#turnAway(head, hopeless)
    if (hangs || now >= head.deadline) return this.#refuseLate(head, this.#store.quote(head.takes).waitMs)
    if (restMs > 0) return this.#holdBack(head, restMs)
    if (head.reprice !== undefined) head.takes = head.reprice()
    const { held, turn, deadline } = head
    const manner = { held, turn, more: this.#waiting.length > 1, withinMs: deadline - now }
    const taken = await this.#store.take(head.takes, manner)
    if (this.#next() !== head) {
      // It left, or one that goes before it arrived, while the store was asked: nothing of it was sent.
      if (taken.granted) this.#end(head, 'never_left', false, taken)
      return 0
    }
    if (!taken.granted) {
      return taken.stale === true
        ? this.#turnAway(head, new WeirError('nonce_too_low'))
        : this.#holdBack(head, taken.waitMs)
    }
    this.#remove(head)
    this.#backlog.leave(head.bytes)
    head.grant(this.#pass(head, head, taken))
    return 0
  }

  /** The head must wait so long; it is refused when that is too long, for itself or for those behind it. */
  #holdBack(head: Waiter, waitMs: Millis): Millis {
    const inTime = this.#clock.now() + waitMs <= head.deadline
    return inTime && !this.#isInTheWay(head) ? waitMs : this.#refuseLate(head, waitMs)
  }

  #isInTheWay(head: Waiter): boolean {
    return isInTheWay(head, this.#line(this.#waiting.length))
  }

  #next(): Waiter | undefined {
    return this.#order.next(this.#waiting)
  }

  #pass(ticket: Ticket, waiter: Waiter | undefined, grant: Grant): Pass {
    const grantedAt = this.#clock.now()
    this.#inFlight += 1
    this.#order.granted(ticket, waiter, this.#waiting, grantedAt)
    return {
      waitedMs: waiter === undefined ? 0 : grantedAt - waiter.since,
      takes: ticket.takes,
      close: (outcome, accepted, cameTo) => {
        this.#inFlight -= 1
        const tookMs = this.#clock.now() - grantedAt
        this.#serviceMs += (tookMs - this.#serviceMs) / 8
        this.#end(ticket, outcome, accepted, grant, cameTo)
        this.#order.closed(ticket, outcome, accepted, tookMs)
        this.pump()
      },
    }
  }

  #end({ takes, turn }: Ticket, outcome: Outcome, accepted: boolean, grant: Grant, cameTo?: readonly Take[]): void {
    settleBoth(this.#store, takes, outcome, grant, cameTo)
    if (turn !== undefined) this.#store.endTurn(turn, accepted && outcome !== 'never_left')
  }

  /** All that stands before a newcomer at this place. */
  #line(place: number): Line {
    return {
      order: this.#order,
      store: this.#store,
      ahead: this.#waiting.slice(0, place),
      inFlight: this.#inFlight,
      serviceMs: this.#serviceMs,
      now: this.#clock.now(),
    }
  }

  #leave(waiter: Waiter): void {
    if (!this.#remove(waiter)) return
    this.#dismiss(waiter, new BotLeft())
    this.pump()
  }

  #remove(waiter: Waiter): boolean {
    const at = this.#waiting.indexOf(waiter)
    if (at < 0) return false
    this.#waiting.splice(at, 1)
    return true
  }

  #refuseLate(waiter: Waiter, waitMs: Millis): 0 {
    return this.#turnAway(waiter, this.#tooLate(waiter, waitMs))
  }

  #turnAway(waiter: Waiter, reason: Error): 0 {
    this.#remove(waiter)
    this.#dismiss(waiter, reason)
    return 0
  }

  #dismiss(waiter: Waiter, reason: Error): void {
    this.#order.left(waiter)
    this.#backlog.leave(waiter.bytes)
    waiter.refuse(reason)
  }

  #tooLate(ticket: Ticket, waitMs: Millis): WeirError {
    return tooLate(ticket, waitMs, this.#store.quote(ticket.takes).by?.rule.id ?? `${this.name}, its turn`)
  }

  /** One timer: for the head's turn, or for the first deadline in line, whichever comes first. */
  #sleep(headMs: Millis): void {
    if (this.#waiting.length === 0) return
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
