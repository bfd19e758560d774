// Bots that vanish, bots that are slow, and weir that stops.

import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect, test } from 'vitest'
import type { Reply } from '../../src/core/call.ts'
import { WeirError } from '../../src/core/errors.ts'
import { INBOUND_LIMITS } from '../../src/inbound/settings.ts'
import { FakeClock } from '../support/fake-clock.ts'
import { answers, dial, encrypt, eventually, KRAKEN, said, secureTunnel, start, tunnel, type Wire } from './support.ts'

const POST = (length: number): string =>
  `POST /a HTTP/1.1\r\nHost: ${KRAKEN}\r\nContent-Length: ${length}\r\n\r\n${'x'.repeat(length)}`
const never = (): Promise<Reply> => new Promise(() => {})

describe('a bot that leaves while its call waits', { timeout: 20_000 }, () => {
  const ways: [string, (bot: Wire) => void][] = [
    ['closes', (bot) => bot.socket.destroy()],
    ['resets', (bot) => bot.raw.resetAndDestroy()],
    ['half-closes', (bot) => bot.socket.end()],
  ]
  for (const [name, leave] of ways) {
    for (const length of [0, 9, 1024 * 1024]) {
      test.each(['TLS', 'clear'])(`${name} with a body of ${length} over %s`, async (kind) => {
        await using weir = await start({ handle: never, maxBody: () => 2 * 1024 * 1024 })
        const bots = await Promise.all(
          Array.from({ length: 10 }, () => (kind === 'TLS' ? secureTunnel(weir.port) : tunnel(weir.port))),
        )
        for (const bot of bots) bot.say(POST(length))
        await eventually(() => weir.calls.length === 10)
        expect(weir.server.stats().underWay).toBe(10)
        for (const bot of bots) leave(bot)
        await eventually(() => weir.calls.every((call) => call.presence.left))
        await eventually(() => weir.server.stats().connections === 0)
        expect(weir.server.stats().underWay).toBe(0)
      })
    }
  }

  test('never becomes a call when it leaves in the middle of its body', async () => {
    await using weir = await start()
    const bot = await secureTunnel(weir.port)
    bot.say(POST(9).slice(0, -3))
    await eventually(() => weir.server.stats().underWay === 1)
    bot.socket.destroy()
    await eventually(() => weir.server.stats().connections === 0)
    expect(weir.calls).toHaveLength(0)
  })
})

describe('a bot that is slow', { timeout: 20_000 }, () => {
  const limits = { firstByteMs: 300, headersMs: 300, requestMs: 600, sweepMs: 50, lastWordMs: 100 }

  test.each<[string, (port: number) => Promise<Wire>, string]>([
    ['silence after connecting', dial, ''],
    ['silence after CONNECT', tunnel, ''],
    ['half a ClientHello', tunnel, '\x16\x03\x01\x02\x00'],
    ['half a ClientHello without CONNECT', dial, '\x16\x03\x01\x02\x00'],
    ['half a header section, clear', dial, `GET http://${KRAKEN}/ HTT`],
    ['half a header section in a clear tunnel', tunnel, 'GET / HTTP/1.1\r\nHo'],
    ['half a header section in TLS', secureTunnel, 'GET / HTTP/1.1\r\nHo'],
    ['half a body in TLS', secureTunnel, POST(9).slice(0, -3)],
    ['half a body in a clear tunnel', tunnel, POST(9).slice(0, -3)],
    ['half a CONNECT', dial, `CONNECT ${KRAKEN}:443 HTTP/1.1\r\n`],
  ])('%s is closed in time', async (_name, open, bytes) => {
    await using weir = await start({ limits })
    using bot = await open(weir.port)
    bot.say(bytes)
    await bot.over()
    await eventually(() => weir.server.stats().connections === 0)
    expect(weir.calls).toHaveLength(0)
  })

  // Wider bounds: these are about the body, and a busy machine may halt for a moment in the handshake before it.
  const wider = { ...limits, firstByteMs: 1200, headersMs: 1200, requestMs: 1800 }

  test.concurrent('a body that does not arrive in time is answered 408', async ({ expect }) => {
    await using weir = await start({ limits: wider })
    using bot = await secureTunnel(weir.port)
    expect(await bot.say(POST(9).slice(0, -3)).over()).toMatch(/^HTTP\/1\.1 408 /)
  })

  test.concurrent('a call may wait longer than any of these bounds', async () => {
    await using weir = await start({
      limits: wider,
      handle: async (call) => {
        await sleep(3000)
        return said(call, 'ok')
      },
    })
    using bot = await secureTunnel(weir.port)
    await bot.say(POST(9)).until((heard) => answers(heard, 1))
  })

  test('bytes may come one at a time: CONNECT, handshake and request', async () => {
    await using weir = await start()
    using under = await dial(weir.port)
    for (const byte of `CONNECT ${KRAKEN}:80 HTTP/1.1\r\nHost: x\r\n\r\n`) under.say(byte)
    await under.until((heard) => heard.endsWith('\r\n\r\n'))
    for (const byte of POST(3)) {
      under.say(byte)
      await sleep(0)
    }
    await under.until((heard) => answers(heard, 1))
    expect(weir.calls[0]?.request.body?.toString()).toBe('xxx')
  })
})

