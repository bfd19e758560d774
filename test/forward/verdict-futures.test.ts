// What an answer of Kraken Futures means, by the rules that ship: it says so in `result` and `error`, with whatever status.

import { gzipSync } from 'node:zlib'
import { describe, expect, it } from 'vitest'
import type { Verdict } from '../../src/core/call.ts'
import { judge, readsBodies } from '../../src/forward/verdict.ts'
import { shippedRules } from '../rules/shipped.ts'

const exchange = shippedRules().exchanges.find(({ name }) => name === 'kraken_futures')
const serverTime = '2026-11-22T12:00:00.000Z'
const error = (name: string): object => ({ result: 'error', serverTime, error: name })

const verdictOf = (status: number, body: object | string, encoding?: 'gzip'): Verdict => {
  if (exchange === undefined) throw new Error('no Kraken Futures')
  const text = Buffer.from(typeof body === 'string' ? body : JSON.stringify(body))
  const headers = encoding === undefined ? [] : ['Content-Encoding', encoding]
  return judge(exchange, { status, headers, body: encoding === undefined ? text : gzipSync(text) }, 0)
}

describe('an answer of Kraken Futures', () => {
  it('is read', () => expect(readsBodies('kraken_futures')).toBe(true))

  it.each<[status: number, body: object | string, kind: Verdict['kind'], more: Partial<Verdict>]>([
    [200, { result: 'success', serverTime, openOrders: [] }, 'ok', { reason: 'ok' }],
    [200, { result: 'success', serverTime, sendStatus: { status: 'insufficientAvailableFunds' } }, 'ok', {}],
    [200, error('apiLimitExceeded'), 'throttled', { reason: 'apiLimitExceeded', drains: undefined, hostWide: false }],
    [400, error('apiLimitExceeded'), 'throttled', { reason: 'apiLimitExceeded', hostWide: false }],
    [429, error('apiLimitExceeded'), 'throttled', { reason: 'apiLimitExceeded', hostWide: false }],
    [503, error('apiLimitExceeded'), 'throttled', { reason: 'apiLimitExceeded', hostWide: false }],
    [200, error('authenticationError'), 'auth', {}],
    [401, error('authenticationError'), 'auth', {}],
    [200, error('nonceBelowThreshold'), 'auth', {}],
    [200, error('nonceBelowThreshold: 1700000000000'), 'auth', { reason: 'nonceBelowThreshold' }],
    [200, error('nonceDuplicate'), 'auth', {}],
    [200, error('Unavailable'), 'failing', {}],
    [200, error('unavailable'), 'failing', {}],
    [200, error('Server Error'), 'failing', {}],
    // One market, not the exchange.
    [200, error('marketUnavailable'), 'client', { reason: 'marketUnavailable' }],
    ...[
      'accountInactive',
      'contractNotFound',
      'insufficientFunds',
      'invalidAccount',
      'invalidAmount',
      'invalidArgument',
      'invalidUnit',
      'Json Parse Error',
      'notFound',
      'requiredArgumentMissing',
      'unknownError',
    ].map((name): [number, object, 'client', object] => [200, error(name), 'client', { reason: 'other error' }]),
    // github.com/ccxt/ccxt/issues/19896: an order without funds, with a status of 500.
    [500, { errors: [{ code: 92, message: 'INSUFFICIENT_MARGIN' }] }, 'client', { reason: 'INSUFFICIENT_MARGIN' }],
    [500, { errors: [{ code: 1, message: 'something else' }] }, 'failing', { reason: 'http 500' }],
    [400, { result: 'error', errors: ['apiLimitExceeded'] }, 'throttled', {}],
    [429, '<html>Too Many Requests</html>', 'throttled', { reason: 'http 429', hostWide: true }],
    [520, '<html>cloudflare</html>', 'failing', {}],
    [404, 'not found', 'client', {}],
    [200, '[]', 'ok', {}],
    [200, '{"result":"error","error":', 'ok', {}],
  ])('%d %j is %s', (status, body, kind, more) => {
    expect(verdictOf(status, body)).toMatchObject({ kind, ...more })
  })

  it('is read when it is compressed, too', () => {
    expect(verdictOf(200, error('apiLimitExceeded'), 'gzip').kind).toBe('throttled')
    expect(verdictOf(200, { result: 'success', serverTime }, 'gzip').kind).toBe('ok')
  })
})
