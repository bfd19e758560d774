import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { CredentialSource } from '../../src/core/rules.ts'
import { credentialId, Fingerprints } from '../../src/identify/credential.ts'

const KRAKEN: readonly CredentialSource[] = [{ from: 'header', name: 'api-key' }]
const COINBASE: readonly CredentialSource[] = [
  { from: 'jwt', claims: ['sub'] },
  { from: 'header', name: 'cb-access-key' },
]

const jwt = (payload: unknown, salt = 'signature'): string =>
  [{ alg: 'ES256', kid: 'organizations/o/apiKeys/k' }, payload]
    .map((part) => Buffer.from(JSON.stringify(part)).toString('base64url'))
    .concat(salt)
    .join('.')
const bearer = (token: string) => ['Authorization', `Bearer ${token}`]

describe('the id of a key', () => {
  it.each(['API-Key', 'api-key', 'Api-KEY'])('is found in a header, however it is spelt: %s', (name) => {
    expect(credentialId(KRAKEN, ['Host', 'api.kraken.com', name, 'KEYID', 'API-Sign', 'c2ln'])).toBe('KEYID')
  })

  it('is none when the header is absent or empty', () => {
    expect(credentialId(KRAKEN, ['Host', 'api.kraken.com'])).toBeUndefined()
    expect(credentialId(KRAKEN, ['API-Key', ''])).toBeUndefined()
    expect(credentialId(KRAKEN, ['API-Key-Old', 'KEYID'])).toBeUndefined()
  })

  it('is the same for every token that a key signs, although each token is new', () => {
    const ids = [1, 2].map((nbf) => credentialId(COINBASE, bearer(jwt({ sub: 'apiKeys/k', nbf }, `s${nbf}`))))
    expect(ids).toEqual(['apiKeys/k', 'apiKeys/k'])
  })

  it('falls back to the older header when there is no token', () => {
    expect(credentialId(COINBASE, ['CB-ACCESS-KEY', 'legacy'])).toBe('legacy')
  })

  it('falls back to the older header when the token does not say whose it is', () => {
    expect(credentialId(COINBASE, [...bearer(jwt({ iss: 'cdp' })), 'CB-ACCESS-KEY', 'legacy'])).toBe('legacy')
    expect(credentialId(COINBASE, bearer(jwt({ sub: 7 })))).toBeUndefined()
  })

  it('is the token itself where that is all there is to tell users apart (OAuth)', () => {
    expect(credentialId(COINBASE, bearer('opaque-token'))).toBe('opaque-token')
  })

  it('is no business of Basic authentication', () => {
    expect(credentialId(COINBASE, ['Authorization', 'Basic dXNlcjpwYXNz'])).toBeUndefined()
  })

  it('never throws, whatever the headers hold', () => {
    fc.assert(
      fc.property(fc.string(), fc.string(), (token, key) => {
        const headers = [...bearer(token), 'API-Key', key]
        for (const sources of [KRAKEN, COINBASE]) expect(credentialId(sources, headers)).not.toBe('')
      }),
    )
    for (const payload of [null, [], 'text', 7])
      expect(() => credentialId(COINBASE, bearer(jwt(payload)))).not.toThrow()
  })
})

describe('a fingerprint', () => {
  const secret = Buffer.alloc(32, 1)

  it('is 16 hex digits that do not contain the id', () => {
    expect(new Fingerprints(secret).of('KEYID')).toMatch(/^[0-9a-f]{16}$/)
  })

  it('is stable for an installation and different in another one', () => {
    const [one, again, other] = [secret, secret, Buffer.alloc(32, 2)].map((key) => new Fingerprints(key).of('KEYID'))
    expect(one).toBe(again)
    expect(one).not.toBe(other)
  })

  it('tells keys apart, and stays the same after more keys than are remembered', () => {
    const prints = new Fingerprints(secret)
    const first = prints.of('key 0')
    const all = new Set(Array.from({ length: 5000 }, (_, index) => prints.of(`key ${index}`)))
    expect(all.size).toBe(5000)
    expect(prints.of('key 0')).toBe(first)
  })
})
