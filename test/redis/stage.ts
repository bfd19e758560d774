// Several weirs in virtual time around the real script in a real Redis: its TIME is ours, and messages, replies, processes and
// the server itself can be held up, lost, killed, put back or forgotten at any moment. The exchange is the judge.

import { setImmediate as nextTurn } from 'node:timers/promises'
import type { Redis } from 'ioredis'
import type { Clock, Timer } from '../../src/core/clock.ts'
import { Presence } from '../../src/core/presence.ts'
import type { BucketRule } from '../../src/core/rules.ts'
import type { Millis, Tokens } from '../../src/core/units.ts'
import { Backlog } from '../../src/limit/backlog.ts'
import { Lane } from '../../src/limit/lane.ts'
import { NonceOrder } from '../../src/limit/nonce-order.ts'
import { FairOrder } from '../../src/limit/order.ts'
import { SCRIPT } from '../../src/limit/shared/carrier.ts'
import { SharedStore } from '../../src/limit/shared/store.ts'
import { Spread } from '../../src/limit/spread.ts'
import type { Take } from '../../src/limit/store.ts'
import type { Ticket } from '../../src/limit/ticket.ts'
import { FakeClock } from '../support/fake-clock.ts'

/** The script as it is, but for whose time it is, and that what it shouts is heard when we say so. */
const STAGED = SCRIPT.replace("redis.call('TIME')", '{ ARGV[2], ARGV[3] }').replaceAll(
  "redis.call('PUBLISH', prefix .. 'calls'",
  "redis.call('RPUSH', prefix .. 'shouts'",
)
const TIMEOUT_MS: Millis = 50
/** Date of the server when time begins. */
const SERVER_EPOCH_MS = 1_800_000_000_000

export interface StageOptions {
  /** Waits as long as it takes: only virtual time counts. */
  readonly redis: Redis
  readonly rule: BucketRule
  /** A number from [0, 1). */
  readonly chance: () => number
  readonly yieldMs?: Millis
  /** All calls are of one key, and carry nonces. */
  readonly nonces?: boolean
  /** Weirs split the limit by their bots; in equal parts unless said. */
  readonly weighted?: boolean
}

let stages = 0

/** The world: an exchange, a server, weirs and their bots. */
export class Stage {
  readonly clock = new FakeClock(1000)
  readonly exchange: Venue
  readonly options: StageOptions
  readonly name: string
  readonly rule: BucketRule
  readonly weirs: Weir[] = []
  /** Messages that the real server has before it. */
  readonly #pending = new Set<Promise<unknown>>()
  /** What it said, to be heard in the order of virtual time, however long it took over it. */
  readonly #said: (() => void)[] = []
  /** Messages that a frozen server has not read. */
  readonly #unread: (() => void)[] = []
  readonly #ears: { readonly of: Weir; readonly hear: (shout: string) => void }[] = []
  #server: 'up' | 'frozen' | 'down' = 'up'
  #ahead: Millis = 0
  #snapshot: [string, string][] = []
  #nonce = 0n
  /** Messages that ask for calls to go. */
  asking = 0
  /** Moments at which the shares on which weirs would live added up to more than the limit. */
  readonly overshared: string[] = []

  constructor(options: StageOptions) {
    this.options = options
    this.name = `stage${process.pid}x${stages++}`
    this.rule = { ...options.rule, exchange: this.name }
    this.exchange = new Venue(this.rule, () => this.clock.now())
  }

  get take(): Take {
    return { key: `{${this.name}}${this.rule.name}`, rule: this.rule, cost: 1 }
  }

  nextNonce(): bigint {
    this.#nonce += 1n
    return BigInt(Math.floor(this.clock.now() * 1000)) * 1000n + this.#nonce
  }

  /** Starts a weir; with `replaces`, where that one ran. */
  weir(bots: number, replaces?: Weir): Weir {
    const weir = new Weir(this, this.weirs.length, bots, replaces)
    this.weirs.push(weir)
    return weir
  }

