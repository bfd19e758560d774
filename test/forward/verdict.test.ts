// What an answer means: status × body × encoding → verdict, by the rules that ship.

import { brotliCompressSync, deflateSync, gzipSync, zstdCompressSync } from 'node:zlib'
import { describe, expect, it } from 'vitest'
import type { Verdict } from '../../src/core/call.ts'
import type { Answer } from '../../src/forward/reading.ts'
import { judge, toldBudget } from '../../src/forward/verdict.ts'
import { shippedRules } from '../rules/shipped.ts'

const NOW_MS = Date.UTC(2026, 0, 1)
const exchanges = shippedRules().exchanges

function verdictOf(
  name: string,
  status: number,
  body: string | Buffer | object | undefined,
  headers: readonly string[] = [],
): Verdict {
  const exchange = exchanges.find((candidate) => candidate.name === name)
  if (exchange === undefined) throw new Error(`no exchange ${name}`)
  const bytes = body === undefined || Buffer.isBuffer(body) ? body : Buffer.from(textOf(body))
  const answer: Answer = { status, headers, body: bytes }
  return judge(exchange, answer, NOW_MS)
}

const textOf = (body: string | object): string => (typeof body === 'string' ? body : JSON.stringify(body))
const errors = (...words: string[]): object => ({ error: words })

describe('an answer of Kraken', () => {
  const in60s = NOW_MS / 1000 + 60
  it.each<[status: number, body: string | object, kind: Verdict['kind'], more: Partial<Verdict>]>([
    [200, { error: [], result: {} }, 'ok', { reason: 'ok' }],
    // No time is named: the bucket rests for its recovery, which doubles on repeats.
    [200, errors('EAPI:Rate limit exceeded'), 'throttled', { drains: 'private', pauseMs: undefined, hostWide: false }],
    [200, errors('EOrder:Rate limit exceeded'), 'throttled', { drains: 'engine', pauseMs: undefined, hostWide: false }],
    [200, errors('EGeneral:Too many requests'), 'throttled', { drains: 'public', hostWide: true, pauseMs: 5_000 }],
    [
      200,
      errors('EGeneral:Temporary lockout'),
      'banned',
      { drains: 'private', pauseMs: 900_000, hostWide: false, gate: true },
    ],
    [200, errors(`EService:Throttled: ${in60s}`), 'throttled', { drains: 'private', pauseMs: 60_000, gate: true }],
    [200, errors(`EService: Throttled:${in60s}`), 'throttled', { drains: 'private', pauseMs: 60_000 }],
    [200, errors('EService:Throttled: soon'), 'throttled', { pauseMs: 5_000 }],
    [200, errors(`EService:Throttled: ${in60s + 1e9}`), 'throttled', { pauseMs: 60_000 }],
    [200, errors('EAPI:Invalid nonce'), 'auth', {}],
    [200, errors('EAPI:Invalid key'), 'auth', {}],
    [200, errors('EService:Unavailable'), 'failing', { hostWide: false }],
    [200, errors('EService: Unavailable'), 'failing', {}],
    [200, errors('EOrder:Insufficient funds'), 'client', { reason: 'other error' }],
    [200, errors('EOrder:Insufficient funds', 'EAPI:Rate limit exceeded'), 'throttled', { drains: 'private' }],
    [429, '<html>Too Many Requests</html>', 'throttled', { reason: 'http 429', drains: 'public', hostWide: true }],
    [429, errors('EAPI:Rate limit exceeded'), 'throttled', { drains: 'private', hostWide: false }],
    [500, '', 'failing', { reason: 'http 500' }],
    [520, '<html>cloudflare</html>', 'failing', { reason: 'http 520' }],
    [503, errors('EService:Unavailable'), 'failing', { reason: 'EService:Unavailable' }],
    [408, '', 'failing', {}],
    [404, 'not found', 'client', { reason: 'http 404' }],
    [301, '', 'ok', {}],
    // A name among the results, or a text, is no error.
    [200, { error: [], result: { error: ['EAPI:Rate limit exceeded'] } }, 'ok', {}],
    [200, { error: 'EAPI:Rate limit exceeded' }, 'ok', {}],
    [200, { error: [], result: { note: 'EOrder: just a note' } }, 'ok', {}],
    [200, 'EAPI:Rate limit exceeded', 'ok', {}],
    [200, '[]', 'ok', {}],
    [200, 'null', 'ok', {}],
    [200, '{"error":[null,1,{}]}', 'ok', {}],
    [200, errors('WOrder:a warning'), 'ok', {}],
  ])('%i %j is %s', (status, body, kind, more) => {
    expect(verdictOf('kraken', status, body)).toMatchObject({ kind, ...more })
  })

  it('to a batch is judged by its orders too', () => {
    const orders = [{ txid: 'O1' }, { error: 'EOrder:Rate limit exceeded' }]
    expect(verdictOf('kraken', 200, { error: [], result: { orders } })).toMatchObject({
      kind: 'throttled',
      drains: 'engine',
    })
  })

  it.each([
    ['gzip', gzipSync],
    ['x-gzip', gzipSync],
    ['GZIP', gzipSync],
    ['br', brotliCompressSync],
    ['deflate', deflateSync],
    ['zstd', zstdCompressSync],
    ['identity', (bytes: Buffer) => bytes],
  ])('is read through its encoding: %s', (encoding, encode) => {
    const body = encode(Buffer.from(textOf(errors('EAPI:Rate limit exceeded'))))
    expect(verdictOf('kraken', 200, body, ['content-encoding', encoding])).toMatchObject({ kind: 'throttled' })
  })

  it.each([
    ['gzip', gzipSync],
    ['br', brotliCompressSync],
    ['deflate', deflateSync],
    ['zstd', zstdCompressSync],
  ])('that is a bomb is not unpacked, and is judged by its status: %s', (encoding, encode) => {
    const bomb = encode(Buffer.from(`{"error":["EAPI:Rate limit exceeded"],"x":"${'0'.repeat(10_000_000)}"}`))
    expect(bomb.length).toBeLessThan(16 * 1024)
    const before = process.memoryUsage().arrayBuffers
    expect(verdictOf('kraken', 200, bomb, ['Content-Encoding', encoding])).toMatchObject({ kind: 'ok' })
    expect(verdictOf('kraken', 503, bomb, ['Content-Encoding', encoding])).toMatchObject({ kind: 'failing' })
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(4_000_000)
  })

  it('in a broken or unknown encoding is judged by its status, and never throws', () => {
    const body = Buffer.from(textOf(errors('EAPI:Rate limit exceeded')))
    for (const encoding of ['gzip', 'br', 'deflate', 'zstd', 'snappy', 'gzip, br', 'constructor']) {
      expect(verdictOf('kraken', 200, body, ['Content-Encoding', encoding])).toMatchObject({ kind: 'ok' })
    }
    expect(verdictOf('kraken', 200, Buffer.from([0xff, 0xfe, 0x00]))).toMatchObject({ kind: 'ok' })
  })

  it('that was too large to hold is judged by its status', () => {
    expect(verdictOf('kraken', 200, undefined)).toMatchObject({ kind: 'ok' })
    expect(verdictOf('kraken', 502, undefined)).toMatchObject({ kind: 'failing' })
  })
})

