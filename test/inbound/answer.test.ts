// Replies become bytes: everything the exchange said arrives as it was said, and nothing that is cut short looks whole.

import { describe, expect, test } from 'vitest'
import type { BodySink, BodyStream } from '../../src/core/call.ts'
import { answers, dial, eventually, KRAKEN, said, secureTunnel, start, tunnel } from './support.ts'

const request = (method = 'GET', more = ''): string => `${method} /a HTTP/1.1\r\nHost: ${KRAKEN}\r\n${more}\r\n`

/** A stream that a test feeds by hand. */
class Source implements BodyStream {
  sink: BodySink | undefined
  cancelled = 0
  resumed = 0

  pipe(sink: BodySink): void {
    this.sink = sink
    sink.begin(() => {
      this.resumed += 1
    })
  }

  cancel(): void {
    this.cancelled += 1
  }
}

describe('whole bodies', { timeout: 20_000 }, () => {
  test.each([256, 16 * 1024, 16 * 1024 + 1])('of %i bytes arrive as they were, whatever their values', async (size) => {
    const body = Buffer.alloc(size, Buffer.from(Array.from({ length: 256 }, (_, value) => value)))
    await using weir = await start({ handle: async (call) => said(call, body) })
    using bot = await secureTunnel(weir.port)
    const bodyOf = (text: string): string => text.slice(text.indexOf('\r\n\r\n') + 4)
    const heard = await bot.say(request()).until((text) => bodyOf(text).length >= size)
    expect(heard).toContain(`Content-Length: ${size}\r\n`)
    expect(bodyOf(heard) === body.toString('latin1')).toBe(true)
  })
})

describe('header fields', { timeout: 20_000 }, () => {
  test('keep case, order, repeats, empty values and bytes above 0x7f, both ways', async () => {
    await using weir = await start({
      handle: async (call) =>
        said(call, 'ok', {
          headers: [
            'x-B',
            '2',
            'X-a',
            '',
            'Set-Cookie',
            'a=1',
            'set-cookie',
            'b=2',
            'X-Latin',
            'caf\xe9',
            'X-Utf',
            '\xc3\xa9',
          ],
        }),
    })
    using bot = await secureTunnel(weir.port)
    const fields = 'aPI-Key: k\r\nx-dup: 1\r\nX-Dup: 2\r\nX-Empty:\r\nX-Latin: caf\xe9\r\nX-Utf: \xc3\xa9\r\n'
    const heard = await bot.say(request('GET', fields)).until((text) => answers(text, 1))
    expect(weir.calls[0]?.request.headers).toEqual([
      'Host',
      KRAKEN,
      'aPI-Key',
      'k',
      'x-dup',
      '1',
      'X-Dup',
      '2',
      'X-Empty',
      '',
      'X-Latin',
      'caf\xe9',
      'X-Utf',
      '\xc3\xa9',
    ])
    expect(heard).toContain(
      'x-B: 2\r\nX-a: \r\nSet-Cookie: a=1\r\nset-cookie: b=2\r\nX-Latin: caf\xe9\r\nX-Utf: \xc3\xa9\r\n',
    )
  })

  test('of one hop stay here, and so does what Connection names', async () => {
    await using weir = await start({
      handle: async (call) =>
        // A reply brings no fields of its connection; forward sees to that.
        said(call, 'ok', { headers: ['X-Weir-Call', 'forged'] }),
    })
    using bot = await secureTunnel(weir.port)
    const fields =
      'Connection: keep-alive, X-Hop, Content-Length\r\nX-Hop: 1\r\nKeep-Alive: 5\r\nTE: trailers\r\nTrailer: X\r\nUpgrade: h2c\r\nProxy-Connection: x\r\nProxy-Authorization: x\r\nX-WEIR-Priority: high\r\nX-End: 2\r\n'
    const heard = await bot.say(request('GET', fields)).until((text) => answers(text, 1))
    expect(weir.calls[0]?.request.headers).toEqual(['Host', KRAKEN, 'X-End', '2'])
    expect(heard).not.toContain('forged')
    expect(heard).toContain('Connection: keep-alive\r\n')
    expect(heard).not.toContain('chunked')
  })

  // The exchange had executed an order, and the bot was told "X-Weir-Sent: no": safe to send again.
  test('that HTTP does not allow become a 502 that tells what became of the call; a stream behind them is given up', async () => {
    const source = new Source()
    await using weir = await start({
      handle: async (call) => said(call, 'ok', { headers: ['X-Bad', 'a\x01b'], body: source }),
    })
    using bot = await secureTunnel(weir.port)
    const heard = await bot.say(request()).over()
    expect(heard).toMatch(/^HTTP\/1\.1 502 Bad Gateway\r\n/)
    expect(heard).toMatch(/X-Weir-Class: kraken\.public\r\n[\s\S]*X-Weir-Cost: 1\r\n[\s\S]*X-Weir-Sent: yes\r\n/)
    expect(heard).toMatch(/X-Weir-Decision: failed\r\n[\s\S]*X-Weir-Error: upstream_unreachable\r\n/)
    expect(source.cancelled).toBe(1)
    expect(weir.events).toMatchObject([
      { type: 'answer.lost', code: 'upstream_unreachable', reason: 'ERR_INVALID_CHAR' },
    ])
  })

  // Node keeps a reason phrase that it has refused, and the refusal in its place was refused for it: the process ended.
  test('or a reason phrase that it does not allow, as a weir of an earlier version may have shared it', async () => {
    await using weir = await start({ handle: async (call) => said(call, 'ok', { statusText: 'Don\u2019t' }) })
    using bot = await secureTunnel(weir.port)
    expect(await bot.say(request()).over()).toMatch(/^HTTP\/1\.1 502 Bad Gateway\r\n[\s\S]*X-Weir-Sent: yes\r\n/)
  })

  test('a Date is added only where the exchange sent none', async () => {
    let headers: string[] = []
    await using weir = await start({ handle: async (call) => said(call, 'ok', { headers }) })
    using bot = await secureTunnel(weir.port)
    expect(await bot.say(request()).until((text) => answers(text, 1))).toMatch(/\r\nDate: /)
    bot.heard = ''
    headers = ['date', 'then']
    expect((await bot.say(request()).until((text) => answers(text, 1))).match(/date/gi)).toEqual(['date'])
  })
})

