// Which host and path a request line means (RFC 9112 §3.2), in every form bots use. Pure.
// The path is never parsed or rebuilt: bots sign its bytes, and `//x` in a URL parser becomes another host.

import { WeirError } from '../core/errors.ts'

/** Where a request wants to go. */
export interface Target {
  /** Lower-case, no port, no trailing dot; always an intercepted host. */
  readonly host: string
  /** Origin form, as received. */
  readonly target: string
  /** False when the Host field speaks of someone else and must be generated (RFC 9112 §3.2.2). */
  readonly keepHost: boolean
}

/** What is known of the connection that carries the request line. */
export interface Place {
  /** Host of the tunnel; undefined outside one. */
  readonly host: string | undefined
  /** Whether the listener can only be reached from this machine. */
  readonly loopback: boolean
  readonly hosts: { has(host: string): boolean }
}

/** A host and a port, from CONNECT, an absolute form or a Host field. */
export interface Authority {
  readonly host: string
  /** Undefined when the text names none. */
  readonly port: number | undefined
}

/** Finds the target, or says why the request is not relayed. `hostField` is undefined when the request has no Host. */
export const readTarget = (url: string, hostField: string | undefined, place: Place): Target | WeirError => {
  if (url.includes('#')) return bad('A request target has no fragment.')
  return place.host === undefined ? outside(url, hostField, place) : inside(url, hostField, place.host)
}

/** Reads `host`, `host:port` or `[v6]:port`; undefined when it is neither. Host comes back lower-case without a trailing dot. */
export const readAuthority = (text: string): Authority | undefined => {
  const match = /^(\[[0-9a-f:.]+\]|[0-9a-z._-]+)(?::([0-9]{1,5}))?$/i.exec(text)
  if (match === null) return undefined
  const name = (match[1] ?? '').toLowerCase()
  const host = name.endsWith('.') ? name.slice(0, -1) : name
  const port = match[2] === undefined ? undefined : Number(match[2])
  if (host === '' || (port !== undefined && (port === 0 || port > 65_535))) return undefined
  return { host, port }
}

/** In a tunnel: origin form for the tunnel's own host, or an absolute form that names it. */
const inside = (url: string, hostField: string | undefined, host: string): Target | WeirError => {
  if (url.charCodeAt(0) === SLASH) {
    if (hostField === host) return { host, target: url, keepHost: true }
    if (hostField === undefined) return { host, target: url, keepHost: false }
    const named = readAuthority(hostField)
    if (named === undefined) return bad('The Host field is malformed.')
    if (named.host !== host) return misdirected()
    // Another port is where the bot believes to be (80, or weir's own in transparent mode), not where the call goes.
    return { host, target: url, keepHost: named.port === undefined || named.port === 443 }
  }
  const absolute = splitAbsolute(url)
  if (absolute instanceof WeirError) return absolute
  if (absolute.host !== host || !isWebPort(absolute.port)) return misdirected()
  return { host, target: absolute.target, keepHost: false }
}

/** In the clear: an absolute form, or one embedded in the path (ccxt's `proxyUrl`). */
const outside = (url: string, hostField: string | undefined, place: Place): Target | WeirError => {
  if (hostField !== undefined && readAuthority(hostField) === undefined) return bad('The Host field is malformed.')
  const embedded = url.charCodeAt(0) === SLASH ? embeddedUrl(url) : undefined
  if (url.charCodeAt(0) === SLASH && embedded === undefined) return bad(NOT_A_SERVER)
  const absolute = splitAbsolute(embedded ?? url)
  if (absolute instanceof WeirError) return absolute
  if (!place.hosts.has(absolute.host)) return new WeirError('host_not_allowed')
  // Keys and bodies cross the first hop unencrypted: harmless only when that hop does not leave the machine.
  if ((absolute.secure || embedded !== undefined) && !place.loopback) {
    return new WeirError('host_not_allowed', {
      message: 'An https URL in the clear is relayed on a loopback listener only.',
    })
  }
  const allowed = absolute.secure ? absolute.port === undefined || absolute.port === 443 : isWebPort(absolute.port)
  if (!allowed)
    return new WeirError('host_not_allowed', { message: 'Exchange hosts are relayed on ports 443 and 80 only.' })
  return { host: absolute.host, target: absolute.target, keepHost: false }
}

interface Absolute extends Authority {
  readonly secure: boolean
  readonly target: string
}

const splitAbsolute = (url: string): Absolute | WeirError => {
  if (url === '*') return new WeirError('bad_request', { status: 501, message: 'OPTIONS * is not relayed.' })
  const secure = startsWithScheme(url, 'https://')
  if (!secure && !startsWithScheme(url, 'http://')) return bad('The request target has no form that weir knows.')
  const from = secure ? 8 : 7
  let to = from
  while (to < url.length && url.charCodeAt(to) !== SLASH && url.charCodeAt(to) !== QUESTION) to += 1
  const authority = readAuthority(url.slice(from, to))
  if (authority === undefined) return bad('The host of the request target is malformed.')
  const rest = url.slice(to)
  return { ...authority, secure, target: rest.charCodeAt(0) === SLASH ? rest : `/${rest}` }
}

/** The URL behind `/https://…` or `/https%3A%2F%2F…`; undefined when the path is an ordinary one. */
const embeddedUrl = (url: string): string | undefined => {
  const rest = url.slice(1)
  if (startsWithScheme(rest, 'https://') || startsWithScheme(rest, 'http://')) return rest
  if (!/^https?%3a%2f%2f/i.test(rest)) return undefined
  try {
    const decoded = decodeURIComponent(rest)
    // Decoding may bring to light what the parser would have refused: a line break here would be a second request.
    return /^[\x21-\x7e]+$/.test(decoded) && !decoded.includes('#') ? decoded : undefined
  } catch {
    return undefined
  }
}

const startsWithScheme = (url: string, scheme: string): boolean =>
  url.startsWith(scheme) || url.slice(0, scheme.length).toLowerCase() === scheme

/** Exchange hosts are always called by https on 443; a bot may have said http. */
const isWebPort = (port: number | undefined): boolean => port === undefined || port === 443 || port === 80

const bad = (message: string): WeirError => new WeirError('bad_request', { message })

const misdirected = (): WeirError =>
  new WeirError('bad_request', { status: 421, message: 'The request names another host than its connection.' })

const NOT_A_SERVER =
  'This is a forward proxy. Set HTTPS_PROXY to this address, or put the whole URL after the slash: /https://host/path.'
const SLASH = 47
const QUESTION = 63
