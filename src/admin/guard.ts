// Who may use the admin port. Its pages show how a firm trades and its levers stop calls, so three doors are shut:
// strangers on the network (a token), web pages that a browser on this machine has open (cross-site requests), and
// pages whose name suddenly resolves to this machine (DNS rebinding).

import { createHash, timingSafeEqual } from 'node:crypto'
import { isIP } from 'node:net'

/** The part of a request that the doors look at. Header names are lower-case. */
export interface Visitor {
  readonly method: string
  readonly path: string
  readonly headers: Readonly<Record<string, string | string[] | undefined>>
}

/** Why somebody may not. */
export interface Denial {
  readonly status: 401 | 403 | 421
  readonly message: string
}

/** Decides; undefined = welcome. */
export type Guard = (visitor: Visitor) => Denial | undefined

/** Open to everyone, for orchestrators that can not carry a token: they tell how weir is, not how anybody trades. */
const OPEN: ReadonlySet<string> = new Set(['/live', '/ready', '/health'])

/**
 * @param token asked of everyone, as bearer or as the password of Basic (so that browsers and scrapers both can); undefined on
 *   a loopback listener that trusts this machine
 */
export const createGuard = (token: string | undefined): Guard => {
  const expected = token === undefined ? undefined : digest(token)
  return (visitor) => {
    const { headers, method, path } = visitor
    if (expected === undefined) {
      // A rebound name can not carry a token; where none is asked for, the name itself must be ours.
      if (!isOwnName(one(headers.host)))
        return { status: 421, message: 'Call the admin port by its IP address or as localhost.' }
    } else if (!OPEN.has(path) && !holds(one(headers.authorization), expected)) {
      return { status: 401, message: 'The admin port wants WEIR_ADMIN_TOKEN as bearer token or Basic password.' }
    }
    if (method !== 'GET' && method !== 'HEAD' && isCrossSite(headers)) {
      return { status: 403, message: 'State can not be changed from another site.' }
    }
    return undefined
  }
}

/** True when everyone who can reach `host` is on this machine. */
export const isLoopback = (host: string): boolean =>
  host === 'localhost' || host === '::1' || (isIP(host) === 4 && host.startsWith('127.'))

/** `Sec-Fetch-Site` is sent by browsers only, and can not be forged by a page; `Origin` covers the older ones. */
const isCrossSite = (headers: Visitor['headers']): boolean => {
  const site = one(headers['sec-fetch-site'])
  // `same-site` is another port of localhost: somebody else's page.
  if (site !== undefined && site !== 'same-origin' && site !== 'none') return true
  const origin = one(headers.origin)
  return origin !== undefined && origin !== `http://${one(headers.host)}` && origin !== `https://${one(headers.host)}`
}

const isOwnName = (host: string | undefined): boolean => {
  if (host === undefined) return false
  const name = host
    .replace(/:\d+$/, '')
    .replace(/^\[(.*)\]$/, '$1')
    .toLowerCase()
  return name === 'localhost' || isIP(name) !== 0
}

const holds = (authorization: string | undefined, expected: Buffer): boolean => {
  const [scheme = '', value = ''] = (authorization ?? '').split(' ', 2)
  const basic = scheme.toLowerCase() === 'basic' ? Buffer.from(value, 'base64').toString() : undefined
  const offered = basic === undefined ? value : basic.slice(basic.indexOf(':') + 1)
  const known = basic !== undefined || scheme.toLowerCase() === 'bearer'
  return known && timingSafeEqual(digest(offered), expected)
}

/** Digests are of one length, so that the comparison tells nothing of the token's. */
const digest = (text: string): Buffer => createHash('sha256').update(text).digest()

const one = (value: string | string[] | undefined): string | undefined => (Array.isArray(value) ? value[0] : value)