describe('weir that stops', { timeout: 20_000 }, () => {
  test('lets calls under way finish, closes the idle, accepts nobody', async () => {
    let go = (): void => {}
    const weir = await start({ handle: (call) => new Promise((resolve) => (go = () => resolve(said(call, 'ok')))) })
    using busy = await secureTunnel(weir.port)
    using idle = await secureTunnel(weir.port)
    busy.say(POST(1))
    await eventually(() => weir.calls.length === 1)
    const stopped = weir.server.stop(4000)
    await idle.over()
    await expect(dial(weir.port)).rejects.toThrow(/ECONNREFUSED/)
    go()
    expect(await busy.over()).toMatch(/\r\nConnection: close\r\n[\s\S]*ok$/)
    await stopped
    expect(weir.server.stats()).toMatchObject({ connections: 0, underWay: 0 })
  })

  test('waits no longer than it was told', async () => {
    const weir = await start({ handle: never })
    using busy = await secureTunnel(weir.port)
    busy.say(POST(1))
    await eventually(() => weir.calls.length === 1)
    await weir.server.stop(100)
    await busy.over()
    expect(weir.calls[0]?.presence.left).toBe(true)
  })

  // A request whose head was half received found its connection closed, and its bot did not know what had become of it.
  test.each<[string, (port: number) => Promise<Wire>, string]>([
    ['in TLS', secureTunnel, POST(3)],
    ['in a clear tunnel', tunnel, POST(3)],
    ['in the clear', dial, POST(3).replace('/a', `http://${KRAKEN}/a`)],
    ['of CONNECT', dial, `CONNECT ${KRAKEN}:443 HTTP/1.1\r\nHost: ${KRAKEN}:443\r\n\r\n`],
  ])('answers a request that has begun to arrive, %s', async (_name, open, request) => {
    // Its time stands still, so that no machine is too slow for the rest.
    const clock = new FakeClock()
    const weir = await start({ clock })
    using first = await open(weir.port)
    using later = await open(weir.port)
    if (!request.startsWith('CONNECT')) await later.say(request).until((heard) => answers(heard, 1))
    later.heard = ''
    const written = [first, later].map(
      (bot) => new Promise((resolve) => bot.socket.write(request.slice(0, 20), resolve)),
    )
    await Promise.all(written)
    const stopped = weir.server.stop(10_000)
    for (const bot of [first, later]) {
      bot.say(request.slice(20))
      expect(await bot.over()).toMatch(/^HTTP\/1\.1 503 [\s\S]*X-Weir-Sent: no\r\n[\s\S]*shutting_down/)
    }
    clock.advance(INBOUND_LIMITS.lastWordMs)
    await stopped
  })

  test('waits for the rest of a request for half a second, and for nothing where none has begun', async () => {
    const clock = new FakeClock()
    const weir = await start({ clock })
    using idle = await secureTunnel(weir.port)
    await idle.say(POST(3)).until((heard) => answers(heard, 1))
    using half = await secureTunnel(weir.port)
    await new Promise((resolve) => half.socket.write('GET / HT', resolve))
    let over = false
    const stopped = weir.server.stop(60_000).then(() => {
      over = true
    })
    await idle.over()
    expect({ over, half: half.ended }).toEqual({ over: false, half: false })
    clock.advance(500)
    expect(await half.over()).toBe('')
    await stopped
  })

  // With more time than it was given, weir just hung up on all of them: nobody knew what had become of an order.
  test('ends what it can not wait for, and lets the answers leave', async () => {
    const { promise, reject } = Promise.withResolvers<Reply>()
    const weir = await start({ handle: () => promise })
    const bots = await Promise.all([secureTunnel(weir.port), tunnel(weir.port)])
    for (const bot of bots) bot.say(POST(1))
    await eventually(() => weir.calls.length === 2)
    await weir.server.stop(50, () => reject(new WeirError('upstream_unreachable')))
    for (const bot of bots) expect(await bot.over()).toMatch(/^HTTP\/1\.1 502 [\s\S]*\}$/)
    expect(weir.events.map(({ type }) => type)).not.toContain('handshake.failed')
  })

  test('stops at once when nothing is under way, and a second stop is harmless', async () => {
    const weir = await start()
    using idle = await secureTunnel(weir.port)
    await weir.server.stop(60_000)
    await idle.over()
    await weir.server.stop(60_000)
  })

  // HTTP/2 closes in agreement: one bot that was suspended, or out of reach, held weir for all of the time that calls have.
  test('stops soon though an idle HTTP/2 bot does not read', async () => {
    const clock = new FakeClock()
    const weir = await start({ clock })
    using idle = await encrypt(await tunnel(weir.port), KRAKEN, ['h2'])
    const settings = '\0\0\0\x04'
    idle.say(`PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n${settings}\0\0\0\0\0`)
    await idle.until((heard) => heard.includes(`${settings}\x01\0\0\0\0`))
    idle.socket.pause()
    let stopped = false
    void weir.server.stop(60_000).then(() => {
      stopped = true
    })
    // One second each time that it is looked at; a minute would be the whole grace.
    let seconds = 0
    await eventually(() => {
      if (!stopped) clock.advance(1_000)
      seconds += 1
      return stopped || seconds > 50
    })
    expect(stopped).toBe(true)
  })
})

test('a handshake in pieces of 100 bytes', { timeout: 20_000 }, async () => {
  await using weir = await start()
  const under = await tunnel(weir.port)
  const { Duplex } = await import('node:stream')
  // What TLS writes is cut up and sent with a pause after each piece.
  const cut = new Duplex({
    read() {},
    async write(chunk: Buffer, _encoding, done) {
      for (let at = 0; at < chunk.length; at += 100) {
        under.say(chunk.subarray(at, at + 100))
        await sleep(1)
      }
      done()
    },
  })
  under.socket.on('data', (chunk) => cut.push(chunk))
  const { connect } = await import('node:tls')
  const { certificate } = await import('./support.ts')
  const socket = connect({ socket: cut, servername: KRAKEN, ca: certificate })
  let heard = ''
  socket.on('data', (chunk) => {
    heard += chunk
  })
  socket.write(POST(1))
  await eventually(() => answers(heard, 1))
  socket.destroy()
  under.socket.destroy()
})
