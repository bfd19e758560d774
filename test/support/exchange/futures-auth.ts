// Who is calling Kraken Futures: the key must be known and the signature must fit what arrived. A nonce is optional and may
// come a little late, but not twice (docs.kraken.com, "Futures REST", authentication).

import { createHash, createHmac } from 'node:crypto'
import type { Call } from './journal.ts'
import type { KrakenKey } from './keys.ts'
import { header } from './venue.ts'

export class FuturesAuth {
  readonly #keys = new Map<string, KrakenKey & { readonly account: string; readonly nonces: Set<string> }>()
  readonly #verify: boolean

  constructor(rule: { readonly verify: boolean }) {
    this.#verify = rule.verify
  }

  register(key: KrakenKey, account: string): void {
    if (!this.#keys.has(key.key)) this.#keys.set(key.key, { ...key, account, nonces: new Set() })
  }

  /** Whose call it is, or the name of what is wrong with it. */
  caller(call: Call): { readonly key: string; readonly account: string } | { readonly problem: string } {
    const known = this.#keys.get(header(call, 'apikey'))
    if (known === undefined) return { problem: 'authenticationError' }
    if (!this.#verify) return known
    const nonce = header(call, 'nonce')
    const said = call.body.length > 0 ? call.body.toString('utf8') : (call.target.split('?')[1] ?? '')
    if (header(call, 'authent') !== futuresSignature(said, nonce, call.path, known.secret)) {
      return { problem: 'authenticationError' }
    }
    if (nonce !== '' && known.nonces.has(nonce)) return { problem: 'nonceDuplicate' }
    known.nonces.add(nonce)
    return known
  }
}

/** The value of Authent: what is said in query or body, the nonce, and the path without `/derivatives`. */
export function futuresSignature(said: string, nonce: string, path: string, secret: string): string {
  const inner = createHash('sha256')
    .update(said + nonce + path.replace(/^\/derivatives/, ''))
    .digest()
  return createHmac('sha512', Buffer.from(secret, 'base64')).update(inner).digest('base64')
}

/** The signed headers of a call of Kraken Futures. */
export function signFutures(call: {
  readonly key: KrakenKey
  readonly path: string
  /** The query, or the body where there is one. */
  readonly said?: string
  readonly nonce?: string
}): Record<string, string> {
  const { key, path, said = '', nonce = '' } = call
  return {
    APIKey: key.key,
    Authent: futuresSignature(said, nonce, path, key.secret),
    ...(nonce !== '' && { Nonce: nonce }),
    'Content-Type': 'application/x-www-form-urlencoded',
  }
}
