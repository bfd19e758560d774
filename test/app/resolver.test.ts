// In transparent mode the machine is told that exchanges are where weir is: weir must not believe it.

import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import type { LookupFunction } from 'node:net'
import { networkInterfaces } from 'node:os'
import { describe, expect, onTestFinished, test } from 'vitest'
import { exchangeLookup, isOwnAddress } from '../../src/app/resolver.ts'
import { WeirError } from '../../src/core/errors.ts'

const HOST = 'api.kraken.com'
const A = 1

/** A DNS server that knows one IPv4 address for every name; returns where it listens. */
const dnsServer = async (address: string): Promise<string> => {
  const server = createSocket('udp4')
  server.on('message', (query, from) => {
    // Header (RFC 1035 §4.1.1), then the question as it came; its type is 4 bytes before its end.
    const end = query.indexOf(0, 12) + 5
    const isForA = query.readUInt16BE(end - 4) === A
    const head = Buffer.from([query[0] ?? 0, query[1] ?? 0, 0x81, 0x80, 0, 1, 0, isForA ? 1 : 0, 0, 0, 0, 0])
    const answer = Buffer.from([0xc0, 12, 0, A, 0, 1, 0, 0, 0, 60, 0, 4, ...address.split('.').map(Number)])
    server.send(
      Buffer.concat([head, query.subarray(12, end), isForA ? answer : Buffer.alloc(0)]),
      from.port,
      from.address,
    )
  })
  server.bind(0, '127.0.0.1')
  await once(server, 'listening')
  onTestFinished(() => void server.close())
  return `127.0.0.1:${server.address().port}`
}

const hostsFile =
  (...addresses: readonly string[]): LookupFunction =>
  (_host, _options, done) =>
    done(
      null,
      addresses.map((address) => ({ address, family: address.includes(':') ? 6 : 4 })),
    )

const ask = (lookup: LookupFunction, all = true): Promise<unknown> =>
  new Promise((resolve, reject) => {
    lookup(HOST, { all }, (error, found) => (error === null ? resolve(found) : reject(error)))
  })

const silent = (): void => {}

describe('an address of this machine', () => {
  test.each(['127.0.0.1', '127.8.9.1', '0.0.0.0', '::1', '::', '::ffff:127.0.0.1', 'localhost'])(
    'may be %s',
    (address) => {
      expect(isOwnAddress(address)).toBe(true)
    },
  )
  test('may be that of any interface', () => {
    const all = Object.values(networkInterfaces()).flatMap((entries) => entries ?? [])
    expect(all.map(({ address }) => isOwnAddress(address))).not.toContain(false)
  })
  test.each(['203.0.113.9', '104.16.1.1', '2606:4700::1', 'proxy.internal'])('is not %s', (address) => {
    expect(isOwnAddress(address)).toBe(false)
  })
})

describe('where an exchange is', () => {
  test('is what the system says, in whichever shape it is asked', async () => {
    const system = hostsFile('203.0.113.9', '2001:db8::9')
    const lookup = exchangeLookup({ servers: [], onLoop: silent, system })
    expect(await ask(lookup)).toEqual([
      { address: '203.0.113.9', family: 4 },
      { address: '2001:db8::9', family: 6 },
    ])
    expect(await ask(lookup, false)).toBe('203.0.113.9')
  })

  test('is asked of a DNS server that the operator named, whatever a hosts file says', async () => {
    const servers = [await dnsServer('203.0.113.7')]
    const lookup = exchangeLookup({ servers, onLoop: silent, system: hostsFile('127.0.0.1') })
    expect(await ask(lookup)).toEqual([{ address: '203.0.113.7', family: 4 }])
  })

  test('is not weir: a DNS server that says so too makes an error with advice', async () => {
    const told: string[] = []
    const servers = [await dnsServer('127.0.0.1')]
    const error: unknown = await ask(exchangeLookup({ servers, onLoop: (host) => told.push(host) })).catch((e) => e)
    expect(error).toBeInstanceOf(WeirError)
    expect(error).toMatchObject({ code: 'upstream_unreachable', message: expect.stringContaining('--dns') })
    expect(told).toEqual([HOST])
  })

  test('is a failure when the system has none', async () => {
    const system: LookupFunction = (_host, _options, done) =>
      done(Object.assign(new Error('none'), { code: 'ENOTFOUND' }), '', 0)
    await expect(ask(exchangeLookup({ servers: [], onLoop: silent, system }))).rejects.toMatchObject({
      code: 'ENOTFOUND',
    })
  })
})
