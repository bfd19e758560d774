// Shadow mode in words: what would have become of a call that was let go at once.

import type { ErrorCode } from './errors.ts'
import type { Millis } from './units.ts'

/** What weir would have done, had it enforced the limits. */
export type Shadow =
  | { readonly would: 'send' }
  | { readonly would: 'wait'; readonly waitMs: Millis }
  | { readonly would: 'refuse'; readonly code: ErrorCode }

/** `wait;ms=1200` or `refuse;code=limit_reached`; undefined when it would have been sent at once as well. */
export const shadowText = (shadow: Shadow | undefined): string | undefined => {
  if (shadow === undefined || shadow.would === 'send') return undefined
  return shadow.would === 'wait' ? `wait;ms=${Math.ceil(shadow.waitMs)}` : `refuse;code=${shadow.code}`
}
