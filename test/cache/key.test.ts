import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { cacheKey } from '../../src/cache/key.ts'
import { aCacheRule, aCall, type CallChange } from '../support/build.ts'

const FORM = ['Content-Type', 'application/x-www-form-urlencoded']
const JSON_TYPE = ['Content-Type', 'application/json; charset=utf-8']
const READ = aCacheRule({ bodyParams: ['pair', 'since'] })

const key = (change: CallChange = {}): string | undefined => cacheKey(aCall({ cache: aCacheRule(), ...change }))
const post = (body: string, headers = FORM): string | undefined =>
  key({ method: 'POST', path: '/0/private/TradeVolume', body, headers, cache: READ, credential: 'a1' })

const hex = fc.string({ minLength: 1, maxLength: 4, unit: fc.constantFrom(...'0123456789abcdef') })

describe('the key of a call', () => {
  it('is the same for the same question in other words', () => {
    expect(key({ query: 'b=2&a=1' })).toBe(key({ query: 'a=1&b=2' }))
    expect(key({ query: 'pair=%7expl%2fusd' })).toBe(key({ query: 'pair=~xpl%2Fusd' }))
    expect(key({ headers: ['Accept-Encoding', 'gzip, br'] })).toBe(key({ headers: ['accept-encoding', 'br,gzip'] }))
    expect(key({ headers: ['Accept', 'application/json, text/plain, */*'] })).toBe(key({ headers: [] }))
    expect(key({ bot: 'one' })).toBe(key({ bot: 'two' }))
    expect(post('nonce=1&pair=X&since=2')).toBe(post('since=2&pair=X&nonce=77&otp=123'))
    expect(post('{"nonce":1,"pair":"X"}', JSON_TYPE)).toBe(post('{"pair":"X","nonce":2}', JSON_TYPE))
  })

  it.each<[string, CallChange, CallChange]>([
    ['path', { path: '/a' }, { path: '/b' }],
    ['case of the path', { path: '/a' }, { path: '/A' }],
    ['host', { host: 'api.kraken.com' }, { host: 'api.coinbase.com' }],
    ['value', { query: 'a=1' }, { query: 'a=2' }],
    ['order of values that share a name', { query: 'a=1&a=2' }, { query: 'a=2&a=1' }],
    ['encoded separator', { query: 'a=1%26b=2' }, { query: 'a=1&b=2' }],
    ['query against path', { path: '/a', query: 'b' }, { path: '/a\nb', query: '' }],
    ['credential', { credential: 'a1' }, { credential: 'b2' }],
    ['credential against none', { credential: 'a1' }, {}],
    ['encoding taken', { headers: ['Accept-Encoding', 'gzip'] }, { headers: [] }],
    ['encoding refused', { headers: ['Accept-Encoding', 'gzip;q=0'] }, { headers: ['Accept-Encoding', 'gzip'] }],
    ['API version', { headers: ['CB-VERSION', '2015-04-08'] }, { headers: ['CB-VERSION', '2021-08-03'] }],
    ['language', { headers: ['Accept-Language', 'de'] }, { headers: ['Accept-Language', 'en'] }],
    ['origin', { headers: ['Origin', 'https://a.example'] }, { headers: [] }],
    ['body of a GET', { body: 'a' }, {}],
  ])('differs by %s', (_what, one, other) => {
    expect(key(one)).toBeDefined()
    expect(key(one)).not.toBe(key(other))
  })

  it('differs by bot where answers are private', () => {
    const cache = aCacheRule({ private: true })
    expect(key({ cache, credential: 'a1', bot: 'one' })).not.toBe(key({ cache, credential: 'a1', bot: 'two' }))
    expect(key({ cache, credential: 'a1', bot: 'x\n\n' })).not.toBe(key({ cache, credential: 'a1', bot: 'x' }))
  })

  it.each<[string, CallChange]>([
    ['HEAD', { method: 'HEAD' }],
    ['DELETE', { method: 'DELETE' }],
    ['a POST of a class without body parameters', { method: 'POST', body: 'pair=X', headers: FORM }],
    ['an order, whatever its class says', { kind: 'order' }],
    ['a partial request', { headers: ['Range', 'bytes=0-1'] }],
    ['a conditional request', { headers: ['If-None-Match', '"x"'] }],
    ['a credential whose owner is not known', { headers: ['Authorization', 'Bearer x'] }],
    ['a session cookie', { headers: ['Cookie', '__cf_bm=1; session=2'] }],
    ['a private class without a credential', { cache: aCacheRule({ private: true }) }],
  ])('does not exist for %s', (_what, change) => {
    expect(key(change)).toBeUndefined()
  })

  it('exists beside cookies of the delivery network, which every bot with a cookie jar sends', () => {
    expect(key({ headers: ['Cookie', '__cf_bm=1; _cfuvid=2'] })).toBe(key({ headers: [] }))
  })
})

