// Finds the public id of an API key in a request and turns it into a short keyed hash. The id itself goes no further.

import { createHmac } from 'node:crypto'
import type { RawHeaders } from '../core/call.ts'
import { bearerClaims, bearerToken, field } from '../core/headers.ts'
import type { CredentialSource } from '../core/rules.ts'

/** Ids remembered with their hashes; they come from bots, so the memory is bounded. */
const KEPT = 4096

/** The public id of the key a request is signed with; undefined when it carries none. */
export const credentialId = (sources: readonly CredentialSource[], headers: RawHeaders): string | undefined => {
  for (const source of sources) {
    const id = source.from === 'header' ? field(headers, source.name) : claim(headers, source.claims)
    if (id !== undefined && id !== '') return id
  }
  return undefined
}

/** Hashes key ids under a secret of this installation: the same key is recognised, and nobody can guess it back. */
export class Fingerprints {
  readonly #secret: Buffer
  readonly #known = new Map<string, string>()

  /** @param secret random bytes kept in the state directory */
  constructor(secret: Buffer) {
    this.#secret = secret
  }

  /** 16 hex digits, stable for this installation. */
  of(id: string): string {
    const known = this.#known.get(id)
    if (known !== undefined) return known
    const hash = createHmac('sha256', this.#secret).update(id).digest('hex').slice(0, 16)
    if (this.#known.size >= KEPT) this.#known.clear()
    this.#known.set(id, hash)
    return hash
  }
}

/** A JWT is made anew for each call; who made it stands in its payload. */
const claim = (headers: RawHeaders, names: readonly string[]): string | undefined => {
  const claims = bearerClaims(headers)
  for (const name of names) {
    const found = claims?.[name]
    if (typeof found === 'string') return found
  }
  // A bearer token that is no JWT (OAuth) is itself what tells users apart.
  return claims === undefined ? bearerToken(headers) : undefined
}
