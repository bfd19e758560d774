// One weir among several, for the counters of one exchange. One message is on its way at a time. When the store does not answer,
// the weir lives on its share of every limit, and brings back what is left. Why this never spends too much: script/books.lua.

import type { Clock } from '../../core/clock.ts'
import type { Millis } from '../../core/units.ts'
import type { Grant, Manner, Take, Taken, Turn } from '../store.ts'
import type { Counter } from './counter.ts'
import { Counters, UNUSED_MS } from './counters.ts'
import { type Asking, AWAY_WAIT_MS, Grants } from './grants.ts'
import { LATE_MS, Letters, OUT_MS, type Sender } from './letters.ts'
import { Pulse } from './pulse.ts'
import { Turns } from './turns.ts'
import { type Carrier, type Heard, listOf, type Message, type Reply, type Shout } from './wire.ts'

/** A weir is heard of at least this often. */
const HEARTBEAT_MS: Millis = 200
/** Answers are told to the store at once with the next call, else after this. */
const GATHER_MS: Millis = 100

export interface MemberOptions extends Sender {
  readonly exchange: string
  readonly carrier: Carrier
  readonly clock: Clock
  /** How long ago the process before last spent anything; undefined when there was none. */
  readonly idleMs: Millis | undefined
  /** What a weir does while the store is away. */
  readonly onFailure: () => 'share' | 'closed'
  /** Budget may have come back, or a key's turn be free. */
  readonly freed: () => void
  /** The store went away or came back. */
  readonly changed: (together: boolean) => void
}

/** Where a weir stands: `new` until it has been heard once, `alone` while the store is away. */
type Phase = 'new' | 'together' | 'alone'

/** The counters of one exchange, shared. */
export class Member {
  readonly #options: MemberOptions
  readonly #clock: Clock
  readonly #counters: Counters
  readonly #letters: Letters
  readonly #turns = new Turns()
  readonly #grants: Grants
  readonly #pulse: Pulse
  #queue: Asking[] = []
  #phase: Phase = 'new'
  #share = 0
  #members = 1
  /** The message that is on its way. */
  #sent: { readonly counters: readonly Counter[]; readonly returns: boolean; readonly at: Millis } | undefined
  #mustReturn = false
  #heardAt: Millis
  #stopped = false