describe('wishes', { timeout: 20_000 }, () => {
  test.each([
    ['X-Weir-Max-Wait: 500ms\r\n', { maxWaitMs: 500 }],
    ['X-Weir-Max-Wait: 2s\r\n', { maxWaitMs: 2000 }],
    ['X-Weir-Max-Wait: 1.5S\r\n', { maxWaitMs: 1500 }],
    ['X-Weir-Max-Wait: 0\r\n', { maxWaitMs: 0 }],
    ['X-Weir-Max-Wait: 250\r\n', { maxWaitMs: 250 }],
    ['x-weir-priority: CRITICAL\r\n', { priority: 'critical' }],
    ['X-Weir-Cache: skip\r\n', { skipCache: true }],
    ['Cache-Control: max-age=0, No-Cache\r\n', { skipCache: true }],
    ['X-Weir-Priority: low\r\nCache-Control: no-cache\r\n', { priority: 'low', skipCache: true }],
    ['Cache-Control: no-cachet\r\n', { skipCache: false }],
    ['', { maxWaitMs: undefined, priority: undefined, skipCache: false }],
  ])('%j', async (fields, wishes) => {
    await using weir = await start()
    using bot = await tunnel(weir.port)
    await bot.say(request('GET', fields)).until((text) => answers(text, 1))
    expect(weir.calls[0]?.wishes).toMatchObject(wishes)
  })
})

