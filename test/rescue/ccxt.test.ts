// What a bot's library makes of weir's answers: ccxt's own error classes, raised by ccxt's own code from our status and body.

import ccxt from 'ccxt'
import { describe, expect, it } from 'vitest'
import { ERRORS, type ErrorCode, WeirError } from '../../src/core/errors.ts'
import type { ExchangeRule } from '../../src/core/rules.ts'
import { errorReply } from '../../src/rescue/layer.ts'
import { HOSTS, sampleExchange } from '../observe/samples.ts'

const LIBRARIES = {
  kraken: ccxt.kraken,
  kraken_futures: ccxt.krakenfutures,
  coinbase: ccxt.coinbase,
  coinbase_exchange: ccxt.coinbaseexchange,
  // Its dialect is none in particular: the status alone must do.
  coinbase_international: ccxt.coinbaseinternational,
} as const
type Name = keyof typeof LIBRARIES

/** Lets ccxt read the reply as it reads an exchange's: first the exchange's own handler, then the status. */
const raisedBy = (name: Name, code: ErrorCode, exchange: ExchangeRule, className: string): string => {
  const rule = exchange.classes.find((candidate) => candidate.name === className)
  const reply = errorReply(new WeirError(code), { exchange, rule, wallMs: 0 }, 'call-1')
  const library = new LIBRARIES[name]() as unknown as {
    handleErrors(...args: unknown[]): unknown
    handleHttpStatusCode(...args: unknown[]): void
  }
  const text = String(reply.body)
  const parsed: unknown = JSON.parse(text)
  try {
    library.handleErrors(reply.status, reply.statusText, 'https://x/', 'POST', {}, text, parsed, {}, undefined)
    library.handleHttpStatusCode(reply.status, reply.statusText, 'https://x/', 'POST', text)
  } catch (error) {
    return (error as Error).constructor.name
  }
  return 'nothing'
}

const LIMITS = ['limit_reached', 'queue_full', 'deadline_too_short'] as const
const kraken = HOSTS['api.kraken.com']
const coinbase = HOSTS['api.coinbase.com']
const coinbaseExchange = HOSTS['api.exchange.coinbase.com']
const futures = sampleExchange('kraken_futures', 'kraken_futures')
const international = sampleExchange('coinbase_international', 'plain')

describe('ccxt, told of a limit', () => {
  it.each(LIMITS)('raises the retryable error for it at every exchange: %s', (code) => {
    for (const className of ['public', 'private', 'orders', 'cancel']) {
      expect(raisedBy('kraken', code, kraken, className)).toBe('DDoSProtection')
      expect(raisedBy('kraken_futures', code, futures, className)).toBe('RateLimitExceeded')
      expect(raisedBy('coinbase_international', code, international, className)).toBe('RateLimitExceeded')
      expect(raisedBy('coinbase', code, coinbase, className)).toBe('RateLimitExceeded')
      expect(raisedBy('coinbase_exchange', code, coinbaseExchange, className)).toBe('RateLimitExceeded')
    }
  })

  it('raises the same at Kraken when refusals are told with a status of 429', () => {
    expect(raisedBy('kraken', 'limit_reached', sampleExchange('kraken', 'kraken', 429), 'private')).toBe(
      'DDoSProtection',
    )
  })
})

describe('ccxt, told of anything else', () => {
  const expected: Record<Exclude<ErrorCode, (typeof LIMITS)[number]>, Record<Name, string>> = {
    nonce_too_low: {
      ...all('ExchangeNotAvailable'),
      kraken: 'InvalidNonce',
      kraken_futures: 'InvalidNonce',
      coinbase_exchange: 'ExchangeError',
    },
    key_stopped: { ...all('RateLimitExceeded'), kraken: 'DDoSProtection', kraken_futures: 'AuthenticationError' },
    circuit_open: all('ExchangeNotAvailable'),
    shutting_down: all('ExchangeNotAvailable'),
    upstream_unreachable: all('ExchangeNotAvailable'),
    upstream_timeout: {
      ...all('RequestTimeout'),
      kraken: 'ExchangeNotAvailable',
      kraken_futures: 'ExchangeNotAvailable',
    },
    host_not_allowed: { ...all('ExchangeNotAvailable'), kraken: 'PermissionDenied', kraken_futures: 'BadRequest' },
    bad_request: {
      ...all('ExchangeError'),
      kraken: 'BadRequest',
      kraken_futures: 'BadRequest',
      coinbase_international: 'ExchangeNotAvailable',
    },
    // ccxt's coinbaseexchange judges 413 only later, by the `message` of the body.
    body_too_large: {
      ...all('nothing'),
      kraken: 'BadRequest',
      kraken_futures: 'BadRequest',
      coinbase: 'ExchangeError',
    },
    internal: { ...all('ExchangeNotAvailable'), kraken_futures: 'ExchangeError' },
  }

  it.each(Object.keys(expected) as (keyof typeof expected)[])(
    'raises what the exchange’s own answer would: %s',
    (code) => {
      expect(raisedBy('kraken', code, kraken, 'private')).toBe(expected[code].kraken)
      expect(raisedBy('kraken_futures', code, futures, 'private')).toBe(expected[code].kraken_futures)
      const { coinbase_international: inPlainWords } = expected[code]
      expect(raisedBy('coinbase_international', code, international, 'private')).toBe(inPlainWords)
      expect(raisedBy('coinbase', code, coinbase, 'private')).toBe(expected[code].coinbase)
      expect(raisedBy('coinbase_exchange', code, coinbaseExchange, 'private')).toBe(expected[code].coinbase_exchange)
    },
  )

  it('has an expectation for every code there is', () => {
    expect([...LIMITS, ...Object.keys(expected)].sort()).toEqual(Object.keys(ERRORS).sort())
  })
})

function all(name: string): Record<Name, string> {
  return {
    kraken: name,
    kraken_futures: name,
    coinbase: name,
    coinbase_exchange: name,
    coinbase_international: name,
  }
}
