// HTTP/2 towards bots that offer nothing else: the same road, the same answers.

import { once } from 'node:events'
import { constants, type IncomingHttpHeaders } from 'node:http2'
import { describe, expect, test } from 'vitest'
import type { BodySink, Call, Reply } from '../../src/core/call.ts'
import { answerOf, Bot, inTunnel } from './http2-bot.ts'
import { COINBASE, dial, eventually, KRAKEN, said, start, tunnel } from './support.ts'

describe('a bot that offers only h2', { timeout: 20_000 }, () => {
  test.each([
    ['in a tunnel', true],
    ['without CONNECT', false],
  ])('is served %s', async (_name, tunnelled) => {
    await using weir = await start()
    const bot = new Bot(tunnelled ? await tunnel(weir.port) : await dial(weir.port))
    await using _ = bot
    const { status, headers, body } = await bot.ask({ ':path': '//0/public/Time?a=%2F&b', 'x-one': '1' })
    expect([status, body]).toEqual([200, 'ok'])
    expect(headers).toMatchObject({
      'content-type': 'application/json',
      'content-length': '2',
      'x-weir-call': 'c1',
      'x-weir-decision': 'forwarded',
      'x-weir-cost': '1',
    })
    expect(weir.calls[0]?.request).toEqual({
      method: 'GET',
      host: KRAKEN,
      port: 443,
      target: '//0/public/Time?a=%2F&b',
      path: '//0/public/Time',
      query: 'a=%2F&b',
      headers: ['Host', KRAKEN, 'x-one', '1'],
      body: undefined,
    })
  })

  test('may send many calls at once over its one connection, and each gets its own answer', async () => {
    await using weir = await start({ handle: async (call) => said(call, call.request.target) })
    await using bot = await inTunnel(weir)
    const paths = Array.from({ length: 100 }, (_, at) => `/${at}`)
    const answers = await Promise.all(paths.map((path) => bot.ask({ ':path': path })))
    expect(answers.map(({ body }) => body)).toEqual(paths)
    await eventually(() => weir.server.stats().underWay === 0)
    expect(weir.server.stats().connections).toBe(1)
  })

  test.each([
    ['with a length', { 'content-length': '9' }, 'nonce=1&a'],
    ['without one', {}, 'nonce=1&a'],
    ['of other bytes than text', {}, Buffer.from([0, 255, 254, 10])],
    ['of nothing at all', {}, ''],
  ])('sends a body %s as it is', async (_name, fields, body) => {
    await using weir = await start()
    await using bot = await inTunnel(weir)
    expect((await bot.ask({ ':method': 'POST', ...fields }, body)).status).toBe(200)
    expect(weir.calls[0]?.request.body).toEqual(body === '' ? undefined : Buffer.from(body))
    expect(weir.calls[0]?.request.headers.slice(0, 2)).toEqual(['Host', KRAKEN])
  })

  test('is told to go on when it asks before sending its body', async () => {
    await using weir = await start()
    await using bot = await inTunnel(weir)
    const stream = bot.begin({ ':method': 'POST', expect: '100-continue' }, false)
    await once(stream, 'continue')
    stream.end('body')
    expect((await answerOf(stream)).status).toBe(200)
    expect(weir.calls[0]?.request.headers).toEqual(['Host', KRAKEN])
    expect((await bot.ask({ ':method': 'POST', expect: 'miracles' })).status).toBe(417)
  })

  test('has its cookie put together again, and what it asks of weir is understood', async () => {
    await using weir = await start()
    await using bot = await inTunnel(weir)
    await bot.ask({ cookie: ['a=1', 'b=2'], 'x-weir-max-wait': '500ms', te: 'trailers' })
    expect(weir.calls[0]?.request.headers).toEqual(['Host', KRAKEN, 'cookie', 'a=1; b=2'])
    expect(weir.calls[0]?.wishes.maxWaitMs).toBe(500)
  })
})

