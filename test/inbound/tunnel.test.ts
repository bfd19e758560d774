// The blind tunnel: where it may go, and that it is nothing but bytes.

import { createServer, type LookupFunction, type Server, type Socket } from 'node:net'
import { describe, expect, test } from 'vitest'
import { isPublic, publicLookup } from '../../src/inbound/address.ts'
import type { InboundDeps } from '../../src/inbound/settings.ts'
import { dial, eventually, KRAKEN, start, tunnel } from './support.ts'

describe('an address', () => {
  test.each([
    '0.0.0.0',
    '10.1.2.3',
    '100.64.0.1',
    '100.127.255.255',
    '127.0.0.1',
    '127.255.255.255',
    '169.254.169.254',
    '172.16.0.1',
    '172.31.255.255',
    '192.168.1.1',
    '198.18.0.1',
    '224.0.0.1',
    '239.1.1.1',
    '240.0.0.1',
    '255.255.255.255',
    '::',
    '::1',
    '::ffff:127.0.0.1',
    '::ffff:7f00:1',
    '::ffff:10.0.0.1',
    '::127.0.0.1',
    '64:ff9b::7f00:1',
    '64:ff9b:1::1',
    '2002:7f00:1::',
    '2001:0:1::',
    'fc00::1',
    'fd12:3456::1',
    'fe80::1',
    'fec0::1',
    'ff02::1',
    '2001:db8::1',
    '100::1',
    'localhost',
    '2130706433',
    '0x7f.1',
    '',
  ])('%s is not public', (address) => {
    expect(isPublic(address)).toBe(false)
  })

  test.each([
    '1.1.1.1',
    '100.63.255.255',
    '100.128.0.0',
    '172.15.0.1',
    '172.32.0.1',
    '192.169.0.1',
    '2606:4700::1111',
    '::ffff:1.1.1.1',
  ])('%s is public', (address) => {
    expect(isPublic(address)).toBe(true)
  })
})

describe('a resolver for tunnels', () => {
  const answering =
    (addresses: { address: string; family: number }[]): LookupFunction =>
    (_name, _options, done) =>
      done(null, addresses)
  const ask = (lookup: LookupFunction, all: boolean): Promise<unknown> =>
    new Promise((resolve, reject) => {
      lookup('a.test', { all }, (error, found) => (error === null ? resolve(found) : reject(error)))
    })
  const inner = { address: '10.0.0.1', family: 4 }
  const outer = { address: '1.1.1.1', family: 4 }

  test('keeps public addresses and drops the others', async () => {
    expect(await ask(publicLookup(answering([inner, outer])), true)).toEqual([outer])
    expect(await ask(publicLookup(answering([inner, outer])), false)).toBe('1.1.1.1')
  })

  test('fails when nothing is left', async () => {
    await expect(ask(publicLookup(answering([inner])), true)).rejects.toMatchObject({ code: 'WEIR_ADDRESS_PROHIBITED' })
    await expect(ask(publicLookup(answering([])), false)).rejects.toMatchObject({ code: 'WEIR_ADDRESS_PROHIBITED' })
  })
})

describe('CONNECT to a host that is none of ours', { timeout: 20_000 }, () => {
  const connect = async (
    authority: string,
    over: Partial<InboundDeps> = {},
  ): Promise<{ status: string; body: string; asked: string[] }> => {
    const asked: string[] = []
    const loopback: LookupFunction = (name, _options, done) => {
      asked.push(name)
      done(null, [{ address: '127.0.0.1', family: 4 }])
    }
    await using weir = await start({ lookup: loopback, ...over })
    using bot = await dial(weir.port)
    const heard = await bot.say(`CONNECT ${authority} HTTP/1.1\r\nHost: ${authority}\r\n\r\n`).over()
    const [status = ''] = heard.split('\r\n')
    return { status, body: heard.split('\r\n\r\n')[1] ?? '', asked }
  }

  test.each([
    '127.0.0.1:443',
    '169.254.169.254:443',
    '10.0.0.1:443',
    '[::1]:443',
    '[::ffff:127.0.0.1]:443',
    '[fd00::1]:443',
    '0.0.0.0:443',
  ])('%s is refused without a look-up', async (authority) => {
    const { status, body, asked } = await connect(authority)
    expect(status).toBe('HTTP/1.1 403 weir: the address is private, tunnels reach public ones only')
    expect(JSON.parse(body)).toMatchObject({ weir: { code: 'host_not_allowed' } })
    expect(asked).toEqual([])
  })

  test.each(['localhost:443', '2130706433:443', '0x7f.1:443', '127.1:443', 'rebound.test:443', 'LOCALHOST.:443'])(
    '%s is refused for what it resolves to',
    async (authority) => {
      const { status, asked } = await connect(authority)
      expect(status).toMatch(/^HTTP\/1\.1 403 weir: the address is private/)
      expect(asked).toHaveLength(1)
    },
  )

  test("the machine's own resolver is asked when none is handed in", async () => {
    await using weir = await start()
    for (const name of ['localhost', '2130706433', '127.1', '0x7f.1']) {
      using bot = await dial(weir.port)
      expect(await bot.say(`CONNECT ${name}:443 HTTP/1.1\r\n\r\n`).over()).toMatch(/^HTTP\/1\.1 403 /)
    }
  })

  test.each([
    ['a.test:80', 'HTTP/1.1 403 weir: tunnels reach port 443 only'],
    ['a.test:22', 'HTTP/1.1 403 weir: tunnels reach port 443 only'],
    [`${KRAKEN}:8443`, 'HTTP/1.1 403 weir: exchange hosts are relayed on ports 443 and 80 only'],
    ['a.test', 'HTTP/1.1 400 weir: CONNECT names a host and a port.'],
    ['a.test:0', 'HTTP/1.1 400 weir: CONNECT names a host and a port.'],
    ['u@a.test:443', 'HTTP/1.1 400 weir: CONNECT names a host and a port.'],
    ['https://a.test:443/', 'HTTP/1.1 400 weir: CONNECT names a host and a port.'],
  ])('%s is refused: %s', async (authority, expected) => {
    const { status, asked } = await connect(authority)
    expect(status).toBe(expected)
    expect(asked).toEqual([])
  })

  test('every other host is refused where tunnels are denied', async () => {
    const { status } = await connect('a.test:443', { tunnelPolicy: () => 'deny' })
    expect(status).toBe('HTTP/1.1 403 weir: the host is not in limits.yaml')
  })

  test('a name that does not resolve is a 502, a host that does not answer a 504', async () => {
    const missing: LookupFunction = (_name, _options, done) =>
      done(Object.assign(new Error('no'), { code: 'ENOTFOUND' }), '', 0)
    expect((await connect('a.test:443', { lookup: missing })).status).toBe(
      'HTTP/1.1 502 weir: the host can not be reached',
    )
    const silent: LookupFunction = () => {}
    expect((await connect('a.test:443', { lookup: silent, limits: { tunnelConnectMs: 50 } })).status).toBe(
      'HTTP/1.1 504 weir: the host does not answer',
    )
  })

  test('a header section over 8 KiB, a body, and a pipelined CONNECT are refused', async () => {
    await using weir = await start()
    const first = async (text: string): Promise<string> => {
      using bot = await dial(weir.port)
      return (await bot.say(text).over()).slice(0, 12)
    }
    expect(await first(`CONNECT a.test:443 HTTP/1.1\r\nA: ${'b'.repeat(9000)}\r\n\r\n`)).toBe('HTTP/1.1 431')
    expect(await first('CONNECT a.test:443 HTTP/1.1\r\nContent-Length: 5\r\n\r\n')).toBe('HTTP/1.1 400')
  })
})

