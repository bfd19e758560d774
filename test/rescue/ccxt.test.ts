// What a bot's library makes of weir's answers: ccxt's own error classes, raised by ccxt's own code from our status and body.

import ccxt from 'ccxt'
import { describe, expect, it } from 'vitest'
import { ERRORS, type ErrorCode, WeirError } from '../../src/core/errors.ts'
import type { ExchangeRule } from '../../src/core/rules.ts'
import { errorReply } from '../../src/rescue/layer.ts'
import { HOSTS, sampleExchange } from '../observe/samples.ts'

const LIBRARIES = { kraken: ccxt.kraken, coinbase: ccxt.coinbase, coinbase_exchange: ccxt.coinbaseexchange } as const
type Name = keyof typeof LIBRARIES

/** Lets ccxt read the reply as it reads an exchange's: first the exchange's own handler, then the status. */
const raisedBy = (name: Name, code: ErrorCode, exchange: ExchangeRule, className: string): string => {
  const rule = exchange.classes.find((candidate) => candidate.name === className)
  const reply = errorReply(new WeirError(code), { exchange, rule }, 'call-1')
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

describe('ccxt, told of a limit', () => {
  it.each(LIMITS)('raises the retryable error for it at every exchange: %s', (code) => {
    for (const className of ['public', 'private', 'orders', 'cancel']) {
      expect(raisedBy('kraken', code, kraken, className)).toBe('DDoSProtection')
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
    nonce_too_low: { kraken: 'InvalidNonce', coinbase: 'ExchangeNotAvailable', coinbase_exchange: 'ExchangeError' },
    key_stopped: { kraken: 'DDoSProtection', coinbase: 'RateLimitExceeded', coinbase_exchange: 'RateLimitExceeded' },
    circuit_open: all('ExchangeNotAvailable'),
    shutting_down: all('ExchangeNotAvailable'),
    upstream_unreachable: all('ExchangeNotAvailable'),
    upstream_timeout: { ...all('RequestTimeout'), kraken: 'ExchangeNotAvailable' },
    host_not_allowed: { ...all('ExchangeNotAvailable'), kraken: 'PermissionDenied' },
    bad_request: { kraken: 'BadRequest', coinbase: 'ExchangeError', coinbase_exchange: 'ExchangeError' },
    // ccxt's coinbaseexchange judges 413 only later, by the `message` of the body.
    body_too_large: { kraken: 'BadRequest', coinbase: 'ExchangeError', coinbase_exchange: 'nothing' },
    internal: all('ExchangeNotAvailable'),
  }

  it.each(Object.keys(expected) as (keyof typeof expected)[])(
    'raises what the exchange’s own answer would: %s',
    (code) => {
      expect(raisedBy('kraken', code, kraken, 'private')).toBe(expected[code].kraken)
      expect(raisedBy('coinbase', code, coinbase, 'private')).toBe(expected[code].coinbase)
      expect(raisedBy('coinbase_exchange', code, coinbaseExchange, 'private')).toBe(expected[code].coinbase_exchange)
    },
  )

  it('has an expectation for every code there is', () => {
    expect([...LIMITS, ...Object.keys(expected)].sort()).toEqual(Object.keys(ERRORS).sort())
  })
})

function all(name: string): Record<Name, string> {
  return { kraken: name, coinbase: name, coinbase_exchange: name }
}
