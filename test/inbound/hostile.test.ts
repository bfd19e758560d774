// What Node's parser lets through and two parsers could read in two ways, and what it does not. Raw bytes on real sockets.

import { describe, expect, test } from 'vitest'
import { answers, dial, eventually, KRAKEN, secureTunnel, start, tunnel } from './support.ts'

const HOST = `Host: ${KRAKEN}\r\n`
const BODY = 'Content-Length: 2\r\n'

describe('a request that is not relayed', { timeout: 20_000 }, () => {
  test.each([
    ['two Host fields', `GET /a HTTP/1.1\r\n${HOST}${HOST}\r\n`, 400],
    ['two Host fields, the second in other letters', `GET /a HTTP/1.1\r\n${HOST}hOST: evil.test\r\n\r\n`, 400],
    ['a Host field with a space', `GET /a HTTP/1.1\r\nHost: api kraken\r\n\r\n`, 400],
    ['no Host field', 'GET /a HTTP/1.1\r\n\r\n', 400],
    ['an empty Host field', 'GET /a HTTP/1.1\r\nHost:\r\n\r\n', 400],
    ['another Host than the tunnel', 'GET /a HTTP/1.1\r\nHost: api.coinbase.com\r\n\r\n', 421],
    ['a fragment', `GET /a#b HTTP/1.1\r\n${HOST}\r\n`, 400],
    ['TRACE', `TRACE /a HTTP/1.1\r\n${HOST}\r\n`, 405],
    ['OPTIONS *', `OPTIONS * HTTP/1.1\r\n${HOST}\r\n`, 501],
    [
      'another transfer coding before chunked',
      `POST /a HTTP/1.1\r\n${HOST}Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n`,
      501,
    ],
    ['Transfer-Encoding in HTTP/1.0', `POST /a HTTP/1.0\r\n${HOST}Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n`, 400],
    ['both framings', `POST /a HTTP/1.1\r\n${HOST}${BODY}Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n`, 400],
    ['two Content-Length fields', `POST /a HTTP/1.1\r\n${HOST}${BODY}${BODY}\r\nxx`, 400],
    ['a list of lengths', `POST /a HTTP/1.1\r\n${HOST}Content-Length: 2, 2\r\n\r\nxx`, 400],
    ['a signed length', `POST /a HTTP/1.1\r\n${HOST}Content-Length: +2\r\n\r\nxx`, 400],
    ['a hexadecimal length', `POST /a HTTP/1.1\r\n${HOST}Content-Length: 0x2\r\n\r\nxx`, 400],
    ['a space before the colon', `POST /a HTTP/1.1\r\n${HOST}Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n`, 400],
    ['an obfuscated coding', `POST /a HTTP/1.1\r\n${HOST}Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n`, 501],
    ['identity after chunked', `POST /a HTTP/1.1\r\n${HOST}Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n`, 400],
    ['a bare line feed', `GET /a HTTP/1.1\n${HOST}\r\n`, 400],
    ['a folded field', `GET /a HTTP/1.1\r\n${HOST}X: a\r\n b\r\n\r\n`, 400],
    ['a NUL in a field', `GET /a HTTP/1.1\r\n${HOST}X: a\0b\r\n\r\n`, 400],
    ['a malformed chunk', `POST /a HTTP/1.1\r\n${HOST}Transfer-Encoding: chunked\r\n\r\nzz\r\n`, 400],
    ['raw bytes in the target', `GET /\xc3\xa9 HTTP/1.1\r\n${HOST}\r\n`, 400],
    ['the HTTP/2 preface', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', 400],
    ['another expectation', `POST /a HTTP/1.1\r\n${HOST}${BODY}Expect: 200-ok\r\n\r\nxx`, 417],
    ['a Via that names us', `GET /a HTTP/1.1\r\n${HOST}Via: 1.1 squid, 1.1 Weir\r\n\r\n`, 508],
    ['201 header fields', `GET /a HTTP/1.1\r\n${HOST}${'A: b\r\n'.repeat(200)}\r\n`, 431],
    ['3000 header fields', `GET /a HTTP/1.1\r\n${HOST}${'A: b\r\n'.repeat(3000)}\r\n`, 431],
    ['a header section over 32 KiB', `GET /a HTTP/1.1\r\n${HOST}A: ${'b'.repeat(33_000)}\r\n\r\n`, 431],
    ['CONNECT in a tunnel', `CONNECT ${KRAKEN}:443 HTTP/1.1\r\n${HOST}\r\n`, 400],
    ['a wish that can not be read', `GET /a HTTP/1.1\r\n${HOST}X-Weir-Max-Wait: soon\r\n\r\n`, 400],
  ])('%s', async (_name, request, status) => {
    await using weir = await start()
    using bot = await secureTunnel(weir.port)
    const heard = await bot.say(request).over()
    expect(heard).toMatch(new RegExp(`^HTTP/1\\.1 ${status} `))
    // Exactly one answer, and the connection is over: nothing after a doubtful request is read as the next.
    expect(heard.split('HTTP/1.1 ')).toHaveLength(2)
    expect(heard).toContain('X-Weir-Error: ')
    expect(weir.calls).toHaveLength(0)
  })

  // All of them were told "The request is not HTTP/1.1", and that the message says which rule was broken.
  test.each([
    [
      'POST',
      'Content-Length: 2\r\nTransfer-Encoding: chunked\r\n',
      "Transfer-Encoding can't be present with Content-Length",
    ],
    ['POST', 'Content-Length: 2\r\nContent-Length: 2\r\n', 'Duplicate Content-Length'],
    ['BUY', '', 'Invalid method encountered'],
    ['GET', 'X A: 1\r\n', 'Invalid header token'],
  ])('because it breaks a rule is told which: %s with %j', async (method, fields, rule) => {
    await using weir = await start()
    using bot = await secureTunnel(weir.port)
    const heard = await bot.say(`${method} /a HTTP/1.1\r\n${HOST}${fields}\r\n`).over()
    expect(heard).toContain(`"message":"The request is not HTTP/1.1: ${rule}."`)
  })

  test.each([
    ['announced', 'Content-Length: 70000', 'x'.repeat(70_000)],
    ['chunked', 'Transfer-Encoding: chunked', `11170\r\n${'x'.repeat(70_000)}\r\n0\r\n\r\n`],
  ])(
    'a body over the cap, %s, is refused at once; its rest is dropped and the connection stays in step',
    async (_name, framing, body) => {
      await using weir = await start()
      using bot = await secureTunnel(weir.port)
      bot.say(`POST /a HTTP/1.1\r\n${HOST}${framing}\r\n\r\n${body.slice(0, 69_000)}`)
      expect(await bot.until((heard) => heard.endsWith('}\n'))).toMatch(/^HTTP\/1\.1 413 /)
      bot.say(body.slice(69_000)).say(`GET /b HTTP/1.1\r\n${HOST}\r\n`)
      await bot.until((heard) => answers(heard, 1))
      expect(weir.calls.map((call) => call.request.target)).toEqual(['/b'])
    },
  )

  test('the same bytes in the clear tunnel are refused alike', async () => {
    await using weir = await start()
    using bot = await tunnel(weir.port)
    expect(await bot.say(`GET /a HTTP/1.1\r\n${HOST}${HOST}\r\n`).over()).toMatch(/^HTTP\/1\.1 400 /)
  })

  test('an origin-form request to the proxy itself is told how to use it', async () => {
    await using weir = await start()
    using bot = await dial(weir.port)
    const heard = await bot.say('GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n').over()
    expect(heard).toMatch(/^HTTP\/1\.1 400 /)
    expect(heard).toContain('HTTPS_PROXY')
  })

  test('a refusal repeats nothing of the request', async () => {
    await using weir = await start()
    using bot = await dial(weir.port)
    const heard = await bot
      .say('GET http://secret-name.test/key HTTP/1.1\r\nHost: secret-name.test\r\n\r\n')
      .until((text) => text.includes('}\n'))
    expect(heard).toMatch(/^HTTP\/1\.1 403 /)
    expect(heard).not.toContain('secret-name')
    expect(heard).toContain('Proxy-Status: weir; error=http_request_denied')
  })
})

describe('a crowd', { timeout: 20_000 }, () => {
  test('no more than eight pipelined requests are under way; the rest are refused in their turn', async () => {
    const waiting: (() => void)[] = []
    await using weir = await start({
      handle: (call) =>
        new Promise((resolve) => {
          waiting.push(() =>
            resolve({
              status: 200,
              statusText: 'OK',
              headers: [],
              body: Buffer.from(`ok${call.id}`),
              trailers: undefined,
            }),
          )
        }),
    })
    using bot = await tunnel(weir.port)
    bot.say(`GET /a HTTP/1.1\r\n${HOST}\r\n`.repeat(30))
    await eventually(() => weir.calls.length === 8 && weir.events.length === 22)
    expect(bot.heard).toBe('')
    for (const go of waiting) go()
    const heard = await bot.until((text) => text.split('HTTP/1.1 ').length === 31)
    expect(heard.match(/HTTP\/1\.1 \d+/g)).toEqual([
      ...Array(8).fill('HTTP/1.1 200'),
      ...Array(22).fill('HTTP/1.1 429'),
    ])
    expect(weir.calls).toHaveLength(8)
  })

  test('a malformed request behind a good one is not answered in its place', async () => {
    await using weir = await start({ handle: () => new Promise(() => {}) })
    using bot = await tunnel(weir.port)
    bot.say(`GET /a HTTP/1.1\r\n${HOST}\r\nnonsense\r\n\r\n`)
    expect(await bot.over()).toBe('')
  })

  test('connections over the bound are closed; the others go on', async () => {
    await using weir = await start({ limits: { connections: 2 } })
    using a = await tunnel(weir.port)
    using b = await tunnel(weir.port)
    using c = await dial(weir.port)
    expect(await c.over()).toBe('')
    await a.say(`GET /a HTTP/1.1\r\n${HOST}\r\n`).until((heard) => answers(heard, 1))
    expect(weir.server.stats()).toMatchObject({ connections: 2, accepted: 2, dropped: 1 })
    b.socket.destroy()
    await eventually(() => weir.server.stats().connections === 1)
    using d = await tunnel(weir.port)
    await d.say(`GET /a HTTP/1.1\r\n${HOST}\r\n`).until((heard) => answers(heard, 1))
  })

  test('bytes that are not TLS, after the handshake, end the connection', async () => {
    await using weir = await start()
    using bot = await secureTunnel(weir.port)
    await bot.say(`GET /a HTTP/1.1\r\n${HOST}\r\n`).until((heard) => answers(heard, 1))
    bot.raw.write('this is no TLS record')
    await bot.over()
    await eventually(() => weir.server.stats().connections === 0)
    expect(weir.events.map((event) => event.type)).toEqual(['handshake.failed'])
  })

  test('200 connections of garbage, in the clear, in tunnels and in TLS, end and leave nothing behind', async () => {
    const uncaught: unknown[] = []
    const hear = (error: unknown): void => void uncaught.push(error)
    process.on('uncaughtException', hear)
    process.on('unhandledRejection', hear)
    try {
      await using weir = await start({ limits: { firstByteMs: 1000, headersMs: 1000, sweepMs: 200 } })
      const random = generator(7)
      await Promise.all(
        Array.from({ length: 200 }, async (_, at) => {
          const bytes = Buffer.from(Array.from({ length: 3 + random(400) }, () => random(256)))
          // A third each: any first byte, a TLS record header first, and garbage after a real handshake.
          if (at % 3 === 1) bytes.set([0x16, 3, 1], 0)
          using wire =
            at % 3 === 0
              ? await dial(weir.port)
              : at % 3 === 1
                ? await tunnel(weir.port)
                : await secureTunnel(weir.port)
          wire.say(bytes)
          if (at % 2 === 0) wire.raw.resetAndDestroy()
          await wire.over()
        }),
      )
      await eventually(() => weir.server.stats().connections === 0)
      expect(weir.calls).toHaveLength(0)
      using bot = await secureTunnel(weir.port)
      await bot.say(`GET /a HTTP/1.1\r\n${HOST}\r\n`).until((heard) => answers(heard, 1))
      expect(uncaught).toEqual([])
    } finally {
      process.off('uncaughtException', hear)
      process.off('unhandledRejection', hear)
    }
  })
})

/** A small linear congruential generator: the same garbage on every run. */
const generator = (seed: number): ((below: number) => number) => {
  let state = seed
  return (below) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return Math.floor((state / 2 ** 32) * below)
  }
}