describe('framing', { timeout: 20_000 }, () => {
  test('a body that is held states its length, whatever the exchange said', async () => {
    await using weir = await start({
      handle: async (call) => said(call, 'ok', { headers: ['content-length', '99', 'X-A', '1'] }),
    })
    using bot = await secureTunnel(weir.port)
    const heard = await bot.say(request()).until((text) => answers(text, 1))
    expect(heard).toContain('content-length: 2\r\nX-A: 1\r\n')
    expect(heard.match(/content-length/gi)).toHaveLength(1)
  })

  test('HEAD and 304 keep the length of what they do not carry; 204 has none', async () => {
    await using weir = await start({
      handle: async (call) =>
        said(call, '', { status: Number(call.request.headers[3] ?? 200), headers: ['Content-Length', '1234'] }),
    })
    using bot = await secureTunnel(weir.port)
    const heads = async (text: string): Promise<string> => {
      bot.heard = ''
      return await bot.say(text).until((heard) => heard.endsWith('\r\n\r\n'))
    }
    expect(await heads(request('HEAD', 'X-Status: 200\r\n'))).toContain('Content-Length: 1234\r\n')
    expect(await heads(request('GET', 'X-Status: 304\r\n'))).toContain('Content-Length: 1234\r\n')
    const empty = await heads(request('GET', 'X-Status: 204\r\n'))
    expect(empty).not.toMatch(/content-length|chunked/i)
    // The connection is still in step.
    expect(await heads(request('HEAD'))).toMatch(/^HTTP\/1\.1 200 OK\r\n/)
  })

  test('trailers of a held body and of a stream arrive', async () => {
    const source = new Source()
    let body: Buffer | Source = Buffer.from('ok')
    await using weir = await start({
      handle: async (call) =>
        said(call, '', {
          headers: ['Trailer', 'X-Sum'],
          body,
          trailers: body instanceof Source ? undefined : ['X-Sum', '1'],
        }),
    })
    using bot = await secureTunnel(weir.port)
    expect(await bot.say(request()).until((text) => text.endsWith('\r\n\r\n') && text.includes('X-Sum: 1'))).toMatch(
      /2\r\nok\r\n0\r\nX-Sum: 1\r\n\r\n$/,
    )
    bot.heard = ''
    body = source
    bot.say(request())
    await eventually(() => source.sink !== undefined)
    source.sink?.write(Buffer.from('ok'))
    source.sink?.end(['X-Sum', '2'])
    expect(await bot.until((text) => text.includes('X-Sum: 2'))).toMatch(
      /Trailer: X-Sum\r\n[\s\S]*2\r\nok\r\n0\r\nX-Sum: 2\r\n\r\n$/,
    )
  })

  test('an announcement of trailers that never come does no harm', async () => {
    await using weir = await start({ handle: async (call) => said(call, 'ok', { headers: ['Trailer', 'X-Sum'] }) })
    using bot = await secureTunnel(weir.port)
    await bot.say(request()).until((text) => answers(text, 1))
  })

  test('an HTTP/1.0 bot gets no chunks, and the end of a stream is the end of the connection', async () => {
    const source = new Source()
    await using weir = await start({
      handle: async (call) => said(call, '', { headers: ['Trailer', 'X'], body: source }),
    })
    using bot = await tunnel(weir.port)
    bot.say(`GET /a HTTP/1.0\r\n\r\n`)
    await eventually(() => source.sink !== undefined)
    source.sink?.write(Buffer.from('part'))
    source.sink?.end(['X', '1'])
    expect(await bot.over()).toMatch(/\r\n\r\npart$/)
    expect(weir.calls[0]?.early).toBeUndefined()
    expect(weir.calls[0]?.request.headers).toEqual(['Host', KRAKEN])
  })

  test('Expect: 100-continue is answered here, before the body is read', async () => {
    await using weir = await start()
    using bot = await secureTunnel(weir.port)
    bot.say(request('POST', 'Content-Length: 5\r\nExpect: 100-continue\r\n'))
    expect(await bot.until((text) => text.endsWith('\r\n\r\n'))).toBe('HTTP/1.1 100 Continue\r\n\r\n')
    expect(weir.calls).toHaveLength(0)
    await bot.say('hello').until((text) => answers(text, 1))
    expect(weir.calls[0]?.request.body?.toString()).toBe('hello')
    expect(weir.calls[0]?.request.headers).toEqual(['Host', KRAKEN, 'Content-Length', '5'])
  })

  test('a body over the cap is refused without asking for it', async () => {
    await using weir = await start()
    using bot = await secureTunnel(weir.port)
    const heard = await bot.say(request('POST', 'Content-Length: 70000\r\nExpect: 100-continue\r\n')).over()
    expect(heard).toMatch(/^HTTP\/1\.1 413 /)
  })

  test('103 Early Hints pass through, with whatever fields they have', async () => {
    await using weir = await start({
      handle: async (call) => {
        call.early?.(['Link', '</a>; rel=preload', 'X-B', '1', 'X-b', '2'])
        call.early?.(['X-Bad', 'a\x00'])
        return said(call, 'ok')
      },
    })
    using bot = await secureTunnel(weir.port)
    const heard = await bot.say(request()).until((text) => answers(text, 1))
    expect(heard).toMatch(
      /^HTTP\/1\.1 103 Early Hints\r\nLink: <\/a>; rel=preload\r\nX-B: 1\r\nX-b: 2\r\n\r\nHTTP\/1\.1 200 OK\r\n/,
    )
  })
})

