// Facts, in the past tense, with plain data. The core states them; metrics, log and history make of them what they want.

import type { AlertView } from './alert.ts'
import type { Autopsy, Recommendation } from './autopsy.ts'
import type { Call, CallRecord, Verdict } from './call.ts'
import { ERRORS } from './errors.ts'
import type { Bytes, Millis, Tokens } from './units.ts'

/** State of a breaker, in the field's sense: closed is healthy. */
export type BreakerState = 'closed' | 'open' | 'half_open'

/** What the cache did for a call: a closed list. */
export type CacheResult = 'hit' | 'stale' | 'coalesced' | 'miss' | 'bypass'

/** A call has its answer; with what several observers would each have to find out. */
export interface CallFinished {
  readonly type: 'call.finished'
  readonly call: Call
  readonly status: number
  readonly tookMs: Millis
  readonly error: unknown
  /** Undefined when the class has no cache. */
  readonly cacheResult: CacheResult | undefined
  /** Refused for a limit: the budget was spent, or the queue full. */
  readonly limited: boolean
}

/** The fact that `call` has its answer, its record being complete. */
export const callFinished = (call: Call, status: number, tookMs: Millis, error?: unknown): CallFinished => {
  const { record } = call
  const limited = record.error !== undefined && ERRORS[record.error].speaks === 'limit'
  return { type: 'call.finished', call, status, tookMs, error, cacheResult: cacheResult(record), limited }
}

/** Something that happened. No secret ever enters an event. */
export type WeirEvent =
  | CallFinished
  | {
      readonly type: 'limit.violated'
      readonly exchange: string
      readonly bucket: string
      readonly call: Call
      readonly verdict: Verdict
      readonly autopsy: Autopsy
    }
  /** The exchange states another limit than limits.yaml does. */
  | {
      readonly type: 'limit.differs'
      readonly exchange: string
      readonly bucket: string
      readonly call: Call
      readonly configured: Tokens
      readonly told: Tokens
    }
  /** The exchange told of less left than weir's own calls can have spent. */
  | {
      readonly type: 'limit.outspent'
      readonly exchange: string
      readonly bucket: string
      readonly call: Call
      readonly tokens: Tokens
    }
  /** Something beside weir spends a limit, as far as can be told. */
  | { readonly type: 'bypass.suspected'; readonly exchange: string; readonly bucket: string }
  /** Refusals repeat, and what they have in common says what to do. Told again at most once an hour. */
  | { readonly type: 'advice.given'; readonly recommendation: Recommendation }
  | {
      readonly type: 'breaker.changed'
      readonly host: string
      readonly from: BreakerState
      readonly to: BreakerState
      readonly reason: string
      readonly openForMs: Millis | undefined
    }
  | {
      readonly type: 'lane.filled'
      readonly lane: string
      readonly waiting: number
      readonly capacity: number
      readonly bytes: Bytes
    }
  | {
      readonly type: 'nonces.mixed'
      readonly exchange: string
      /** Hash of the key. */
      readonly credential: string
      readonly larger: { readonly bot: string; readonly digits: number }
      readonly smaller: { readonly bot: string; readonly digits: number }
    }
  /** A nonce was refused where calls of a key may overtake each other: for a time they may not. */
  | {
      readonly type: 'nonces.tightened'
      readonly exchange: string
      /** Hash of the key. */
      readonly credential: string
      readonly forMs: Millis
    }
  /** An alert that is told: a condition holds, still holds after the debounce, or has ended. */
  | { readonly type: 'alert.raised' | 'alert.resolved'; readonly alert: AlertView }
  | { readonly type: 'rules.replaced'; readonly source: string }
  | { readonly type: 'rules.rejected'; readonly source: string; readonly report: string }
  | { readonly type: 'observer.failed'; readonly error: unknown }

/** Hears every event. Must be quick; may throw without harm. */
export type Observer = (event: WeirEvent) => void

/** Tells each observer; one that throws neither harms the call nor the others. */
export const tee = (observers: readonly Observer[]): Observer => {
  const tell: Observer = (event) => {
    for (const observer of observers) {
      try {
        observer(event)
      } catch (error) {
        if (event.type !== 'observer.failed') tell({ type: 'observer.failed', error })
      }
    }
  }
  return tell
}

/** Read from what the cache wrote for `Cache-Status`. */
const cacheResult = ({ decision, cache }: CallRecord): CacheResult | undefined => {
  if (decision === 'cached') return 'hit'
  if (decision === 'stale' || decision === 'coalesced') return decision
  if (cache === undefined) return undefined
  return cache.startsWith('fwd=bypass') ? 'bypass' : 'miss'
}
