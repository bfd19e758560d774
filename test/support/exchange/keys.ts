// Credentials of the simulated exchanges and how a bot signs with them. Keys are derived from a name, so a child
// process can sign for a key that its parent registered. They are worthless anywhere else.

import { createECDH, createHash, createHmac, createPrivateKey, type KeyObject, randomBytes, sign } from 'node:crypto'

export interface KrakenKey {
  readonly key: string
  /** Base64, as Kraken hands it out. */
  readonly secret: string
}

export interface CoinbaseKey {
  /** `organizations/…/apiKeys/…`, the JWT's `sub` and `kid`. */
  readonly name: string
  /** EC P-256 private key, PEM (SEC 1), as the Developer Platform hands it out. */
  readonly pem: string
}

export interface CoinbaseExchangeKey {
  readonly key: string
  readonly secret: string
  readonly passphrase: string
}

/** The Kraken key of that name: always the same one. */
export function krakenKey(name: string): KrakenKey {
  return {
    key: digest('sha512', `kraken key ${name}`).toString('base64').slice(0, 56),
    secret: digest('sha512', `kraken secret ${name}`).toString('base64'),
  }
}

/** The Coinbase Developer Platform key of that name: always the same one. */
export function coinbaseKey(name: string): CoinbaseKey {
  const ecdh = createECDH('prime256v1')
  const d = digest('sha256', `coinbase key ${name}`)
  ecdh.setPrivateKey(d)
  const point = ecdh.getPublicKey()
  const base64url = (bytes: Buffer) => bytes.toString('base64url')
  const jwk = {
    kty: 'EC',
    crv: 'P-256',
    d: base64url(d),
    x: base64url(point.subarray(1, 33)),
    y: base64url(point.subarray(33)),
  }
  const pem = createPrivateKey({ key: jwk, format: 'jwk' }).export({ type: 'sec1', format: 'pem' }).toString()
  return { name: `organizations/${uuid(`organization ${name}`)}/apiKeys/${uuid(`api key ${name}`)}`, pem }
}

/** The Coinbase Exchange key of that name: always the same one. */
export function coinbaseExchangeKey(name: string): CoinbaseExchangeKey {
  return {
    key: digest('sha256', `exchange key ${name}`).toString('hex').slice(0, 32),
    secret: digest('sha512', `exchange secret ${name}`).toString('base64'),
    passphrase: digest('sha256', `exchange passphrase ${name}`).toString('hex').slice(0, 11),
  }
}

/**
 * A signed Kraken private call: headers and body, ready to send by POST.
 * API-Sign = base64 of HMAC-SHA512 over path + SHA256(nonce + body), keyed with the decoded secret
 * (docs.kraken.com, "Spot REST authentication"). `params` become a form, or JSON with `json`; a given `body` is used as it is.
 */
export function signKraken(call: {
  readonly path: string
  readonly key: KrakenKey
  readonly nonce: string | number | bigint
  readonly params?: Readonly<Record<string, unknown>>
  readonly body?: string
  readonly json?: boolean
}): { headers: Record<string, string>; body: string } {
  const nonce = String(call.nonce)
  const fields = { nonce, ...call.params }
  const form = () =>
    new URLSearchParams(Object.entries(fields).map(([name, value]) => [name, String(value)])).toString()
  const body = call.body ?? (call.json ? JSON.stringify(fields) : form())
  const type = call.json ? 'application/json' : 'application/x-www-form-urlencoded'
  const signature = krakenSignature(call.path, nonce, Buffer.from(body), call.key.secret)
  return { headers: { 'API-Key': call.key.key, 'API-Sign': signature, 'Content-Type': type }, body }
}

/** The value of API-Sign. */
export function krakenSignature(path: string, nonce: string, body: Buffer, secret: string): string {
  const inner = createHash('sha256').update(nonce).update(body).digest()
  return createHmac('sha512', Buffer.from(secret, 'base64')).update(path).update(inner).digest('base64')
}

/**
 * A JWT as Coinbase Advanced and App want it: ES256, `uri` = METHOD host path without query, 120 s of life unless told
 * (docs.cdp.coinbase.com, "JWT authentication").
 */
export function coinbaseJwt(call: {
  readonly key: CoinbaseKey
  readonly method: string
  readonly host: string
  readonly path: string
  readonly wallMs: number
  readonly lifeSeconds?: number
}): string {
  const seconds = Math.floor(call.wallMs / 1000)
  const uri = `${call.method} ${call.host}${call.path.split('?')[0]}`
  const claims = { iss: 'cdp', sub: call.key.name, nbf: seconds, exp: seconds + (call.lifeSeconds ?? 120), uri }
  const head = { alg: 'ES256', typ: 'JWT', kid: call.key.name, nonce: randomBytes(16).toString('hex') }
  const text = `${base64urlJson(head)}.${base64urlJson(claims)}`
  const key: KeyObject = createPrivateKey(call.key.pem)
  return `${text}.${sign('sha256', Buffer.from(text), { key, dsaEncoding: 'ieee-p1363' }).toString('base64url')}`
}

/** The signed headers of a Coinbase Exchange call: base64 HMAC-SHA256 over timestamp + method + target + body. */
export function signCoinbaseExchange(call: {
  readonly key: CoinbaseExchangeKey
  readonly method: string
  readonly target: string
  readonly wallMs: number
  readonly body?: string
}): Record<string, string> {
  const timestamp = String(Math.floor(call.wallMs / 1000))
  const text = timestamp + call.method + call.target
  return {
    'CB-ACCESS-KEY': call.key.key,
    'CB-ACCESS-SIGN': coinbaseExchangeSignature(text, Buffer.from(call.body ?? ''), call.key.secret),
    'CB-ACCESS-TIMESTAMP': timestamp,
    'CB-ACCESS-PASSPHRASE': call.key.passphrase,
    'Content-Type': 'application/json',
  }
}

/** The value of CB-ACCESS-SIGN over the text before the body, and the body. */
export function coinbaseExchangeSignature(text: string, body: Buffer, secret: string): string {
  return createHmac('sha256', Buffer.from(secret, 'base64')).update(text).update(body).digest('base64')
}

/** A stable UUID for a name. */
export function uuid(name: string): string {
  const hex = digest('sha256', name).toString('hex')
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-4${hex.slice(13, 16)}-a${hex.slice(17, 20)}-${hex.slice(20, 32)}`
}

function digest(algorithm: string, text: string): Buffer {
  return createHash(algorithm).update(text).digest()
}

function base64urlJson(value: object): string {
  return Buffer.from(JSON.stringify(value)).toString('base64url')
}
