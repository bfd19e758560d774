import { describe, expect, it } from 'vitest'
import { covers, noProxy } from '../../src/launch/no-proxy.ts'

describe('an entry of NO_PROXY', () => {
  it.each([
    '*',
    'api.kraken.com',
    'API.Kraken.com',
    'kraken.com',
    '.kraken.com',
    '.api.kraken.com',
    '*.kraken.com',
    '*kraken.com',
    'api.*.com',
    'com',
    'api.kraken.com.',
    'api.kraken.com:443',
    'https://api.kraken.com',
    // requests compares ends of names.
    'aken.com',
  ])('%s would lead api.kraken.com past weir', (entry) => expect(covers(entry, 'api.kraken.com')).toBe(true))

  it.each([
    'localhost',
    '10.0.0.0/8',
    '127.0.0.1',
    '::1',
    'db.internal',
    'api.coinbase.com',
    'apixkraken.com',
    'futures.kraken.com',
  ])('%s would not', (entry) => expect(covers(entry, 'api.kraken.com')).toBe(false))
})

describe('NO_PROXY of a launched bot', () => {
  it('keeps what is harmless of both lists, each once, and always this machine', () => {
    const lists = ['db.internal, .kraken.com localhost', 'db.internal,*,10.0.0.0/8', undefined]
    expect(noProxy(lists, ['api.kraken.com'])).toBe('localhost,127.0.0.1,::1,db.internal,10.0.0.0/8')
  })
})
