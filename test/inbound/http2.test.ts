// HTTP/2 towards bots that offer nothing else: the same road, the same answers.

import { once } from 'node:events'
import {
  type ClientHttp2Session,
  type ClientHttp2Stream,
  connect,
  constants,
  type IncomingHttpHeaders,
} from 'node:http2'
import { connect as tlsConnect } from 'node:tls'
import { describe, expect, test } from 'vitest'
import type { BodySink, Call, Reply } from '../../src/core/call.ts'
import { INBOUND_LIMITS } from '../../src/inbound/settings.ts'
import { FakeClock } from '../support/fake-clock.ts'
import {
  COINBASE,
  certificate,
  dial,
  encrypt,
  eventually,
  type Fixture,
  KRAKEN,
  said,
  start,
  tunnel,
  type Wire,
} from './support.ts'

interface Answered {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  readonly trailers: IncomingHttpHeaders
  readonly body: string
}

/** An HTTP/2 client on a connection of its own. */
class Bot implements AsyncDisposable {
  readonly session: ClientHttp2Session
  readonly errors: Error[] = []

  constructor(under: Wire) {
    under.socket.removeAllListeners('data')
    const options = { socket: under.socket, servername: KRAKEN, ca: certificate, ALPNProtocols: ['h2'] }
    this.session = connect(`https://${KRAKEN}`, { createConnection: () => tlsConnect(options) })
    this.session.on('error', (error) => this.errors.push(error))
  }

  begin(fields: Record<string, string | string[]>, endStream = true): ClientHttp2Stream {
    const stream = this.session.request({ ':authority': KRAKEN, ':path': '/a', ...fields }, { endStream })
    stream.on('error', (error) => this.errors.push(error))
    return stream
  }

  async ask(fields: Record<string, string | string[]> = {}, body?: string | Buffer): Promise<Answered> {
    const stream = this.begin(fields, body === undefined)
    if (body !== undefined) stream.end(body)
    return answerOf(stream)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.session.destroy()
  }
}

const answerOf = async (stream: ClientHttp2Stream): Promise<Answered> => {
  let headers: IncomingHttpHeaders = {}
  let trailers: IncomingHttpHeaders = {}
  let body = ''
  stream.on('response', (fields) => {
    headers = fields
  })
  stream.on('trailers', (fields) => {
    trailers = fields
  })
  stream.on('data', (chunk: Buffer) => {
    body += chunk.toString('latin1')
  })
  await new Promise<void>((resolve) => stream.once('close', () => resolve()))
  return { status: Number(headers[':status']), headers, trailers, body }
}

const inTunnel = async (weir: Fixture): Promise<Bot> => new Bot(await tunnel(weir.port))

const never = (): Promise<Reply> => new Promise(() => {})

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