describe('an answer of Coinbase', () => {
  it.each<[name: string, status: number, body: string | object, kind: Verdict['kind']]>([
    ['coinbase', 200, {}, 'ok'],
    ['coinbase', 429, '<html>429 Too Many Requests</html>', 'throttled'],
    ['coinbase', 429, { errors: [{ id: 'rate_limit_exceeded', message: '' }] }, 'throttled'],
    ['coinbase', 401, 'Unauthorized\n', 'auth'],
    ['coinbase', 403, '', 'auth'],
    ['coinbase', 400, { error: 'INVALID_ARGUMENT' }, 'client'],
    ['coinbase', 500, '', 'failing'],
    ['coinbase_app', 429, { errors: [{ id: 'rate_limit_exceeded' }] }, 'throttled'],
    ['coinbase_exchange', 429, { message: 'Private rate limit exceeded' }, 'throttled'],
    ['coinbase_exchange', 401, { message: 'invalid signature' }, 'auth'],
    ['coinbase_exchange', 404, { message: 'NotFound' }, 'client'],
    ['coinbase_exchange', 503, { message: 'down' }, 'failing'],
    // What looks like Kraken's words is not read here.
    ['coinbase', 200, errors('EAPI:Rate limit exceeded'), 'ok'],
  ])('%s: %i %j is %s', (name, status, body, kind) => {
    expect(verdictOf(name, status, body)).toMatchObject({ kind })
  })
})

