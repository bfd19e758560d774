// The port behind which buckets live: in memory for one weir, in Redis for several.

import type { BucketRule } from '../core/rules.ts'
import type { Millis, Tokens } from '../core/units.ts'
import type { MeterSnapshot } from './meter.ts'

/** Names one counter at one scope: `{kraken}private:1f0c…`. The braces keep an exchange's keys in one Redis slot. */
export type BucketKey = string

/** Account and pair that a key names, where it names both. */
export const accountAndPair = (key: BucketKey): { readonly account: string; readonly pair: string } | undefined => {
  const [, account, pair] = key.split(':')
  return account === undefined || pair === undefined ? undefined : { account, pair }
}

/** What a call wants from one bucket. The rule travels along for buckets that nobody has seen before. */
export interface Take {
  readonly key: BucketKey
  readonly rule: BucketRule
  readonly cost: Tokens
  /** What must remain beside the cost for more urgent calls; looked at before the call goes, never charged. */
  readonly keep?: Tokens
  /** Of a cancel: what each of the orders that it may end adds to the cost. */
  readonly perOrder?: readonly Tokens[]
}

/** A place in the line of a key whose calls must leave in the order of their nonces, at whichever weir they came in. */
export interface Turn {
  readonly exchange: string
  /** Hash of the key. */
  readonly lane: string
  readonly nonce: bigint | undefined
  /** Distance below the highest nonce that the exchange still accepts. */
  readonly window: bigint
  /** How long it waits for those before it at other weirs; absent: until they have ended. */
  readonly patienceMs?: Millis
}

/** How a call takes. */
export interface Manner {
  /** False: charged whatever the levels are. */
  readonly held: boolean
  readonly turn?: Turn | undefined
  /** Another waits behind it: a store that is far away may say when that could go, too. */
  readonly more?: boolean
  /** How long it may still wait; for ever unless said. */
  readonly withinMs?: Millis
}

/** Leave to go, to be handed back when the call has ended. */
export interface Grant {
  readonly granted: true
  /** The store's own note: whose budget it was, bucket by bucket. */
  readonly purses?: readonly unknown[]
}

/** Why not yet. `stale`: a higher nonce has left elsewhere, so this call can not succeed any more. */
export interface Denial {
  readonly granted: false
  readonly waitMs: Millis
  readonly by: Take
  readonly stale?: true
}

/** Whether a call may leave. */
export type Taken = Grant | Denial

/**
 * How a call that was let go ended: `spent` whenever it may have reached the exchange, `free` when the exchange took it and
 * charged nothing.
 */
export type Outcome = 'spent' | 'free' | 'never_left'

/** One bucket as people see it. */
export interface BucketLevel {
  readonly key: BucketKey
  readonly rule: BucketRule
  readonly available: Tokens
  readonly inFlight: Tokens
  readonly fullInMs: Millis
  readonly closedForMs: Millis
  /** Trusted share of the documented rate, 0.3 to 1. */
  readonly share: number
  /** As `available`, had the documented rate been used all along. */
  readonly room: Tokens
  /** All that was ever reserved: the difference of two readings is what was sent between them. */
  readonly charged: Tokens
  /** The most that was spent at once without a refusal, as far as that is sure. */
  readonly deepest: Tokens
  /** How long this store has kept it; endless when its level was taken over from an earlier process. */
  readonly knownForMs: Millis
}

/** Buckets, charged all at once or not at all. A store never waits; lanes do. */
export interface BucketStore {
  /** Reserves every cost or none. When refused: the exact time until all fit, and the bucket that takes longest. */
  take(takes: readonly Take[], manner: Manner): Taken | Promise<Taken>
  /** Reserves every cost at once, whatever the levels and whosever turn it is. */
  charge(takes: readonly Take[]): Grant
  /** Ends what `take` or `charge` began. */
  settle(takes: readonly Take[], outcome: Outcome, grant: Grant): void
  /** A call that took its turn has ended. @param accepted the exchange took it, nonce and all */
  endTurn(turn: Turn, accepted: boolean): void
  /** The exchange says the bucket is empty, the refused call's own cost, still in flight, counted: nothing goes for `pauseMs`. */
  drain(take: Take, pauseMs: Millis): void
  /** The exchange closes the bucket's scope for `pauseMs`, whatever is left in it. */
  close(take: Take, pauseMs: Millis): void
  /** The exchange refused without a known reason: a smaller share of the rate is used, and regained over clean time. */
  shrink(take: Take): void
  /** The exchange says what the limit is: a smaller one than the rule's holds from now on, a larger one never. */
  adopt(take: Take, limit: Tokens): void
  /**
   * What was spent of one bucket was spent of the other, and a pause that was meant for the first goes on there, however many
   * weirs find that out. The first keeps its level, and is closed for a time.
   * @returns cost of calls under way here that were charged to the first
   */
  move(from: Take, into: Take, closeMs: Millis): Tokens
  /** How long a call would wait if it asked now. Takes nothing. Costs above a capacity stand for a whole queue. */
  quote(takes: readonly Take[]): { readonly waitMs: Millis; readonly by: Take | undefined }
  /** One bucket's level; takes nothing. */
  level(take: Take): BucketLevel
  /** Every bucket that has been used. */
  levels(): readonly BucketLevel[]
  /** The rules were replaced: buckets of the same id take the new numbers, and calls that already wait live by them too. */
  retune(rules: readonly BucketRule[]): void
  /** Calls `listener` when budget came back earlier than any wait foretold. */
  onFreed(listener: () => void): void
}

/** Charges what somebody else has spent, or what was spent by another name: it is not on its way any more. */
export const spend = (store: BucketStore, take: Take): void => {
  const takes = [take]
  store.settle(takes, 'spent', store.charge(takes))
}

/** Where levels survive a restart. */
export interface BucketJournal {
  /** What was saved by an earlier process, with the time that has passed since. */
  load(): Iterable<{ readonly key: BucketKey; readonly snapshot: MeterSnapshot; readonly elapsedMs: Millis }>
  /** How long ago every bucket must be taken to have been empty, but for those saved since; undefined when none must. */
  emptiedAgoMs?(): Millis | undefined
  /** `urgent`: budget is about to be spent, so it must be written before the call leaves. */
  save(key: BucketKey, snapshot: () => MeterSnapshot, urgent: boolean): void
}
