// Nothing is thrown past this layer: every error becomes a reply. A `WeirError` is told in the exchange's dialect;
// anything else is a bug: status 500, code `internal`, and the stack stays in the record, for the log alone.

import { STATUS_CODES } from 'node:http'
import type { Call, Reply } from '../core/call.ts'
import type { Clock } from '../core/clock.ts'
import { BotLeft } from '../core/departure.ts'
import { ERRORS, type ErrorCode, WeirError } from '../core/errors.ts'
import type { Rules } from '../core/rules.ts'
import type { Layer } from '../core/stack.ts'
import { type Millis, retrySeconds } from '../core/units.ts'
import { type Listener, word } from './wording.ts'

/** Turns errors into replies and writes `decision`, `error` and `thrown` into the record. */
export const rescue =
  (rules: () => Rules, clock: Pick<Clock, 'wall'>): Layer<Call> =>
  (next) =>
  async (call) => {
    try {
      return await next(call)
    } catch (thrown) {
      if (thrown instanceof BotLeft) {
        call.record.decision = 'left'
        return NOBODY_LISTENS
      }
      return replyTo(call, thrown, rules(), clock.wall())
    }
  }

/** The reply that tells what was thrown, which is written into the record of its call. */
export const replyTo = (call: Call, thrown: unknown, rules: Pick<Rules, 'hosts'>, wallMs: Millis): Reply => {
  const error = thrown instanceof WeirError ? thrown : new WeirError('internal', { cause: thrown })
  call.record.decision = ERRORS[error.code].decision
  call.record.error = error.code
  call.record.thrown = thrown
  return errorReply(error, listenerFor(call, rules, wallMs), call.id)
}

/** For a bot that hung up. Nobody gets it; its status (nginx's for this) is for the log. */
const NOBODY_LISTENS: Reply = { status: 499, statusText: '', headers: [], body: Buffer.alloc(0), trailers: undefined }

/** The reply that tells `error`; whole, but for what inbound prints from the record. */
export const errorReply = (error: WeirError, listener: Listener, callId: string): Reply => {
  const { status, fields } = word(error, listener)
  const row = ERRORS[error.code]
  const weir = { code: error.code, message: error.message, advice: row.advice, call: callId }
  const body = Buffer.from(JSON.stringify({ ...fields, weir }))
  const headers = [
    'Content-Type',
    'application/json',
    'Content-Length',
    String(body.length),
    'Cache-Control',
    'no-store',
    'Proxy-Status',
    PROXY_STATUS[error.code],
  ]
  // Some clients repeat whatever carries Retry-After, so it stands only where nothing was sent.
  if (error.retryAfterMs !== undefined && row.decision === 'refused') {
    headers.push('Retry-After', String(retrySeconds(error.retryAfterMs)))
  }
  return { status, statusText: STATUS_CODES[status] ?? '', headers, body, trailers: undefined }
}

/** The `Proxy-Status` value of each code (RFC 9209). Static text only: nothing from a request can split the field. */
export const PROXY_STATUS: Readonly<Record<ErrorCode, string>> = Object.fromEntries(
  Object.entries(ERRORS).map(([code, row]) => [code, `weir; error=${row.proxyError}; details="${code}: ${row.when}"`]),
) as Record<ErrorCode, string>

/** Asks nothing that could throw: the error at hand may come from the very code that finds classes. */
const listenerFor = (call: Call, rules: Pick<Rules, 'hosts'>, wallMs: Millis): Listener => {
  const exchange = rules.hosts.get(call.request.host)?.exchange
  const rule = exchange?.classes.find(({ id }) => id === call.record.class)
  return { exchange, rule, wallMs }
}
