// Facts, in the past tense, with plain data. The core states them; metrics, log and history make of them what they want.

import type { AlertView } from './alert.ts'
import type { Autopsy, Recommendation } from './autopsy.ts'
import type { Call, Verdict } from './call.ts'
import type { Bytes, Millis, Tokens } from './units.ts'

/** State of a breaker, in the field's sense: closed is healthy. */
export type BreakerState = 'closed' | 'open' | 'half_open'

/** Something that happened. No secret ever enters an event. */
export type WeirEvent =
  | {
      readonly type: 'call.finished'
      readonly call: Call
      readonly status: number
      readonly tookMs: Millis
      readonly error?: unknown
    }
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
