// Reading raw header fields, wherever they came from.

import type { RawHeaders } from './call.ts'

/** First value of a field, or undefined. `name` is lower-case. */
export const field = (headers: RawHeaders, name: string): string | undefined => {
  for (let index = 0; index < headers.length; index += 2) {
    const candidate = headers[index]
    if (candidate?.length === name.length && candidate.toLowerCase() === name) return headers[index + 1]
  }
  return undefined
}

/** Fields for one connection only (RFC 9110 §7.6.1), lower-case. `Connection` may name more. */
export const HOP_BY_HOP: ReadonlySet<string> = new Set([
  'connection',
  'http2-settings',
  'keep-alive',
  'proxy-connection',
  'proxy-authenticate',
  'proxy-authentication-info',
  'te',
  'transfer-encoding',
  'upgrade',
])

const BEARER = 'bearer '

/** Token of `Authorization: Bearer` (RFC 6750 §2.1). */
export const bearerToken = (headers: RawHeaders): string | undefined => {
  const authorization = field(headers, 'authorization')
  if (authorization === undefined || authorization.slice(0, BEARER.length).toLowerCase() !== BEARER) return undefined
  return authorization.slice(BEARER.length).trim()
}

/** Payload of a bearer JWT (RFC 7519 §3), not verified: the exchange does that. Undefined when there is none. */
export const bearerClaims = (headers: RawHeaders): Record<string, unknown> | undefined => {
  const part = bearerToken(headers)?.split('.', 3)[1]
  if (part === undefined) return undefined
  try {
    const payload: unknown = JSON.parse(Buffer.from(part, 'base64url').toString('utf8'))
    return typeof payload === 'object' && payload !== null ? (payload as Record<string, unknown>) : undefined
  } catch {
    return undefined
  }
}
