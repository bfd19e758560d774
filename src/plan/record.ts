// What readers of all formats have in common: JSON that may be broken, URLs that may lead elsewhere, times in two spellings.

import type { ProxyRequest, RawHeaders } from '../core/call.ts'
import type { Millis } from '../core/units.ts'
import type { Asked, Item } from './item.ts'

export type Fields = Readonly<Record<string, unknown>>

/** The object that a text holds; undefined when it holds none. */
export const objectOf = (text: string): Fields | undefined => {
  try {
    return asObject(JSON.parse(text))
  } catch {
    return undefined
  }
}

export const asObject = (value: unknown): Fields | undefined =>
  typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Fields) : undefined

export const asText = (value: unknown): string | undefined => (typeof value === 'string' ? value : undefined)

export const broken = (message: string): Item => ({ what: 'broken', message })

/** A date in ISO 8601, or milliseconds; NaN when it is neither. */
export const timeOf = (value: unknown): Millis => (typeof value === 'number' ? value : Date.parse(asText(value) ?? ''))

/** The parts of a request that a trace tells. */
export interface Told {
  readonly method: unknown
  readonly url: unknown
  readonly headers: RawHeaders
  readonly body: string | undefined
}

/** A request as weir would receive it, or what keeps it from being one. */
export const askedOf = ({ method, url, headers, body }: Told, rest: Pick<Asked, 'atMs' | 'tookMs' | 'bot'>): Item => {
  if (typeof method !== 'string' || !/^[a-z]+$/i.test(method)) return broken('"method" is not a method such as GET')
  const parsed = typeof url === 'string' ? URL.parse(url) : null
  if (parsed === null) return broken('"url" is not a URL with scheme and host')
  const { protocol, hostname, pathname, search } = parsed
  if (protocol !== 'https:' && protocol !== 'http:') {
    return { what: 'elsewhere', host: hostname === '' ? protocol : `${protocol}//${hostname}` }
  }
  const call: ProxyRequest = {
    method: method.toUpperCase(),
    host: hostname.replace(/\.$/, ''),
    port: 443,
    target: pathname + search,
    path: pathname,
    query: search.slice(1),
    headers,
    body: body === undefined || body === '' ? undefined : Buffer.from(body),
  }
  return { what: 'call', ...rest, call }
}