  /** Lets time pass, and everything that happens in it. */
  async pass(ms: Millis): Promise<void> {
    const end = this.clock.now() + ms
    while (this.clock.now() < end) {
      await this.clock.pass(Math.min(1, end - this.clock.now()))
      while (this.#pending.size > 0) {
        await Promise.all(this.#pending)
        await nextTurn()
      }
      for (const begin of this.#said.splice(0)) begin()
      this.#addUp()
    }
  }

  /** One that sleeps may dream of a share that others have by now: it looks at the clock before it spends. */
  #addUp(): void {
    const shares = this.weirs.map(({ alive, asleep, standing }) => (alive && !asleep ? (standing?.share ?? 0) : 0))
    const sum = shares.reduce((total, share) => total + share, 0)
    if (sum > 1 + 1e-9) this.overshared.push(`${this.clock.now().toFixed(0)} ms: ${shares.join(' + ')}`)
  }

  ask(of: Weir, message: string): Promise<string> {
    const { promise, resolve, reject } = Promise.withResolvers<string>()
    const fate = of.fate()
    of.asked += 1
    if (/"takes":\[\{/.test(message)) this.asking += 1
    this.clock.after(fate.up, () => {
      if (this.#server === 'down' || fate.lost === 'message') return
      const read = (): void => {
        const hearsAt = this.clock.now() + fate.down
        const answer = this.#run(message)
        this.#track(
          answer.then((reply) => {
            if (fate.lost !== 'reply') this.#hearAt(hearsAt, () => of.here(() => resolve(reply)))
          }, reject),
        )
      }
      if (this.#server === 'frozen') this.#unread.push(read)
      else read()
    })
    of.clock.after(TIMEOUT_MS, () => reject(new Error('no answer')))
    return promise
  }

  onShout(of: Weir, hear: (shout: string) => void): void {
    if (!this.#ears.some((ear) => ear.of === of)) this.#ears.push({ of, hear })
  }

  #shout(message: string, at: Millis): void {
    for (const { of, hear } of this.#ears) {
      if (of.alive && !of.isCut) this.#hearAt(at + 1, () => of.here(() => hear(message)))
    }
  }

  #hearAt(at: Millis, hear: () => void): void {
    this.#said.push(() => void this.clock.after(Math.max(0, at - this.clock.now()), hear))
  }

  freeze(): void {
    this.#server = 'frozen'
  }

  /** Kills the server: what it had not read is gone. */
  down(): void {
    this.#server = 'down'
    this.#unread.length = 0
  }

  up(): void {
    this.#server = 'up'
    for (const read of this.#unread.splice(0)) read()
  }

  jump(ms: Millis): void {
    this.#ahead += ms
  }

  async forget(): Promise<void> {
    const keys = await this.#keys()
    for (const key of keys) await this.options.redis.del(key)
  }

  async remember(): Promise<void> {
    this.#snapshot = []
    for (const key of await this.#keys()) {
      const dump = String(await this.options.redis.eval(DUMP, 1, key))
      this.#snapshot.push([key, dump])
    }
  }

  /** The books as they were when they were remembered: an old file, or a replica that lagged. */
  async restore(): Promise<void> {
    await this.forget()
    for (const [key, dump] of this.#snapshot) await this.options.redis.eval(RESTORE, 1, key, dump)
  }

  async #keys(): Promise<string[]> {
    return this.options.redis.keys(`rl:{${this.name}}*`)
  }

  async #run(message: string): Promise<string> {
    const at = this.clock.now()
    const now = at + SERVER_EPOCH_MS + this.#ahead
    const time = [String(Math.floor(now / 1000)), String(Math.floor((now % 1000) * 1000))]
    const reply = await this.options.redis.eval(STAGED, 1, `rl:{${this.name}}members`, message, ...time)
    const shouts = await this.options.redis.lpop(`rl:{${this.name}}shouts`, 100)
    for (const shout of shouts ?? []) this.#shout(shout, at)
    return String(reply)
  }

  #track(work: Promise<unknown>): void {
    this.#pending.add(work)
    const done = (): void => void this.#pending.delete(work)
    work.then(done, done)
  }
}

const hexOf =
  'string.gsub(redis.call("DUMP", KEYS[1]), ".", function(c) return string.format("%02x", string.byte(c)) end)'
const DUMP = `local hex = ${hexOf}; return hex`
const RESTORE = `local raw = string.gsub(ARGV[1], "..", function(h) return string.char(tonumber(h, 16)) end)
redis.call("RESTORE", KEYS[1], 0, raw); return "ok"`

/** The exchange's own counter, exact to its word; and whose nonces came when. */
class Venue {
  readonly #rule: BucketRule
  readonly #now: () => Millis
  readonly #log: Millis[] = []
  #level: Tokens
  #at: Millis
  #highest = 0n
  readonly violations: string[] = []
  readonly inversions: string[] = []
  served = 0

  constructor(rule: BucketRule, now: () => Millis) {
    this.#rule = rule
    this.#now = now
    this.#at = now()
    this.#level = rule.kind === 'bucket' ? rule.capacity : rule.limit
  }

  arrive(by: string, nonce?: bigint): boolean {
    const now = this.#now()
    const free = this.#free(now)
    if (free < 1 - 1e-6) this.violations.push(`${now.toFixed(0)} ms: ${by} with ${free.toFixed(2)} left`)
    this.#level -= 1
    this.#log.push(now)
    this.served += 1
    const inOrder = nonce === undefined || nonce > this.#highest
    if (!inOrder) this.inversions.push(`${now.toFixed(0)} ms: ${by} with ${nonce} after ${this.#highest}`)
    else if (nonce !== undefined) this.#highest = nonce
    return inOrder
  }

  #free(now: Millis): Tokens {
    const rule = this.#rule
    if (rule.kind === 'window') {
      while ((this.#log[0] ?? now) <= now - rule.everyMs) this.#log.shift()
      return rule.limit - this.#log.length
    }
    this.#level = Math.min(rule.capacity, this.#level + (now - this.#at) * rule.refill)
    this.#at = now
    return this.#level
  }
}

/** What becomes of one message. */
interface Fate {
  readonly up: Millis
  readonly down: Millis
  readonly lost?: 'message' | 'reply' | undefined
}

/** A weir with its bots. */
export class Weir {
  readonly name: string
  readonly home: string
  readonly me: string
  readonly store: SharedStore
  readonly clock: Clock
  readonly #stage: Stage
  readonly #lane: Lane
  #paused = false
  #held: (() => void)[] = []
  alive = true
  isCut = false
  /** Fates of the next messages. */
  readonly fates: ('message' | 'reply')[] = []
  asked = 0
  served = 0
  stale = 0
  /** As it tells the others. */
  bots: number

  constructor(stage: Stage, index: number, bots: number, replaces: Weir | undefined) {
    this.#stage = stage
    this.name = `w${index}`
    this.home = replaces?.home ?? `home${index}`
    this.me = `me${index}`
    this.bots = bots
    this.clock = {
      now: () => stage.clock.now(),
      wall: () => stage.clock.wall(),
      after: (delay, task): Timer => stage.clock.after(delay, () => this.here(task)),
    }
    this.store = new SharedStore({
      carrier: {
        ask: (_exchange, message) => stage.ask(this, message),
        onShout: (_exchange, hear) => stage.onShout(this, hear),
      },
      clock: this.clock,
      me: this.me,
      home: this.home,
      replaces: replaces?.me,
      idleMs: replaces === undefined ? undefined : 0,
      coldStart: () => 1,
      yieldMs: () => stage.options.yieldMs ?? 600_000,
      bots: () => (stage.options.weighted ? this.bots : undefined),
      onFailure: () => 'share',
      changed: () => {},
    })
    this.store.start([stage.name])
    const order = stage.options.nonces
      ? new NonceOrder({ rules: () => ({ nonceOrder: 'strict', nonceWindow: 0n }), spread: new Spread() })
      : new FairOrder()
    const backlog = new Backlog(
      () => 1e9,
      () => {},
    )
    this.#lane = new Lane({ name: this.name, order, store: this.store, clock: this.clock, backlog })
    this.store.onFreed(() => this.#lane.pump())
    for (let bot = 0; bot < bots; bot += 1) void this.#bot(`${this.name}-${bot}`)
  }

  get asleep(): boolean {
    return this.#paused
  }

  get standing() {
    return this.store.standing()[0]
  }

  fate(): Fate {
    const { chance } = this.#stage.options
    const lost = this.isCut || !this.alive ? 'message' : this.fates.shift()
    return { up: 0.1 + chance() * 2, down: 0.1 + chance() * 2, lost }
  }

  /** Runs when this process runs. */
  here(task: () => void): void {
    if (!this.alive) return
    if (this.#paused) this.#held.push(task)
    else task()
  }

  pause(): void {
    this.#paused = true
  }

  resume(): void {
    this.#paused = false
    for (const task of this.#held.splice(0)) this.here(task)
  }

  kill(): void {
    this.alive = false
  }

  async stop(): Promise<void> {
    await this.store.stop().catch(() => {})
    this.alive = false
  }

  async #bot(bot: string): Promise<void> {
    const { chance, nonces } = this.#stage.options
    while (this.alive) {
      const nonce = nonces ? this.#stage.nextNonce() : undefined
      const { take, name } = this.#stage
      const ticket: Ticket = {
        takes: [take],
        held: true,
        bot,
        rank: 2,
        nonce,
        turn: nonces ? { exchange: name, lane: 'key', nonce, window: 0n } : undefined,
        bytes: 0,
        maxWaitMs: 6000,
        tooLate: 'limit_reached',
        presence: new Presence(),
        host: '',
      }
      try {
        const pass = await this.#lane.enter(ticket, 1000)
        const accepted = await this.#trip(nonce, 5 + chance() * 40, 5 + chance() * 20)
        pass.close('spent', accepted)
        this.served += 1
      } catch {
        this.stale += 1
        await this.#rest(200 + chance() * 300)
      }
    }
  }

  #trip(nonce: bigint | undefined, up: Millis, down: Millis): Promise<boolean> {
    return new Promise((resolve) =>
      // What is on the way arrives, whatever becomes of its sender.
      this.#stage.clock.after(up, () => {
        const accepted = this.#stage.exchange.arrive(this.name, nonce)
        this.clock.after(down, () => resolve(accepted))
      }),
    )
  }

  #rest(ms: Millis): Promise<void> {
    return new Promise((resolve) => void this.clock.after(ms, resolve))
  }
}