describe('the body of a POST read', () => {
  it('is part of the key', () => {
    expect(post('pair=X')).not.toBe(post('pair=Y'))
    expect(post('{"pair":"X"}', JSON_TYPE)).not.toBe(post('{"pair":"Y"}', JSON_TYPE))
  })

  it('tells numbers apart that a double can not hold', () => {
    // Kraken's `since` is in nanoseconds.
    const since = (digits: string): string | undefined => post(`{"since":${digits}}`, JSON_TYPE)
    expect(since('1616663618000000001')).not.toBe(since('1616663618000000002'))
    expect(since('1')).not.toBe(since('"1"'))
  })

  it.each([
    ['has a parameter that was not listed', 'nonce=1&pair=X&asset=Y', FORM],
    ['has one hidden by encoding', 'nonce=1&%61sset=Y', FORM],
    ['is JSON with one that was not listed', '{"asset":"Y"}', JSON_TYPE],
    ['is JSON but no object', '[1]', JSON_TYPE],
    ['is broken JSON', '{"pair":', JSON_TYPE],
    ['has no type', 'pair=X', []],
    ['has another type', 'pair=X', ['Content-Type', 'text/plain']],
    ['is very long', `pair=${'x'.repeat(20_000)}`, FORM],
  ])('bypasses the cache when it %s', (_what, body, headers) => {
    expect(post(body, headers)).toBeUndefined()
  })

  it('never puts a nonce, a one-time password or a signature into the key, even when it is listed', () => {
    const cache = aCacheRule({ bodyParams: ['nonce', 'otp', 'signature', 'pair'] })
    const keyed = key({
      method: 'POST',
      body: 'nonce=91&otp=92&signature=93&pair=X',
      headers: FORM,
      cache,
      credential: 'a1',
    })
    expect(keyed).toBeDefined()
    expect(keyed).not.toMatch(/9[123]/)
  })
})

describe('any two calls (property)', () => {
  const text = fc.string({ maxLength: 8, unit: fc.constantFrom('a', 'b', '=', '&', '%', '2', '6', '/', ' ') })
  const change = fc.record({
    path: text.map((rest) => `/${rest}`),
    query: text,
    bot: fc.string({ maxLength: 5 }),
    private: fc.boolean(),
  })
  const keyOf = (part: { path: string; query: string; bot: string; private: boolean }, credential: string) =>
    key({ path: part.path, query: part.query, bot: part.bot, credential, cache: aCacheRule({ private: part.private }) })

  it('with different credentials never share a key', () => {
    fc.assert(
      fc.property(change, change, hex, hex, (one, other, a, b) => {
        fc.pre(a !== b)
        expect(keyOf(one, a)).not.toBe(keyOf(other, b))
      }),
    )
  })

  it('of different bots never share a private key', () => {
    fc.assert(
      fc.property(change, fc.string(), fc.string(), (call, one, other) => {
        fc.pre(one !== other)
        expect(keyOf({ ...call, private: true, bot: one }, 'a1')).not.toBe(
          keyOf({ ...call, private: true, bot: other }, 'a1'),
        )
      }),
    )
  })

  it('share a key when only the order of differently named parameters differs', () => {
    const params = fc.uniqueArray(fc.tuple(hex, hex), { selector: ([name]) => name, maxLength: 5 })
    const shuffled = params.chain((list) =>
      fc.tuple(fc.constant(list), fc.shuffledSubarray(list, { minLength: list.length })),
    )
    fc.assert(
      fc.property(shuffled, ([one, other]) => {
        const query = (list: readonly (readonly [string, string])[]): string =>
          list.map((pair) => pair.join('=')).join('&')
        expect(key({ query: query(one) })).toBe(key({ query: query(other) }))
      }),
    )
  })
})
