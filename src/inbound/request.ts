// Incoming → ProxyRequest: what is relayed and what stays here (RFC 9110 §7.6.1). Runs on every call.
// Refuses what Node's parser accepts but two parsers could read in two ways.

import type { ProxyRequest, RawHeaders, Wishes } from '../core/call.ts'
import { WeirError } from '../core/errors.ts'
import { HOP_BY_HOP } from '../core/headers.ts'
import { bySpelling } from '../core/spellings.ts'
import type { Incoming } from './message.ts'
import { type Place, readTarget } from './target.ts'
import { asksNoCache, NO_WISHES, readWishes } from './wishes.ts'

/** A request read up to its body. */
export interface Head {
  readonly host: string
  readonly target: string
  readonly headers: RawHeaders
  readonly wishes: Wishes
  /** Whether a body follows. */
  readonly hasBody: boolean
}

/** Bounds and names that reading a head needs. */
export interface HeadRules {
  readonly headerCount: number
  /** Our pseudonym: a `Via` that carries it means the request has been here before. */
  readonly name: string
}

/** Reads everything but the body, or says why the request is not relayed. */
export const readHead = (req: Incoming, place: Place, rules: HeadRules): Head | WeirError => {
  const raw = req.rawHeaders
  if (raw.length > rules.headerCount * 2)
    return new WeirError('bad_request', { status: 431, message: 'Too many header fields.' })
  const method = req.method ?? ''
  if (method === 'TRACE') return new WeirError('bad_request', { status: 405, message: 'TRACE is not relayed.' })
  const fields = req.headers
  const encoding = fields['transfer-encoding']
  if (encoding !== undefined) {
    if (req.httpVersionMinor === 0)
      return new WeirError('bad_request', { message: 'Transfer-Encoding is not part of HTTP/1.0.' })
    if (encoding.toLowerCase() !== 'chunked') {
      return new WeirError('bad_request', { status: 501, message: 'The only transfer coding is chunked.' })
    }
  }
  if (fields.host === undefined && req.httpVersionMinor !== 0)
    return new WeirError('bad_request', { message: 'The Host field is missing.' })
  const target = readTarget(req.url ?? '', fields.host, place)
  if (target instanceof WeirError) return target
  const kept = relayed(raw, fields.connection, target.keepHost ? undefined : target.host, rules.name)
  if (kept instanceof WeirError) return kept
  const wishes = kept.asks ? readWishes(fields) : asksNoCache(fields['cache-control']) ? SKIP_CACHE : NO_WISHES
  if (wishes instanceof WeirError) return wishes
  const length = fields['content-length']
  return {
    host: target.host,
    target: target.target,
    headers: kept.headers,
    wishes,
    hasBody: encoding !== undefined || (length !== undefined && length !== '0'),
  }
}

/** Puts head and body together. */
export const proxyRequest = (method: string, head: Head, body: Buffer | undefined): ProxyRequest => {
  const target = head.target
  const mark = target.indexOf('?')
  return {
    method,
    host: head.host,
    port: 443,
    target,
    path: mark < 0 ? target : target.slice(0, mark),
    query: mark < 0 ? '' : target.slice(mark + 1),
    headers: head.headers,
    body,
  }
}

/** Name of the bot in `Proxy-Authorization: Basic` (RFC 7617); the password is nobody's business. Undefined when there is none. */
export const botName = (field: string | undefined): string | undefined => {
  if (field === undefined || field.slice(0, 6).toLowerCase() !== 'basic ') return undefined
  const pair = Buffer.from(field.slice(6), 'base64').toString('utf8')
  const colon = pair.indexOf(':')
  return plainName(colon < 0 ? pair : pair.slice(0, colon))
}

/** A bot's name as it may go to logs: bounded, and one line. Undefined when nothing is left of it. */
export const plainName = (text: string): string | undefined => {
  const name = percentDecoded(text)
    .replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, '')
    .slice(0, LONGEST_NAME)
  return name === '' ? undefined : name
}

const LONGEST_NAME = 64
const SKIP_CACHE: Wishes = Object.freeze({ maxWaitMs: undefined, priority: undefined, skipCache: true })

type Kind = 'relay' | 'drop' | 'ask' | 'host' | 'via'

const relayed = (
  raw: readonly string[],
  connection: string | undefined,
  newHost: string | undefined,
  ownName: string,
): { headers: string[]; asks: boolean } | WeirError => {
  const named = namedFields(connection)
  const headers: string[] = []
  let asks = false
  let hosts = 0
  for (let at = 0; at < raw.length; at += 2) {
    const name = raw[at] ?? ''
    const value = raw[at + 1] ?? ''
    const kind = kindOf(name)
    if (kind === 'relay') {
      if (named === undefined || !named.has(name.toLowerCase())) headers.push(name, value)
    } else if (kind === 'host') {
      hosts += 1
      headers.push(name, newHost ?? value)
    } else if (kind === 'ask') asks = true
    else if (kind === 'via') {
      if (passedThrough(value, ownName))
        return new WeirError('bad_request', { status: 508, message: 'The request has been here before.' })
      headers.push(name, value)
    }
  }
  if (hosts > 1) return new WeirError('bad_request', { message: 'There is more than one Host field.' })
  if (hosts === 0 && newHost !== undefined) headers.unshift('Host', newHost)
  return { headers, asks }
}

/** Fields that speak of this hop only, or that weir answers itself. Every `Proxy-` field is for a proxy. */
const kindOf = bySpelling((name): Kind => {
  if (name === 'host') return 'host'
  if (name === 'via') return 'via'
  if (name.startsWith('x-weir-')) return 'ask'
  if (HOP_BY_HOP.has(name) || name.startsWith('proxy-')) return 'drop'
  return name === 'trailer' || name === 'expect' ? 'drop' : 'relay'
})

/** What `Connection` names besides itself goes no further. Framing and Host are not its to take away. */
const namedFields = (connection: string | undefined): Set<string> | undefined => {
  if (connection === undefined || connection === 'keep-alive' || connection === 'close') return undefined
  const names = new Set<string>()
  for (const token of connection.toLowerCase().split(',')) names.add(token.trim())
  names.delete('content-length')
  return names
}

/** Whether a `Via` value lists `name` as a received-by pseudonym (RFC 9110 §7.6.3). */
const passedThrough = (via: string, name: string): boolean =>
  via.split(',').some((hop) => hop.trim().split(/\s+/)[1]?.toLowerCase() === name.toLowerCase())

const percentDecoded = (text: string): string => {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}
