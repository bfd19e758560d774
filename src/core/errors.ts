// The one table of refusals and failures. What is not in it is a bug: status 500, code `internal`.

import type { Millis } from './units.ts'

interface Row {
  readonly status: number
  /** `refused`: weir would not. `failed`: weir tried and could not. */
  readonly decision: 'refused' | 'failed'
  /** Which of the exchange's own error bodies this is told in. */
  readonly speaks: 'limit' | 'unavailable' | 'nonce' | 'lockout' | 'weir'
  /** RFC 9209 §2.3 error type for `Proxy-Status`. */
  readonly proxyError: string
  readonly when: string
  readonly advice: string
}

const row = (
  status: number,
  decision: Row['decision'],
  speaks: Row['speaks'],
  proxyError: string,
  when: string,
  advice: string,
): Row => ({ status, decision, speaks, proxyError, when, advice })

/** Every code that `X-Weir-Error` can carry. Statuses are for exchanges that speak HTTP; Kraken tells limits in a 200. */
export const ERRORS = {
  limit_reached: row(
    429,
    'refused',
    'limit',
    'http_request_error',
    'The budget of a bucket is spent and the wait would be longer than allowed.',
    'Come back after Retry-After, send fewer calls, or raise max_wait of the class.',
  ),
  queue_full: row(
    429,
    'refused',
    'limit',
    'http_request_error',
    'As many calls (or bytes) wait already as may wait.',
    'Come back after Retry-After, or raise max_queue.',
  ),
  deadline_too_short: row(
    429,
    'refused',
    'limit',
    'http_request_error',
    'The call would have to wait longer than the bot asked for, or than its signature lives.',
    'Allow a longer wait (X-Weir-Max-Wait), or sign later.',
  ),
  nonce_too_low: row(
    400,
    'refused',
    'nonce',
    'http_request_denied',
    'A call with a higher nonce has already reached the exchange with this key, so this one can not succeed.',
    'Sign again with a fresh nonce; give each bot its own key.',
  ),
  key_stopped: row(
    429,
    'refused',
    'lockout',
    'http_request_denied',
    'The exchange refused this key several times in a row (key, signature or nonce), or has locked it out: it rests.',
    'Mend the key or the clock of the bot; only one program may use a key outside weir.',
  ),
  circuit_open: row(
    503,
    'refused',
    'unavailable',
    'destination_unavailable',
    'The breaker of the host is open: the exchange is unwell or has asked for a pause.',
    'Come back after Retry-After; `weir status` shows why it opened.',
  ),
  shutting_down: row(
    503,
    'refused',
    'unavailable',
    'proxy_internal_response',
    'weir is stopping.',
    'Send the call again; nothing of it was sent.',
  ),
  upstream_unreachable: row(
    502,
    'failed',
    'unavailable',
    'destination_unavailable',
    'No connection to the exchange, or it broke before the answer was whole.',
    'Look at X-Weir-Sent: with `no` it is safe to send again, with `unknown` ask the exchange first.',
  ),
  upstream_timeout: row(
    504,
    'failed',
    'unavailable',
    'http_response_timeout',
    'The exchange did not answer in time.',
    'The outcome of an order is unknown: ask the exchange before sending it again.',
  ),
  host_not_allowed: row(
    403,
    'refused',
    'weir',
    'http_request_denied',
    'The host is not in limits.yaml and may not be reached through weir.',
    'Add the host to limits.yaml, or call it without the proxy.',
  ),
  bad_request: row(
    400,
    'refused',
    'weir',
    'http_request_error',
    'The request is malformed or ambiguous, or can not be relayed safely.',
    'The message says which rule it broke.',
  ),
  body_too_large: row(
    413,
    'refused',
    'weir',
    'http_request_error',
    'The request body is over max_body.',
    'Send a smaller body, or raise max_body.',
  ),
  internal: row(
    500,
    'failed',
    'weir',
    'proxy_internal_error',
    'A bug in weir.',
    'Report it with the call id; the log has the stack.',
  ),
} as const satisfies Record<string, Row>

/**
 * The system's code for what broke (`ECONNREFUSED`): the text of an error may quote a request, a code can not. The name of the
 * error where its code is none, as that of undici for answers that are not HTTP/1.1.
 */
export const systemCode = (error: unknown): string | undefined => {
  for (let cause = error; cause instanceof Error; cause = cause.cause) {
    if (!(cause instanceof WeirError) && 'code' in cause)
      return typeof cause.code === 'string' ? cause.code : cause.name
  }
  return undefined
}

/** A code that `X-Weir-Error` can carry. */
export type ErrorCode = keyof typeof ERRORS

/** What may accompany a code. */
export interface ErrorDetail {
  /** One sentence for people. Never contains anything from the request but its class. */
  readonly message?: string
  /** When coming back makes sense. */
  readonly retryAfterMs?: Millis
  /** Status in place of the table's, for the rare refusal with a more precise one (408, 421, 431, 501, 505). */
  readonly status?: number
  /** What broke, for the log. */
  readonly cause?: unknown
}

/** A refusal or failure that has a row in the table. Anything else that is thrown is a bug. */
export class WeirError extends Error {
  readonly code: ErrorCode
  readonly status: number
  readonly retryAfterMs: Millis | undefined

  constructor(code: ErrorCode, detail: ErrorDetail = {}) {
    super(detail.message ?? ERRORS[code].when, { cause: detail.cause })
    this.name = 'WeirError'
    this.code = code
    this.status = detail.status ?? ERRORS[code].status
    this.retryAfterMs = detail.retryAfterMs
  }
}
