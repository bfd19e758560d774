// What weirs and their common store say to each other about the counters of one exchange. The other side is the script.

import type { Millis, Tokens } from '../../core/units.ts'

/** One bucket as the sender knows it. Names carry no exchange: `private:1f0c…`. */
export interface BucketWord {
  readonly name: string
  /** `b`: refills at `rate`. `w`: at most `cap` in any stretch of `every`. */
  readonly kind: 'b' | 'w'
  readonly cap: Tokens
  /** Tokens per millisecond. */
  readonly rate: number
  readonly every: Millis
  /** Cost of the sender's calls that are on the way, granted by the store. */
  readonly held: Tokens
  /** All it has ever spent of what the store granted; saying it twice charges once, but for what is `anew`. */
  readonly spent: Tokens
  /** The part of it that no answer has confirmed; for a store that remembers nothing of the sender, or the other way round. */
  readonly since: Tokens
  /**
   * The sender had forgotten the bucket, or never known it: it counts from nothing, and all of `since` is charged. Said again
   * because its reply was lost, that is charged again: rather too much than too little.
   */
  readonly anew?: boolean
  /** How long ago the newest of it was settled. */
  readonly ago: Millis
  /** With `returns`: what is left of the sender's share. */
  readonly left: Tokens
  /** The exchange closed it for so long. */
  readonly gate?: Millis
  /** The exchange said it is empty. */
  readonly empty?: boolean
  /** The exchange refused and nothing explains it: less of the rate is trusted for a time. */
  readonly shrink?: boolean
  /** What was spent of the buckets of those names was spent of this one. */
  readonly from?: readonly WrongName[]
  /** The sender does not go by what it was told of this bucket any more. */
  readonly drop?: boolean
}

/** A bucket that should have been another one, and is to be closed for so long. */
export interface WrongName {
  readonly name: string
  readonly close: Millis
}

/** A call that wants to go: costs as index into the message's buckets (from 1), cost, and what must remain. */
export interface TakeWord {
  readonly costs: readonly (readonly [bucket: number, cost: Tokens, keep: Tokens])[]
  /** False: charged whatever the levels are. */
  readonly held: boolean
  readonly turn?: TurnWord
  /** Another like it waits behind it. */
  readonly more?: boolean
  /** How long it may still wait. */
  readonly within?: Millis
}

/** A call whose key has an order: nonces of 20 digits, so that text compares as numbers do. */
export interface TurnWord {
  readonly lane: string
  readonly nonce?: string
  /** Nonce and the key's window together: at or below the highest that was accepted, the call can not succeed. */
  readonly least?: string
  /** Goes after so long, whoever is before it. */
  readonly patience?: Millis
}

/** What a weir says. */
export interface Message {
  /** This process. */
  readonly me: string
  /** This installation: the same over restarts. */
  readonly home: string
  /** The process that ran here before. */
  readonly replaces?: string
  readonly bye?: boolean
  /** Number of this message, and of the last one whose reply was heard. */
  readonly count: number
  readonly heard: number
  /** Of the server's books, as last heard. */
  readonly epoch: number
  /** By the server's clock, when it was sent at the earliest; `late_ms` later the sender has given it up. */
  readonly at?: number
  readonly late_ms: Millis
  /** A reply that called its message late was here at once: it is the server's clock that jumped. */
  readonly jumped: boolean
  /** The reply to the message before never came. */
  readonly lost: boolean
  /** Share of every limit that the sender lives on, or may; for a server that has forgotten it. */
  readonly claim: number
  /** How long ago this installation last spent anything, as far as is known; absent when it never did. */
  readonly idle?: Millis
  /** The sender lived on its share, has stopped, and brings what is left. */
  readonly returns: boolean
  readonly buckets: readonly BucketWord[]
  readonly takes: readonly TakeWord[]
  /** Calls that ended at keys with an order, with their nonce when it was accepted; `free` when none is left on the way. */
  readonly ends: readonly { readonly lane: string; readonly nonce?: string; readonly free: boolean }[]
  /** With `returns`: keys with an order, whether calls are on the way, and the highest nonce that is known to be accepted. */
  readonly keys: readonly { readonly lane: string; readonly flying: boolean; readonly high?: string }[]
  /** How many bots called the sender lately, where limits are split by that; absent where they are split in equal parts. */
  readonly bots?: number
  readonly cold_start: number
  /** A grant may lie this far ahead, and five times as far where there is much to share. */
  readonly horizon_ms: Millis
  readonly out_ms: Millis
  readonly stragglers_ms: Millis
  readonly yield_ms: Millis
}

/** What became of one take. */
export type TakeReply =
  | { readonly after: Millis; readonly sole?: boolean; readonly high?: string; readonly next?: Wait }
  | Wait
  | { readonly stale: true }

/** How long a take must wait, and for which of the message's costs. */
export interface Wait {
  readonly wait: Millis
  readonly by: number
}

/** What the store says. */
export type Reply = { readonly now: string } & (
  | Heard
  /** Nothing was done. */
  | { readonly state: 'late' }
  /** Nothing was done: whoever lives on a share of what the server has forgotten gets the time to say so. */
  | { readonly state: 'wait'; readonly wait: Millis }
)

/** A message was taken in. */
export interface Heard {
  /** `out`: the sender is taken to live on its share, and must return first. */
  readonly state: 'in' | 'out'
  readonly epoch: number
  readonly share: number
  readonly members: number
  /**
   * In the order of the message: what is free, what of it each may count a share on, what all weirs hold, how long it is
   * closed, which part of it is here, and which share of its rate is trusted.
   */
  readonly buckets: readonly {
    readonly free: Tokens
    readonly promise: Tokens
    readonly held: Tokens
    readonly closed: Millis
    readonly part: number
    readonly trust: number
  }[]
  readonly takes: readonly TakeReply[]
}

/** What is told at once: a level must be asked for again, whose turn at a key it is now, or that a key is used at several weirs. */
export interface Shout {
  readonly told?: string
  readonly mixed?: string
  readonly by?: string
  readonly freed?: string
}

/** The way to the store. */
export interface Carrier {
  /** Runs the script for one exchange. Rejects when no answer came within the time that a call may wait for the store. */
  ask(exchange: string, message: string): Promise<string>
  /** Hears what weirs shout about the counters of an exchange. */
  onShout(exchange: string, listener: (shout: string) => void): void
}

/** Lua writes an empty list as an empty object. */
export const listOf = <T>(list: readonly T[] | Record<string, never>): readonly T[] => (Array.isArray(list) ? list : [])
