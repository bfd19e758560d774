// Answers for what never becomes a call: malformed requests, foreign hosts, full houses.
// No word of them comes from the request. Calls have their refusals worded by the exchange's dialect, elsewhere.

import { STATUS_CODES } from 'node:http'
import type { Duplex } from 'node:stream'
import { ERRORS, type WeirError } from '../core/errors.ts'
import { retrySeconds } from '../core/units.ts'
import type { Outgoing } from './message.ts'
import type { Inbound } from './session.ts'

/** Answers over HTTP. `close` ends the connection after it, for requests whose end can not be trusted. */
export const decline = (
  inbound: Inbound,
  res: Outgoing,
  error: WeirError,
  host: string | undefined,
  close: boolean,
): void => {
  noteIt(inbound, error, host)
  const id = inbound.deps.nextId()
  if (res.headersSent || res.destroyed) return void res.destroy()
  const body = bodyOf(error, id)
  const headers = headersOf(error, id, inbound.deps.name, body)
  if (close) headers.push('Connection', 'close')
  res.writeHead(error.status, STATUS_CODES[error.status], headers)
  res.end(body)
}

/**
 * Answers on a bare socket and closes it. The cause is in the reason phrase as well, because for CONNECT that is all
 * that most clients show (a non-2xx answer to CONNECT is reported by its status line).
 */
export const declineRaw = (
  inbound: Inbound,
  socket: Duplex,
  error: WeirError,
  host: string | undefined,
  id = inbound.deps.nextId(),
): void => {
  noteIt(inbound, error, host)
  if (!socket.writable) return void socket.destroy()
  const body = bodyOf(error, id)
  const headers = [...headersOf(error, id, inbound.deps.name, body), 'Connection', 'close']
  let head = `HTTP/1.1 ${error.status} weir: ${error.message}\r\n`
  for (let at = 0; at < headers.length; at += 2) head += `${headers[at]}: ${headers[at + 1]}\r\n`
  socket.end(`${head}\r\n${body}`)
  // What still arrives is read and dropped: unread bytes would turn the close into a reset that overtakes the answer.
  socket.resume()
  lastWord(inbound, socket)
}

/** Closes a socket that has been ended, whether or not the bot closes its side after reading what was said. */
export const lastWord = (inbound: Inbound, socket: Duplex): void => {
  const patience = inbound.deps.clock.after(inbound.limits.lastWordMs, () => socket.destroy())
  socket.once('close', () => patience.cancel())
}

const noteIt = (inbound: Inbound, error: WeirError, host: string | undefined): void =>
  inbound.deps.note?.({ type: 'request.declined', host, code: error.code, reason: reasonOf(error) })

/** The system's word for what happened where there is one, else ours. */
export const reasonOf = ({ cause, message }: WeirError): string =>
  cause instanceof Error && 'code' in cause && typeof cause.code === 'string' ? cause.code : message

const bodyOf = (error: WeirError, id: string): string =>
  `${JSON.stringify({ weir: { code: error.code, message: error.message, advice: ERRORS[error.code].advice, call: id } })}\n`

const headersOf = (error: WeirError, id: string, name: string, body: string): string[] => {
  const row = ERRORS[error.code]
  const headers = [
    'Content-Type',
    'application/json',
    'Content-Length',
    String(Buffer.byteLength(body)),
    'Cache-Control',
    'no-store',
    'X-Weir-Call',
    id,
    'X-Weir-Decision',
    row.decision,
    'X-Weir-Wait-Ms',
    '0',
    'X-Weir-Cost',
    '0',
    'X-Weir-Sent',
    'no',
    'X-Weir-Error',
    error.code,
    'Proxy-Status',
    `${name}; error=${row.proxyError}; details="${error.code}: ${row.when}"`,
  ]
  if (error.retryAfterMs !== undefined) headers.push('Retry-After', String(retrySeconds(error.retryAfterMs)))
  return headers
}
