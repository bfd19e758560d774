// Reply and record → bytes for the bot. The origin's header fields keep their order, case and repeats; weir's own follow
// them. Runs on every call.

import type { BodyStream, CallRecord, RawHeaders, Reply } from '../core/call.ts'
import { shadowText } from '../core/shadow.ts'
import { bySpelling } from '../core/spellings.ts'
import type { Bytes } from '../core/units.ts'
import type { Outgoing } from './message.ts'

/** What an answer needs besides the reply. */
export interface Answering {
  readonly id: string
  readonly method: string
  /** weir's pseudonym. */
  readonly name: string
  /** The bot speaks HTTP/1.0: no chunks, hence no trailers. */
  readonly http10: boolean
  /** Ends the connection after this answer. */
  readonly close: boolean
}

/**
 * Sends a reply. Throws when a header field of the reply can not be sent (an exchange that answers with control
 * characters); nothing has been written then. A reply that nobody waits for is given up.
 */
export const answer = (res: Outgoing, reply: Reply, record: CallRecord, how: Answering): void => {
  const body = reply.body
  if (res.destroyed || res.closed) {
    if (!(body instanceof Uint8Array)) body.cancel()
    return
  }
  const trailers = reply.trailers !== undefined && reply.trailers.length > 0 ? reply.trailers : undefined
  const bodiless = how.method === 'HEAD' || reply.status === 204 || reply.status === 304
  // With trailers the message must be chunked (RFC 9112 §7.1.2), so no length is stated.
  const length = body instanceof Uint8Array && !bodiless && trailers === undefined ? String(body.length) : undefined
  const mayTrail = !bodiless && !how.http10 && (trailers !== undefined || !(body instanceof Uint8Array))
  const headers = originFields(reply.headers, length, reply.status === 204, record.ageSeconds !== undefined, mayTrail)
  ownFields(headers, record, how)
  // Date stays Node's affair: it is added only where the exchange sent none (RFC 9110 §6.6.1 asks a proxy to do so).
  res.writeHead(reply.status, reply.statusText === '' ? undefined : reply.statusText, headers)
  if (!(body instanceof Uint8Array)) return void relay(res, body)
  if (trailers !== undefined) res.addTrailers(pairs(trailers))
  if (body.length === 0 || bodiless) res.end()
  // As latin1 text the body is appended to the head, and both leave in one plain write.
  else if (body.length <= ONE_WRITE_BYTES) res.end(body.toString('latin1'), 'latin1')
  else res.end(body)
}

/** Beyond this, copying the body costs more than writing it apart. */
const ONE_WRITE_BYTES: Bytes = 16 * 1024

/** `Content-Length` is set anew for a body we hold, left alone where there is none to count. */
const originFields = (
  from: RawHeaders,
  length: string | undefined,
  noLength: boolean,
  ownAge: boolean,
  mayTrail: boolean,
): string[] => {
  const headers: string[] = []
  let counted = false
  let trailer: string | undefined
  for (let at = 0; at < from.length; at += 2) {
    const name = from[at] ?? ''
    const value = from[at + 1] ?? ''
    const kind = kindOf(name)
    if (kind === 'relay') headers.push(name, value)
    else if (kind === 'length') {
      if (noLength) continue
      if (length === undefined) headers.push(name, value)
      else if (!counted) headers.push(name, length)
      counted = true
    } else if (kind === 'trailer') trailer = value
    else if (kind === 'age' && !ownAge) headers.push(name, value)
  }
  // Announced trailers need chunks; Node refuses the field without them.
  if (trailer !== undefined && mayTrail && !counted) headers.push('Trailer', trailer)
  if (length !== undefined && !counted) headers.push('Content-Length', length)
  return headers
}

const ownFields = (headers: string[], record: CallRecord, how: Answering): void => {
  headers.push('X-Weir-Call', how.id)
  if (record.class !== undefined) headers.push('X-Weir-Class', record.class)
  if (record.decision !== undefined) headers.push('X-Weir-Decision', record.decision)
  headers.push(
    'X-Weir-Wait-Ms',
    String(Math.round(record.waitedMs)),
    'X-Weir-Cost',
    String(Math.round(record.cost * 1000) / 1000),
    'X-Weir-Breaker',
    record.breaker,
    'X-Weir-Sent',
    record.sent,
  )
  const shadow = shadowText(record.shadow)
  if (shadow !== undefined) headers.push('X-Weir-Shadow', shadow)
  if (record.error !== undefined) headers.push('X-Weir-Error', record.error)
  if (record.rateLimit !== undefined) headers.push('RateLimit', record.rateLimit)
  if (record.rateLimitPolicy !== undefined) headers.push('RateLimit-Policy', record.rateLimitPolicy)
  if (record.cache !== undefined) headers.push('Cache-Status', `${how.name}; ${record.cache}`)
  if (record.ageSeconds !== undefined) headers.push('Age', String(Math.floor(record.ageSeconds)))
  if (how.close) headers.push('Connection', 'close')
}

/** Hands a stream on, at the bot's pace. */
const relay = (res: Outgoing, body: BodyStream): void => {
  res.on('close', () => {
    if (!res.writableFinished) body.cancel()
  })
  body.pipe({
    begin: (resume) => void res.on('drain', resume),
    write: (chunk) => res.write(chunk),
    end: (trailers) => {
      if (trailers.length > 0) res.addTrailers(pairs(trailers))
      res.end()
    },
    fail: () => breakOff(res),
  })
}

/** An answer cut short must not look whole. In the clear a plain FIN would end a body without a length: so a reset. */
const breakOff = (res: Outgoing): void => {
  const socket = res.socket
  if (socket === null || 'encrypted' in socket) res.destroy()
  else socket.resetAndDestroy()
}

const pairs = (flat: RawHeaders): [string, string][] => {
  const out: [string, string][] = []
  for (let at = 0; at < flat.length; at += 2) out.push([flat[at] ?? '', flat[at + 1] ?? ''])
  return out
}

type Kind = 'relay' | 'drop' | 'length' | 'age' | 'trailer'

/**
 * A reply brings no fields of its connection. The names that begin with X-Weir are weir's word to the bot: nobody else may
 * speak them.
 */
const kindOf = bySpelling((name): Kind => {
  if (name === 'content-length') return 'length'
  if (name === 'age' || name === 'trailer') return name
  return name.startsWith('x-weir-') ? 'drop' : 'relay'
})
