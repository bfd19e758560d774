// Buckets that several weirs share. Grants come from the common store; levels and forecasts come from what it last told.

import type { Clock } from '../../core/clock.ts'
import type { BucketRule } from '../../core/rules.ts'
import type { Millis, Tokens } from '../../core/units.ts'
import { levelOf } from '../level.ts'
import { longestWait } from '../need.ts'
import type { BucketLevel, BucketStore, Grant, Manner, Outcome, Take, Taken, Turn } from '../store.ts'
import type { Counter, Purse } from './counter.ts'
import { Member } from './member.ts'
import type { Carrier, Shout } from './wire.ts'

export interface SharedOptions {
  readonly carrier: Carrier
  readonly clock: Clock
  readonly me: string
  readonly home: string
  readonly replaces: string | undefined
  /** How long ago the process that ran here before last spent anything, as far as is known; undefined when there was none. */
  readonly idleMs: Millis | undefined
  readonly coldStart: () => number
  readonly yieldMs: () => Millis
  /** How many bots called an exchange lately, where weirs split its limits by that; undefined: in equal parts. */
  readonly bots: (exchange: string) => number | undefined
  readonly onFailure: () => 'share' | 'closed'
  /** The store of an exchange's counters went away or came back. */
  readonly changed: (exchange: string, together: boolean) => void
}

/** The buckets of all exchanges, each exchange's with a member of its own. */
export class SharedStore implements BucketStore {
  readonly #options: SharedOptions
  readonly #members = new Map<string, Member>()
  readonly #freed: (() => void)[] = []

  constructor(options: SharedOptions) {
    this.#options = options
  }

  /** Begins to be heard of for these exchanges, so that a share is there when the store goes away. */
  start(exchanges: readonly string[]): void {
    for (const exchange of exchanges) this.#member(exchange).start()
  }

  /** Says goodbye: the others need not keep a share for this weir. */
  async stop(): Promise<void> {
    await Promise.allSettled([...this.#members.values()].map((member) => member.stop()))
  }

  /** Per exchange: whether the store answers, the share of every limit that is this weir's, how many weirs there are. */
  standing(): readonly { exchange: string; together: boolean; share: number; members: number }[] {
    return [...this.#members].map(([exchange, { together, share, members }]) => ({
      exchange,
      together,
      share,
      members,
    }))
  }

  take(takes: readonly Take[], manner: Manner): Taken | Promise<Taken> {
    const [first] = takes
    return first === undefined ? { granted: true } : this.#of(first).take(first, takes, manner)
  }

  charge(takes: readonly Take[]): Grant {
    const [first] = takes
    return first === undefined ? { granted: true } : this.#of(first).charge(takes)
  }

  settle(takes: readonly Take[], outcome: Outcome, grant: Grant): void {
    const [first] = takes
    if (first === undefined) return
    const member = this.#of(first)
    const now = this.#options.clock.now()
    for (const [index, take] of takes.entries()) {
      member.counter(take).settle(take.cost, outcome, (grant.purses?.[index] ?? 'shared') as Purse, now)
    }
    member.touch(takes)
    if (outcome !== 'spent') this.#tellFreed()
  }

  endTurn(turn: Turn, accepted: boolean): void {
    this.#member(turn.exchange).endTurn(turn, accepted)
  }

  drain(take: Take, pauseMs: Millis): void {
    this.#change(take, (counter, now) => counter.drain(pauseMs, take.cost, now))
  }

  close(take: Take, pauseMs: Millis): void {
    this.#change(take, (counter, now) => counter.close(pauseMs, now))
  }

  shrink(take: Take): void {
    this.#change(take, (counter, now) => counter.shrink(now))
  }

  adopt(take: Take, limit: Tokens): void {
    this.#change(take, (counter, now) => counter.adopt(limit, now))
  }

  move(from: Take, into: Take, closeMs: Millis): Tokens {
    const member = this.#of(from)
    const underWay = member.counter(into).takeOver(member.counter(from), closeMs, this.#options.clock.now())
    member.touch([into], 0)
    return underWay
  }

  quote(takes: readonly Take[]): ReturnType<BucketStore['quote']> {
    return longestWait(takes, (take) => this.#of(take).quote(take))
  }

  level(take: Take): BucketLevel {
    return sharedLevel(this.#of(take).counter(take), this.#options.clock.now())
  }

  levels(): readonly BucketLevel[] {
    const now = this.#options.clock.now()
    return [...this.#members.values()].flatMap((member) =>
      [...member.counters()].map((counter) => sharedLevel(counter, now)),
    )
  }

  retune(rules: readonly BucketRule[]): void {
    const byId = new Map(rules.map((rule) => [rule.id, rule]))
    const now = this.#options.clock.now()
    for (const member of this.#members.values()) {
      for (const counter of member.counters()) {
        const rule = byId.get(counter.rule.id)
        if (rule !== undefined) counter.retune(rule, now)
      }
    }
    this.#tellFreed()
  }

  onFreed(listener: () => void): void {
    this.#freed.push(listener)
  }

  #change(take: Take, change: (counter: Counter, now: Millis) => void): void {
    const member = this.#of(take)
    change(member.counter(take), this.#options.clock.now())
    member.touch([take], 0)
  }

  #tellFreed(): void {
    for (const listener of this.#freed) listener()
  }

  #of({ rule }: Take): Member {
    return this.#member(rule.exchange)
  }

  #member(exchange: string): Member {
    const known = this.#members.get(exchange)
    if (known !== undefined) return known
    const { changed, bots, ...options } = this.#options
    const member = new Member({
      ...options,
      exchange,
      bots: () => bots(exchange),
      freed: () => this.#tellFreed(),
      changed: (together) => changed(exchange, together),
    })
    this.#members.set(exchange, member)
    this.#options.carrier.onShout(exchange, (shout) => member.hear(JSON.parse(shout) as Shout))
    return member
  }
}

/** What others spent is in the level, so its depth tells nothing of this weir's tier. */
const sharedLevel = ({ key, rule, meter, charged }: Counter, now: Millis): BucketLevel => ({
  ...levelOf(key, rule, meter, now, Number.POSITIVE_INFINITY),
  charged,
  deepest: 0,
})