describe('an answer over HTTP/2', { timeout: 20_000 }, () => {
  test('keeps repeats, drops what speaks of a connection, and carries trailers', async () => {
    await using weir = await start({
      handle: async (call) =>
        said(call, 'ok', {
          headers: ['Set-Cookie', 'a=1', 'X-Odd', 'caf\xe9', 'Set-Cookie', 'b=2', 'Connection', 'close'],
          trailers: ['X-Sum', '9'],
        }),
    })
    await using bot = await inTunnel(weir)
    const { headers, trailers, body } = await bot.ask()
    expect(headers['set-cookie']).toEqual(['a=1', 'b=2'])
    expect(headers['x-odd']).toBe('caf\xe9')
    expect(headers).not.toHaveProperty('connection')
    expect([trailers['x-sum'], body]).toEqual(['9', 'ok'])
  })

  test.each([
    ['HEAD', 200],
    ['GET', 204],
    ['GET', 304],
  ])('to %s with status %i has no body', async (method, status) => {
    const left: boolean[] = []
    await using weir = await start({
      handle: async (call) => {
        call.presence.onLeave(() => left.push(true))
        return said(call, '', { status, headers: status === 204 ? [] : ['Content-Length', '270'] })
      },
    })
    await using bot = await inTunnel(weir)
    const answer = await bot.ask({ ':method': method })
    expect([answer.status, answer.body]).toEqual([status, ''])
    await eventually(() => weir.server.stats().underWay === 0)
    expect(left).toEqual([])
  })

  test('streams at the pace of the bot, and a stream cut short does not look whole', async () => {
    const piece = Buffer.alloc(64 * 1024, 'x')
    let written = 0
    const flow = (call: Call, ending: (sink: BodySink) => void): Reply =>
      said(call, '', {
        body: {
          cancel: () => {},
          pipe: (sink) => {
            const more = (): void => {
              while (written < 40) {
                written += 1
                if (!sink.write(piece)) return
              }
              ending(sink)
            }
            sink.begin(more)
            more()
          },
        },
      })
    await using weir = await start({
      handle: async (call) =>
        flow(call, call.request.target === '/whole' ? (sink) => sink.end([]) : (sink) => sink.fail(new Error('gone'))),
    })
    await using bot = await inTunnel(weir)
    expect((await bot.ask({ ':path': '/whole' })).body).toHaveLength(40 * piece.length)
    written = 39
    const broken = bot.begin({ ':path': '/broken' })
    await answerOf(broken)
    expect(broken.rstCode).toBe(constants.NGHTTP2_INTERNAL_ERROR)
    // The connection is none the worse for it.
    written = 39
    expect((await bot.ask({ ':path': '/whole' })).status).toBe(200)
  })

  test('may be preceded by a 103', async () => {
    await using weir = await start({
      handle: async (call) => {
        call.early?.(['Link', '</a>; rel=preload'])
        return said(call, 'ok')
      },
    })
    await using bot = await inTunnel(weir)
    const stream = bot.begin({})
    const [hints] = (await once(stream, 'headers')) as [IncomingHttpHeaders]
    expect(hints).toMatchObject({ ':status': 103, link: '</a>; rel=preload' })
    expect((await answerOf(stream)).status).toBe(200)
  })
})

describe('what weir does not relay over HTTP/2', { timeout: 20_000 }, () => {
  test.each<[string, Record<string, string>, number]>([
    ['another host', { ':authority': COINBASE }, 421],
    ['two hosts', { host: COINBASE }, 400],
    ['a target that is no path', { ':path': '*', ':method': 'OPTIONS' }, 501],
    ['a fragment', { ':path': '/a#b' }, 400],
    ['TRACE', { ':method': 'TRACE' }, 405],
    ['a wish that makes no sense', { 'x-weir-max-wait': 'soon' }, 400],
    ['a request that has been here', { via: '1.1 weir' }, 508],
  ])('%s is refused, and the connection lives on', async (_name, fields, status) => {
    await using weir = await start()
    await using bot = await inTunnel(weir)
    const refused = await bot.ask(fields)
    expect(refused.status).toBe(status)
    expect(refused.headers['x-weir-error']).toBe('bad_request')
    expect((await bot.ask()).status).toBe(200)
    expect(weir.calls).toHaveLength(1)
  })

  test('CONNECT, the method of proxies', async () => {
    await using weir = await start()
    await using bot = await inTunnel(weir)
    const stream = bot.session.request({ ':method': 'CONNECT', ':authority': `${KRAKEN}:443` })
    const [headers] = (await once(stream, 'response')) as [IncomingHttpHeaders]
    expect(headers[':status']).toBe(400)
    stream.close()
  })

  test('a body over the bound, whether its length was told or not', async () => {
    await using weir = await start({ maxBody: () => 1000 })
    await using bot = await inTunnel(weir)
    const body = 'x'.repeat(1001)
    expect((await bot.ask({ ':method': 'POST' }, body)).status).toBe(413)
    expect((await bot.ask({ ':method': 'POST', 'content-length': '1001' }, body)).status).toBe(413)
    expect((await bot.ask()).status).toBe(200)
    expect(weir.calls).toHaveLength(1)
  })

  test('too many fields', async () => {
    await using weir = await start()
    await using bot = await inTunnel(weir)
    const fields = Object.fromEntries(Array.from({ length: 202 }, (_, at) => [`x-${at}`, '1']))
    expect((await bot.ask(fields)).status).toBe(431)
    expect(weir.calls).toHaveLength(0)
  })
})
