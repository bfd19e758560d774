// Who is calling Coinbase: the JWT of the Advanced Trade and App APIs, and the CB-ACCESS headers of the Exchange API
// (docs.cdp.coinbase.com, "JWT authentication", "Exchange REST authentication").

import { createPublicKey, type KeyObject, verify } from 'node:crypto'
import { isRecord } from './form.ts'
import type { Call } from './journal.ts'
import { type CoinbaseExchangeKey, type CoinbaseKey, coinbaseExchangeSignature } from './keys.ts'
import { header } from './venue.ts'

const SIGNATURE_LIFE_S = 30
const CLOCK_LEEWAY_S = 5

/** Registered Developer Platform keys; all keys of one user share that user's limit. */
export class JwtAuth {
  readonly #keys = new Map<string, { readonly user: string; readonly publicKey: KeyObject }>()
  readonly #verify: boolean

  constructor(rule: { readonly verify: boolean }) {
    this.#verify = rule.verify
  }

  register(key: CoinbaseKey, user: string): void {
    this.#keys.set(key.name, { user, publicKey: createPublicKey(key.pem) })
  }

  has(name: string): boolean {
    return this.#keys.has(name)
  }

  /** Key and user of a call, or why it is not let in. */
  caller(call: Call): { readonly key: string; readonly user: string } | { readonly problem: string } {
    const token = /^Bearer ([\w-]+)\.([\w-]+)\.([\w-]+)$/.exec(header(call, 'authorization'))
    if (!token) return { problem: 'no bearer token' }
    const [, head = '', payload = '', signature = ''] = token
    const claims = decode(payload)
    const key = String(claims.sub ?? decode(head).kid ?? '')
    const known = this.#keys.get(key)
    if (!known) return { problem: 'unknown key' }
    const problem = this.#verify ? look(call, `${head}.${payload}`, signature, claims, known.publicKey) : undefined
    return problem === undefined ? { key, user: known.user } : { problem }
  }
}

/** Registered Exchange keys; a key belongs to one profile. */
export class AccessAuth {
  readonly #keys = new Map<string, CoinbaseExchangeKey & { readonly profile: string }>()
  readonly #verify: boolean

  constructor(rule: { readonly verify: boolean }) {
    this.#verify = rule.verify
  }

  register(key: CoinbaseExchangeKey, profile: string): void {
    this.#keys.set(key.key, { ...key, profile })
  }

  has(key: string): boolean {
    return this.#keys.has(key)
  }

  /** Profile of a call, or the exchange's word for why it is not let in. */
  caller(call: Call): { readonly profile: string } | { readonly problem: string } {
    const known = this.#keys.get(header(call, 'cb-access-key'))
    if (!known) return { problem: 'invalid api key' }
    if (!this.#verify) return { profile: known.profile }
    const timestamp = header(call, 'cb-access-timestamp')
    if (!(Math.abs(Number(timestamp) - call.wallMs / 1000) <= SIGNATURE_LIFE_S))
      return { problem: 'request timestamp expired' }
    const signature = coinbaseExchangeSignature(timestamp + call.method + call.target, call.body, known.secret)
    if (header(call, 'cb-access-sign') !== signature) return { problem: 'invalid signature' }
    if (header(call, 'cb-access-passphrase') !== known.passphrase) return { problem: 'invalid passphrase' }
    return { profile: known.profile }
  }
}

function look(
  call: Call,
  text: string,
  signature: string,
  claims: Record<string, unknown>,
  key: KeyObject,
): string | undefined {
  const seconds = call.wallMs / 1000
  const bytes = Buffer.from(signature, 'base64url')
  if (!verify('sha256', Buffer.from(text), { key, dsaEncoding: 'ieee-p1363' }, bytes)) return 'bad signature'
  if (!(Number(claims.exp) > seconds)) return 'expired'
  if (!(Number(claims.nbf) <= seconds + CLOCK_LEEWAY_S)) return 'not yet valid'
  const uris = Array.isArray(claims.uris) ? claims.uris : [claims.uri]
  return uris.includes(`${call.method} ${call.host}${call.path}`) ? undefined : 'wrong uri'
}

function decode(part: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(Buffer.from(part, 'base64url').toString('utf8'))
    return isRecord(value) ? value : {}
  } catch {
    return {}
  }
}