describe('a blind tunnel to an address that the operator chose', { timeout: 20_000 }, () => {
  const echo = async (
    serve: (socket: Socket) => void,
  ): Promise<{ server: Server; routeTo: InboundDeps['routeTo']; sockets: Socket[] } & Disposable> => {
    const sockets: Socket[] = []
    const server = createServer({ allowHalfOpen: true }, (socket) => {
      sockets.push(socket)
      socket.on('error', () => {})
      serve(socket)
    })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    const address = server.address()
    const port = typeof address === 'object' && address !== null ? address.port : 0
    return {
      server,
      sockets,
      routeTo: () => ({ host: '127.0.0.1', port, chosen: true, ca: undefined }),
      [Symbol.dispose]: () => {
        server.close()
        for (const socket of sockets) socket.destroy()
      },
    }
  }

  test('carries bytes both ways, early ones too, and any kind', async () => {
    using there = await echo((socket) => void socket.pipe(socket))
    await using weir = await start({ routeTo: there.routeTo })
    using bot = await dial(weir.port)
    bot.say('CONNECT a.test:443 HTTP/1.1\r\n\r\n\x16early')
    await bot.until((heard) => heard.endsWith('\r\n\r\n\x16early'))
    bot.say('\x00\xff more')
    await bot.until((heard) => heard.endsWith('early\x00\xff more'))
    expect(weir.server.stats()).toMatchObject({ tunnels: 1 })
    expect(weir.calls).toHaveLength(0)
  })

  test('passes a half-close on, and ends when both sides have finished', async () => {
    // Answers only once the other side has finished speaking.
    using there = await echo((socket) => {
      let heard = ''
      socket.on('data', (chunk) => {
        heard += chunk
      })
      socket.on('end', () => socket.end(`got ${heard}`))
    })
    await using weir = await start({ routeTo: there.routeTo })
    using bot = await tunnel(weir.port, 'a.test')
    bot.say('hello').socket.end()
    expect(await bot.over()).toBe('got hello')
    await eventually(() => weir.server.stats().connections === 0)
    expect(weir.events.at(-1)).toMatchObject({ type: 'tunnel.closed', host: 'a.test' })
  })

  test.each(['bot', 'host'])('a %s that breaks off takes the other side with it', async (side) => {
    using there = await echo((socket) => void socket.resume())
    await using weir = await start({ routeTo: there.routeTo })
    const bots = await Promise.all(Array.from({ length: 20 }, () => tunnel(weir.port, 'a.test')))
    await eventually(() => there.sockets.length === 20)
    if (side === 'bot') for (const bot of bots) bot.raw.resetAndDestroy()
    else for (const socket of there.sockets) socket.resetAndDestroy()
    await eventually(() => there.sockets.every((socket) => socket.destroyed || socket.readableEnded))
    await eventually(() => bots.every((bot) => bot.closed || bot.ended))
    await eventually(() => weir.server.stats().connections === 0)
    for (const bot of bots) bot.socket.destroy()
  })

  test('a bot that leaves while the host is being reached leaves nothing behind', async () => {
    const looked: number[] = []
    await using weir = await start({ lookup: () => void looked.push(1) })
    const bot = await dial(weir.port)
    bot.say('CONNECT a.test:443 HTTP/1.1\r\n\r\n')
    await eventually(() => looked.length === 1)
    bot.socket.destroy()
    await eventually(() => weir.server.stats().connections === 0)
  })
})
