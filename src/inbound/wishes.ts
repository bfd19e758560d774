// What a bot asks of weir itself, in headers that go no further.

import type { IncomingHttpHeaders } from 'node:http'
import type { Wishes } from '../core/call.ts'
import { WeirError } from '../core/errors.ts'
import type { Priority } from '../core/rules.ts'
import type { Millis } from '../core/units.ts'

/** What most calls wish for. */
export const NO_WISHES: Wishes = Object.freeze({ maxWaitMs: undefined, priority: undefined, skipCache: false })

/**
 * Reads `X-Weir-Max-Wait` (`500ms`, `2s`, `1m`; a bare number is milliseconds), `X-Weir-Priority` and `X-Weir-Cache: skip`.
 * A value that can not be read refuses the call: waiting longer than was asked for would be worse.
 */
export const readWishes = (headers: IncomingHttpHeaders): Wishes | WeirError => {
  const wait = headers['x-weir-max-wait']
  const maxWaitMs = wait === undefined ? undefined : readWait(String(wait))
  if (wait !== undefined && maxWaitMs === undefined) {
    return new WeirError('bad_request', { message: 'X-Weir-Max-Wait is a time like 500ms or 2s.' })
  }
  const wanted = headers['x-weir-priority']
  const priority = wanted === undefined ? undefined : PRIORITIES.get(String(wanted).trim().toLowerCase())
  if (wanted !== undefined && priority === undefined) {
    return new WeirError('bad_request', { message: 'X-Weir-Priority is critical, high, normal or low.' })
  }
  const cache = headers['x-weir-cache']
  if (cache !== undefined && String(cache).trim().toLowerCase() !== 'skip') {
    return new WeirError('bad_request', { message: 'X-Weir-Cache can only be skip.' })
  }
  return { maxWaitMs, priority, skipCache: cache !== undefined || asksNoCache(headers['cache-control']) }
}

/** Whether a `Cache-Control` field asks for an answer from the origin (RFC 9111 §5.2.1.4). */
export const asksNoCache = (field: string | undefined): boolean =>
  field !== undefined && /(?:^|[\s,])no-cache(?:$|[\s,])/i.test(field)

const PRIORITIES: ReadonlyMap<string, Priority> = new Map([
  ['critical', 'critical'],
  ['high', 'high'],
  ['normal', 'normal'],
  ['low', 'low'],
])

const UNIT_MS: Readonly<Record<string, Millis>> = { ms: 1, s: 1000, m: 60_000 }

const readWait = (text: string): Millis | undefined => {
  const match = /^\s*(\d{1,9}(?:\.\d{1,6})?)(ms|s|m)?\s*$/i.exec(text)
  const unit = UNIT_MS[(match?.[2] ?? 'ms').toLowerCase()]
  return match === null || unit === undefined ? undefined : Number(match[1]) * unit
}