describe('the network in front of an exchange', () => {
  const html = ['Content-Type', 'text/html; charset=UTF-8']
  const plain = ['Content-Type', 'text/plain']
  const address: Partial<Verdict> = { kind: 'throttled', drains: 'public', hostWide: true }
  const page1015 = '<!doctype html><title>Access denied</title><span class="cf-error-code">1015</span>'

  it.each<[name: string, status: number, body: string, headers: readonly string[], expected: Partial<Verdict>]>([
    ['kraken', 403, '<html>blocked</html>', html, { ...address, gate: true }],
    ['kraken', 429, '<html>slow down</html>', html, address],
    ['kraken', 429, 'error code: 1015', plain, address],
    ['kraken', 403, 'error code: 1015', plain, address],
    ['coinbase', 403, '<html>blocked</html>', html, { ...address, gate: true }],
    ['coinbase', 429, 'error code: 1015', plain, address],
    ['coinbase', 429, page1015, html, address],
    ['coinbase_app', 403, '<html>blocked</html>', html, { ...address, gate: true }],
    ['coinbase_exchange', 429, 'Error 1015', plain, address],
    ['coinbase_exchange', 403, '<html>blocked</html>', html, { ...address, gate: true }],
    // Coinbase answers a user's own calls over the limit with a page as well.
    ['coinbase', 429, '<html>429 Too Many Requests</html>', html, { kind: 'throttled', drains: undefined }],
    // The exchange's own words.
    ['coinbase', 403, '{"error":"PERMISSION_DENIED"}', ['Content-Type', 'application/json'], { kind: 'auth' }],
    ['kraken', 403, 'no', plain, { kind: 'client' }],
    ['kraken', 200, 'error code: 1015', plain, { kind: 'ok' }],
  ])('%s: %i %j is said to the address, or not', (name, status, body, headers, expected) => {
    expect(verdictOf(name, status, body, headers)).toMatchObject(expected)
  })

  it('is understood through an encoding', () => {
    const headers = [...html, 'Content-Encoding', 'gzip']
    expect(verdictOf('coinbase', 429, gzipSync(page1015), headers)).toMatchObject(address)
    expect(verdictOf('coinbase', 429, page1015, headers)).toMatchObject({ kind: 'throttled', drains: undefined })
  })
})

describe('fields that tell of a limit', () => {
  const told = (name: string, ...headers: string[]) => {
    const exchange = exchanges.find((candidate) => candidate.name === name)
    return exchange && toldBudget(exchange, headers)
  }

  it('are read where the exchange has them, in whatever case', () => {
    expect(told('coinbase', 'X-RateLimit-Limit', '30', 'X-RateLimit-Remaining', '29')).toEqual({
      limit: 30,
      remaining: 29,
    })
    expect(told('coinbase', 'x-ratelimit-remaining', '0')).toEqual({ limit: undefined, remaining: 0 })
    expect(told('coinbase', 'content-type', 'text/plain')).toBeUndefined()
    expect(told('kraken', 'x-ratelimit-remaining', '3')).toBeUndefined()
  })

  it.each(['', '-1', 'many', '1e9', '99999999999999', '0x10', '3;w=1', 'NaN'])(
    'are not believed when they hold %j',
    (value) => {
      expect(told('coinbase', 'x-ratelimit-remaining', value)).toBeUndefined()
    },
  )
})

describe('a pause', () => {
  const pause = (value: string) => verdictOf('coinbase', 429, '', ['retry-after', value]).pauseMs

  it.each([
    ['7', 7_000],
    [' 7 ', 7_000],
    ['0', 0],
    [new Date(NOW_MS + 30_000).toUTCString(), 30_000],
    [new Date(NOW_MS - 30_000).toUTCString(), 0],
    ['99999999999', 900_000],
    ['soon', undefined],
    ['0.5', 500],
    // Date.parse takes these for days of 2001, long past: the exchange would be called again at once.
    ['-5', undefined],
    ['5 s', undefined],
    ['1e3', undefined],
    ['', undefined],
  ])('that is asked for by Retry-After %j is %s ms', (value, expected) => {
    expect(pause(value)).toBe(expected)
  })

  it('is the longer of what the answer asks and what the rule says', () => {
    const lockout = errors('EGeneral:Too many requests')
    expect(verdictOf('kraken', 200, lockout, ['Retry-After', '60']).pauseMs).toBe(60_000)
    expect(verdictOf('kraken', 200, lockout, ['Retry-After', '1']).pauseMs).toBe(5_000)
  })
})