describe('a stream that is given up', { timeout: 20_000 }, () => {
  test.each(['GET', 'HEAD', 'POST'])('means that the bot has left, for %s', async (method) => {
    await using weir = await start({ handle: never })
    await using bot = await inTunnel(weir)
    const stream = bot.begin({ ':method': method }, method !== 'POST')
    if (method === 'POST') stream.end('body')
    await eventually(() => weir.calls.length === 1)
    stream.close(constants.NGHTTP2_CANCEL)
    await eventually(() => weir.calls[0]?.presence.left === true)
    expect(weir.server.stats().underWay).toBe(0)
    expect(weir.server.stats().connections).toBe(1)
  })

  test('with its whole connection is given up by all', async () => {
    await using weir = await start({ handle: never })
    await using bot = await inTunnel(weir)
    for (const path of ['/a', '/b', '/c']) bot.begin({ ':path': path })
    await eventually(() => weir.calls.length === 3)
    bot.session.destroy()
    await eventually(() => weir.calls.every((call) => call.presence.left))
    await eventually(() => weir.server.stats().connections === 0)
  })

  test('in the middle of its answer stops what flows into it', async () => {
    let cancelled = 0
    await using weir = await start({
      handle: async (call) =>
        said(call, '', {
          body: {
            pipe: (sink) => {
              sink.begin(() => {})
              sink.write(Buffer.from('half'))
            },
            cancel: () => {
              cancelled += 1
            },
          },
        }),
    })
    await using bot = await inTunnel(weir)
    const stream = bot.begin({})
    await once(stream, 'data')
    stream.close(constants.NGHTTP2_CANCEL)
    await eventually(() => cancelled === 1)
    expect(weir.calls[0]?.presence.left).toBe(true)
  })

  test('in the middle of its body never becomes a call', async () => {
    await using weir = await start()
    await using bot = await inTunnel(weir)
    // With a length, because Node's client says that the body is whole before it takes the stream back.
    const stream = bot.begin({ ':method': 'POST', 'content-length': '9' }, false)
    stream.write('half')
    await eventually(() => weir.server.stats().underWay === 1)
    stream.close(constants.NGHTTP2_CANCEL)
    await eventually(() => weir.server.stats().underWay === 0)
    bot.begin({ ':method': 'POST' }, false).write('half')
    await eventually(() => weir.server.stats().underWay === 1)
    bot.session.destroy()
    await eventually(() => weir.server.stats().connections === 0)
    expect(weir.calls).toHaveLength(0)
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

describe('an HTTP/2 connection', { timeout: 20_000 }, () => {
  test('announces how many streams it bears, and never more than those are under way', async () => {
    await using weir = await start({ handle: never, limits: { streams: 5 } })
    await using bot = await inTunnel(weir)
    await once(bot.session, 'remoteSettings')
    expect(bot.session.remoteSettings.maxConcurrentStreams).toBe(5)
    for (let at = 0; at < 20; at += 1) bot.begin({ ':path': `/${at}` })
    await eventually(() => weir.calls.length === 5)
    expect(weir.server.stats().underWay).toBe(5)
  })

  // Rapid reset, CVE-2023-44487: a stream that is taken back at once no longer counts, so their number bounds nothing.
  test('ends when streams are opened and taken back without measure', async () => {
    await using weir = await start({ handle: never, limits: { streamResets: 20, streamResetsPerSecond: 1 } })
    await using bot = await inTunnel(weir)
    for (let at = 0; at < 200 && !bot.session.destroyed; at += 1) {
      const stream = bot.begin({ ':path': `/${at}` })
      stream.close(constants.NGHTTP2_CANCEL)
      await new Promise((resolve) => setImmediate(resolve))
    }
    await eventually(() => weir.server.stats().connections === 0)
    expect(weir.calls.length).toBeLessThan(100)
    expect(weir.events).toMatchObject([{ type: 'connection.dropped', reason: 'ERR_HTTP2_ERROR' }])
    await eventually(() => weir.calls.every((call) => call.presence.left))
  })

  test.each([
    ['nothing', ''],
    ['something else', 'GET / HTTP/1.1\r\n\r\n'],
    ['half a preface', 'PRI * HTTP/2.0\r\n'],
  ])('is closed in time when it says %s', async (_name, bytes) => {
    await using weir = await start({ limits: { headersMs: 200 } })
    using wire = await encrypt(await tunnel(weir.port), KRAKEN, ['h2'])
    wire.say(bytes)
    await wire.over()
    await eventually(() => weir.server.stats().connections === 0)
  })

  test('loses a stream whose body does not come', async () => {
    await using weir = await start({ limits: { headersMs: 200, requestMs: 200 } })
    await using bot = await inTunnel(weir)
    const stream = bot.begin({ ':method': 'POST' }, false)
    stream.write('half')
    await answerOf(stream)
    expect(stream.rstCode).toBe(constants.NGHTTP2_CANCEL)
    expect((await bot.ask()).status).toBe(200)
  })

  // A GET has no body that could come, yet its stream was taken back when the time for one was over: calls that waited half a
  // minute for the exchange were lost.
  test.each<[string, Record<string, string>, string | undefined]>([
    ['that has none', {}, undefined],
    ['that is empty, and says so', { ':method': 'POST', 'content-length': '0' }, ''],
    ['that is empty', { ':method': 'POST' }, ''],
    ['that has come', { ':method': 'POST' }, 'nonce=1'],
  ])(
    'keeps a stream whose answer takes longer than a body may, for a request with a body %s',
    async (_name, fields, body) => {
      const clock = new FakeClock()
      const { promise, resolve } = Promise.withResolvers<void>()
      await using weir = await start({
        clock,
        handle: async (call) => {
          await promise
          return said(call, 'late')
        },
      })
      await using bot = await inTunnel(weir)
      const answer = bot.ask(fields, body)
      await eventually(() => weir.calls.length === 1)
      clock.advance(INBOUND_LIMITS.requestMs * 2)
      resolve()
      expect(await answer).toMatchObject({ status: 200, body: 'late' })
    },
  )

  // weir cut such a connection as soon as nothing was owed on it: while the last bytes of the answer were still on their way.
  test('takes no new calls once weir stops, and ends with its last answer', async () => {
    const last = 'late'.repeat(10_000)
    const { promise, resolve } = Promise.withResolvers<void>()
    await using weir = await start({
      handle: async (call) => {
        await promise
        return said(call, last)
      },
    })
    await using bot = await inTunnel(weir)
    const answer = bot.ask()
    await eventually(() => weir.calls.length === 1)
    const stopped = weir.server.stop(5000)
    resolve()
    expect((await answer).body).toBe(last)
    await stopped
    expect(weir.server.stats().connections).toBe(0)
  })
})