describe('a stream', { timeout: 20_000 }, () => {
  test.each([
    ['with a length', ['Content-Length', '100']],
    ['in chunks', []],
  ])('%s that dies gives the bot an unclean end', async (_name, headers) => {
    const source = new Source()
    await using weir = await start({ handle: async (call) => said(call, '', { headers, body: source }) })
    using bot = await secureTunnel(weir.port)
    bot.say(request())
    await eventually(() => source.sink !== undefined)
    source.sink?.write(Buffer.from('half'))
    await bot.until((text) => text.includes('half'))
    source.sink?.fail(new Error('the exchange died'))
    expect(await bot.over()).not.toContain('\r\n0\r\n')
  })

  test('without a length, in HTTP/1.0, ends in a reset when it dies', async () => {
    const source = new Source()
    await using weir = await start({ handle: async (call) => said(call, '', { headers: [], body: source }) })
    using bot = await dial(weir.port)
    bot.say(`GET http://${KRAKEN}/a HTTP/1.0\r\n\r\n`)
    await eventually(() => source.sink !== undefined)
    source.sink?.write(Buffer.from('half'))
    await bot.until((text) => text.includes('half'))
    source.sink?.fail(new Error('the exchange died'))
    await bot.over()
    expect(bot.error).toMatchObject({ code: 'ECONNRESET' })
  })

  test('waits for a bot that reads slowly, and goes on when it does', async () => {
    const source = new Source()
    await using weir = await start({ handle: async (call) => said(call, '', { headers: [], body: source }) })
    using bot = await secureTunnel(weir.port)
    bot.say(request())
    await eventually(() => source.sink !== undefined)
    bot.socket.pause()
    const chunk = Buffer.alloc(64 * 1024, 'x')
    let sent = 0
    let room = true
    while (room && sent < 1000) {
      room = source.sink?.write(chunk) ?? false
      sent += 1
    }
    expect(room).toBe(false)
    expect(source.resumed).toBe(0)
    bot.socket.resume()
    await eventually(() => source.resumed === 1)
    source.sink?.end([])
    await bot.until((text) => text.endsWith('\r\n0\r\n\r\n'))
    expect(bot.heard.match(/x+/g)?.join('').length).toBeGreaterThanOrEqual(sent * chunk.length)
  })

  test('is given up once when the bot leaves in the middle', async () => {
    const source = new Source()
    await using weir = await start({ handle: async (call) => said(call, '', { headers: [], body: source }) })
    using bot = await secureTunnel(weir.port)
    bot.say(request())
    await eventually(() => source.sink !== undefined)
    bot.socket.destroy()
    await eventually(() => source.cancelled > 0)
    expect(source.cancelled).toBe(1)
    expect(weir.calls[0]?.presence.left).toBe(true)
  })

  test('is given up when the bot had left before it came', async () => {
    const source = new Source()
    let go = (): void => {}
    await using weir = await start({
      handle: (call) => new Promise((resolve) => (go = () => resolve(said(call, '', { body: source })))),
    })
    using bot = await secureTunnel(weir.port)
    bot.say(request())
    await eventually(() => weir.calls.length === 1)
    bot.socket.destroy()
    await eventually(() => weir.calls[0]?.presence.left === true)
    go()
    await eventually(() => source.cancelled === 1)
    expect(source.sink).toBeUndefined()
  })
})

test('a road that fails, against its promise, is answered 500 without a word of why', { timeout: 20_000 }, async () => {
  await using weir = await start({ handle: () => Promise.reject(new Error('secret detail')) })
  using bot = await secureTunnel(weir.port)
  const heard = await bot.say(request()).over()
  expect(heard).toMatch(/^HTTP\/1\.1 500 /)
  expect(heard).not.toContain('secret detail')
})
