import { describe, expect, test } from 'vitest'
import { WeirError } from '../../src/core/errors.ts'
import { type Place, readAuthority, readTarget } from '../../src/inbound/target.ts'

const hosts = new Set(['api.kraken.com', 'api.coinbase.com'])
const clear: Place = { host: undefined, loopback: true, hosts }
const far: Place = { ...clear, loopback: false }
const tunnel: Place = { ...clear, host: 'api.kraken.com' }

describe('a target inside a tunnel', () => {
  test.each([
    ['/0/public/Time', 'api.kraken.com', '/0/public/Time'],
    ['//evil.test/x', 'api.kraken.com', '//evil.test/x'],
    ['/a/../b/./%2e%2E?x=/../#'.slice(0, -1), 'api.kraken.com', '/a/../b/./%2e%2E?x=/../'],
    ['/https://api.coinbase.com/x', 'api.kraken.com', '/https://api.coinbase.com/x'],
    ['/A?b="<>|^`{}', 'API.Kraken.COM', '/A?b="<>|^`{}'],
    ['/x', 'api.kraken.com:443', '/x'],
    ['/x', 'api.kraken.com.', '/x'],
    ['/x', 'api.kraken.com:80', '/x'],
    ['https://api.kraken.com/x?y', 'api.kraken.com', '/x?y'],
    ['http://api.kraken.com?y', 'other.test', '/?y'],
    ['https://api.kraken.com', 'api.kraken.com', '/'],
  ])('%s with Host %s is %s', (url, host, target) => {
    expect(readTarget(url, host, tunnel)).toMatchObject({ host: 'api.kraken.com', target })
  })

  test('keeps a Host that names the tunnel, and makes one where there is none or another', () => {
    expect(readTarget('/', 'API.kraken.com:443', tunnel)).toMatchObject({ keepHost: true })
    expect(readTarget('/', 'api.kraken.com:80', tunnel)).toMatchObject({ keepHost: false })
    // In transparent mode on a port of its own the bot names that port.
    expect(readTarget('/', 'api.kraken.com:7080', tunnel)).toMatchObject({ keepHost: false })
    expect(readTarget('/', undefined, tunnel)).toMatchObject({ keepHost: false })
    expect(readTarget('https://api.kraken.com/', 'other.test', tunnel)).toMatchObject({ keepHost: false })
  })

  test.each([
    ['/x', 'api.coinbase.com', 421],
    ['/x', '127.0.0.1', 421],
    ['https://api.coinbase.com/x', 'api.kraken.com', 421],
    ['/x', 'api kraken', 400],
    ['/x', '', 400],
    ['/x', 'a@api.kraken.com', 400],
    ['/x#y', 'api.kraken.com', 400],
    ['*', 'api.kraken.com', 501],
    ['ftp://api.kraken.com/', 'api.kraken.com', 400],
    ['x', 'api.kraken.com', 400],
    ['https://u:p@api.kraken.com/', 'api.kraken.com', 400],
    ['https:///x', 'api.kraken.com', 400],
  ])('%s with Host %s is refused with %i', (url, host, status) => {
    const found = readTarget(url, host, tunnel)
    expect(found).toBeInstanceOf(WeirError)
    expect(found).toMatchObject({ code: 'bad_request', status })
  })
})

describe('a target in the clear', () => {
  test.each([
    ['http://api.kraken.com/x', '/x'],
    ['http://api.kraken.com:80//y', '//y'],
    ['http://api.kraken.com:443/y', '/y'],
    ['HTTPS://API.KRAKEN.COM/Y', '/Y'],
    ['/https://api.kraken.com/x?u=https://a/b', '/x?u=https://a/b'],
    ['/http://api.kraken.com/x', '/x'],
    ['/https%3A%2F%2Fapi.kraken.com%2Fx%3Fa%3D%2520b', '/x?a=%20b'],
    ['/HTTPS%3a%2f%2fapi.kraken.com', '/'],
  ])('%s is %s', (url, target) => {
    expect(readTarget(url, '127.0.0.1:8080', clear)).toEqual({ host: 'api.kraken.com', target, keepHost: false })
  })

  test.each([
    ['http://evil.test/', 'host_not_allowed', 403],
    ['http://api.kraken.com:8080/', 'host_not_allowed', 403],
    ['https://api.kraken.com:80/', 'host_not_allowed', 403],
    ['/https://evil.test/x', 'host_not_allowed', 403],
    ['http://api.kraken.com@evil.test/', 'bad_request', 400],
    ['http://api.kraken.com:0/', 'bad_request', 400],
    ['http://api.kraken.com:99999/', 'bad_request', 400],
    ['http://api.kraken.com%2eevil.test/', 'bad_request', 400],
    ['/0/public/Time', 'bad_request', 400],
    ['/', 'bad_request', 400],
    ['*', 'bad_request', 501],
    // Encoded line breaks would become a second request at the exchange.
    ['/https%3A%2F%2Fapi.kraken.com%2Fx%20HTTP/1.1%0d%0aHost:%20y', 'bad_request', 400],
    ['/https%3A%2F%2Fapi.kraken.com%2F%C3%A9', 'bad_request', 400],
    ['/https%3A%2F%2Fapi.kraken.com%2F%zz', 'bad_request', 400],
  ])('%s is refused: %s, %i', (url, code, status) => {
    expect(readTarget(url, '127.0.0.1:8080', clear)).toMatchObject({ code, status })
  })

  test('https in the clear is for loopback listeners only; http is relayed anywhere', () => {
    expect(readTarget('https://api.kraken.com/', 'x', far)).toMatchObject({ code: 'host_not_allowed' })
    expect(readTarget('/https://api.kraken.com/', 'x', far)).toMatchObject({ code: 'host_not_allowed' })
    expect(readTarget('http://api.kraken.com/', 'x', far)).toMatchObject({ host: 'api.kraken.com' })
  })
})

test.each([
  ['a.test', { host: 'a.test', port: undefined }],
  ['A.Test.:443', { host: 'a.test', port: 443 }],
  ['[::1]:80', { host: '[::1]', port: 80 }],
  ['2130706433:443', { host: '2130706433', port: 443 }],
  ['.', undefined],
  ['', undefined],
  ['a:', undefined],
  ['a:+1', undefined],
  ['a b', undefined],
  ['a/b', undefined],
  ['a,b', undefined],
  ['::1', undefined],
])('authority %j', (text, expected) => {
  expect(readAuthority(text)).toEqual(expected)
})