  constructor(options: MemberOptions) {
    this.#options = options
    this.#clock = options.clock
    this.#heardAt = options.clock.now()
    this.#counters = new Counters(options.clock, (counter, now) => {
      if (this.#phase === 'alone') counter.alone(this.#share, this.#heardAt + OUT_MS, now, true)
    })
    this.#letters = new Letters(options)
    this.#pulse = new Pulse(options.clock, () => this.#speak())
    const { clock, idleMs } = options
    this.#grants = new Grants({ clock, counters: this.#counters, turns: this.#turns, stillMs: OUT_MS, idleMs })
  }

  get together(): boolean {
    return this.#phase === 'together'
  }

  get share(): number {
    return this.#share
  }

  get members(): number {
    return this.#members
  }

  counters(): Iterable<Counter> {
    return this.#counters
  }

  counter(take: Take): Counter {
    return this.#counters.of(take)
  }

  /** How long the take would wait. Without a share nothing ever fits, but a share may be here in a moment. */
  quote(take: Take): Millis {
    const waitMs = this.counter(take).wait(take, this.#clock.now())
    return waitMs === Number.POSITIVE_INFINITY ? AWAY_WAIT_MS : waitMs
  }

  take(first: Take, takes: readonly Take[], manner: Manner): Taken | Promise<Taken> {
    if (!manner.held && manner.turn === undefined) return this.charge(takes)
    // While a message is on its way that may end the time alone, nothing is spent of the share.
    if (this.#phase === 'alone' && this.#sent === undefined) return this.#takeAlone(first, takes, manner)
    // Where limits are split by bots, who asks again is known to wait still.
    const mayBeDenied = manner.held && this.#phase === 'together' && this.#options.bots() === undefined
    const denied = mayBeDenied ? this.#grants.denied(first, takes) : undefined
    if (denied !== undefined) return denied
    const { promise, resolve } = Promise.withResolvers<Taken>()
    this.#queue.push({ first, takes, manner, answer: resolve })
    this.#soon(0)
    return promise
  }

  charge(takes: readonly Take[]): Grant {
    const grant = this.#grants.give(takes, false)
    this.touch(takes)
    return grant
  }

  /** Something about these buckets is to be told, within that time. */
  touch(takes: readonly Take[], withinMs: Millis = GATHER_MS): void {
    this.#counters.touch(takes.map((take) => this.counter(take)))
    this.#soon(withinMs)
  }

  endTurn(turn: Turn, accepted: boolean): void {
    this.#turns.ended(turn, accepted)
    this.#soon(0)
  }

  hear({ freed, mixed, told, by }: Shout): void {
    if (freed === this.#options.me) this.#options.freed()
    if (by === undefined || by === this.#options.me) return
    this.#members = Math.max(2, this.#members)
    if (mixed !== undefined) this.#turns.mixed(mixed)
    if (told === undefined) return
    const toldOf = [...this.#counters].filter(({ name }) => name === told)
    for (const counter of toldOf) counter.forgetDenied()
    this.#counters.touch(toldOf)
    this.#soon(0)
  }

  /** Begins to be heard of. */
  start(): void {
    this.#soon(0)
  }

  /** Tells the store that this weir will not be back; what it held is charged, and its share is the others'. */
  async stop(): Promise<void> {
    this.#stopped = true
    // A message that came after the goodbye would be a stranger's.
    await this.#pulse.stop()
    const now = this.#clock.now()
    this.#yield(now)
    const words = this.#counters.toTell([], now).map((counter) => counter.word(true, now))
    const goodbye = { ...this.#message(words, [], false), bye: true }
    this.#share = 0
    await this.#options.carrier.ask(this.#options.exchange, JSON.stringify(goodbye))
  }

  #soon(delayMs: Millis): void {
    this.#pulse.soon(delayMs, this.#phase === 'alone' && !this.#mustReturn)
  }

  async #speak(): Promise<void> {
    const now = this.#clock.now()
    this.#yield(now)
    const returns = this.#mustReturn
    const asked = this.#phase === 'alone' ? [] : this.#queue.splice(0)
    const counters = this.#toTell(asked, returns, now)
    const words = counters.map((counter) =>
      returns ? counter.returning(now) : counter.word(now - counter.usedAt > UNUSED_MS, now),
    )
    const takes = asked.map((one) => this.#grants.word(one, counters))
    const message = this.#message(words, takes, returns)
    this.#sent = { counters, returns, at: now }
    let reply: Reply | undefined
    try {
      reply = JSON.parse(await this.#options.carrier.ask(this.#options.exchange, JSON.stringify(message))) as Reply
    } catch {
      reply = undefined
    }
    if (this.#stopped) return
    // An answer that old is none; see #handBack.
    if (this.#clock.now() - now > OUT_MS) reply = undefined
    if (reply !== undefined) this.#letters.dated(Number(reply.now), reply.state === 'late', now, this.#clock.now())
    let nextMs = HEARTBEAT_MS
    if (reply === undefined || reply.state === 'late') this.#unheard(asked)
    else if (reply.state === 'wait') nextMs = this.#hold(reply.wait, asked)
    else this.#heard(message, reply, asked)
    this.#sent = undefined
    this.#pulse.rest()
    if (this.#phase === 'alone') {
      for (const { first, takes: all, manner, answer } of [...asked, ...this.#queue.splice(0)])
        answer(this.#takeAlone(first, all, manner))
    }
    if (this.#counters.untold) nextMs = Math.min(nextMs, GATHER_MS)
    this.#soon(this.#queue.length > 0 || this.#mustReturn || this.#letters.jumped ? 0 : nextMs)
  }

  /** The store gives others time; nothing was done. */
  #hold(waitMs: Millis, asked: readonly Asking[]): Millis {
    for (const { first, answer } of asked) answer({ granted: false, waitMs: Math.ceil(waitMs), by: first })
    this.#counters.touch(this.#sent?.counters ?? [])
    return waitMs
  }

  /** All that there is goes into a return. */
  #toTell(asked: readonly Asking[], returns: boolean, now: Millis): readonly Counter[] {
    const counters = this.#counters.toTell(
      asked.flatMap(({ takes }) => takes),
      now,
    )
    return returns ? [...this.#counters] : counters
  }

  #message(buckets: Message['buckets'], takes: Message['takes'], returns: boolean): Message {
    return {
      ...this.#letters.next(this.#clock.now(), this.#share, this.#grants.idleMs),
      returns,
      buckets,
      takes,
      ends: this.#turns.ends((lane) => this.#phase === 'alone' && this.#isMine(lane)),
      keys: returns ? this.#turns.keys() : [],
    }
  }

  #heard(message: Message, reply: Heard, asked: readonly Asking[]): void {
    const now = this.#clock.now()
    this.#pulse.answered()
    this.#letters.heard(message, reply)
    this.#members = reply.members
    if (reply.state !== 'in') {
      // Taken to be out: what was sent is not in its books.
      if (this.#phase !== 'alone') this.#goAlone(now, false)
      this.#share = reply.share
      this.#mustReturn = true
      return
    }
    this.#heardAt = now
    this.#share = reply.share
    this.#turns.told(message.ends)
    const told = listOf(reply.buckets)
    for (const [index, counter] of (this.#sent?.counters ?? []).entries()) {
      const word = message.buckets[index]
      if (word !== undefined) counter.confirm(word, told[index], now)
    }
    if (this.#phase !== 'together') {
      for (const counter of this.#counters) counter.together(message.returns)
      this.#counters.touch(this.#counters)
      this.#mustReturn = false
      this.#phase = 'together'
      this.#options.changed(true)
      this.#options.freed()
    }
    for (const [index, one] of listOf(reply.takes).entries()) {
      const waiting = asked[index]
      if (waiting !== undefined) this.#grants.fromStore(waiting, one, () => this.#soon(0))
    }
  }

  /** No answer: the message may have been heard, or not. */
  #unheard(asked: readonly Asking[]): void {
    for (const { manner } of asked) if (manner.turn !== undefined) this.#turns.unheard(manner.turn)
    const now = this.#clock.now()
    this.#letters.unheard()
    this.#pulse.unanswered()
    this.#counters.touch(this.#sent?.counters ?? [])
    if (this.#sent?.returns === true) {
      // It may have come back after all, and then its share is in the store's hands again until it is out once more.
      this.#mustReturn = false
      this.#heardAt = this.#sent.at + LATE_MS
      for (const counter of this.#counters) counter.alone(this.#share, this.#heardAt + OUT_MS, now, true)
    } else if (this.#phase !== 'alone') this.#goAlone(now, this.#phase === 'new')
    this.#yield(now)
  }

  #goAlone(now: Millis, empty: boolean): void {
    this.#phase = 'alone'
    for (const counter of this.#counters) counter.alone(this.#share, this.#heardAt + OUT_MS, now, empty)
    this.#options.changed(false)
  }

  /** So long after it was heard, the others may use the share of a weir that was cut off or stood still: it begins anew. */
  #yield(now: Millis): void {
    if (this.#share === 0 || now - this.#heardAt < this.#options.yieldMs() - 2 * OUT_MS) return
    this.#share = 0
    this.#letters.anew()
    for (const counter of this.#counters) counter.yield(now)
  }

  /** Nobody else uses the key, as far as is known. */
  #isMine(lane: string): boolean {
    return this.#members === 1 || this.#turns.isMine(lane)
  }

  #takeAlone(first: Take, takes: readonly Take[], manner: Manner): Taken {
    this.#yield(this.#clock.now())
    const { turn } = manner
    const mayGo = turn === undefined || this.#isMine(turn.lane)
    if (this.#options.onFailure() === 'closed' || this.#share === 0 || !mayGo)
      return { granted: false, waitMs: AWAY_WAIT_MS, by: first }
    return this.#grants.fromShare(first, takes, manner)
  }
}
