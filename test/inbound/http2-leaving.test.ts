// HTTP/2: streams that bots give up, bounds of a connection, and weir that stops.

import { once } from 'node:events'
import { constants } from 'node:http2'
import { describe, expect, test } from 'vitest'
import type { Reply } from '../../src/core/call.ts'
import { INBOUND_LIMITS } from '../../src/inbound/settings.ts'
import { FakeClock } from '../support/fake-clock.ts'
import { answerOf, inTunnel } from './http2-bot.ts'
import { encrypt, eventually, KRAKEN, said, start, tunnel } from './support.ts'

const never = (): Promise<Reply> => new Promise(() => {})

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
  // It took one stop in six to show that, so that here are many.
  test('takes no new calls once weir stops, and ends with its last answer', async () => {
    const last = 'late'.repeat(10_000)
    const stopWithACall = async () => {
      const { promise, resolve } = Promise.withResolvers<void>()
      await using weir = await start({
        // No bound of time cuts an answer here, however busy the machine is.
        clock: new FakeClock(),
        handle: async (call) => {
          await promise
          return said(call, last)
        },
      })
      await using bot = await inTunnel(weir)
      const answer = bot.ask()
      await eventually(() => weir.calls.length === 1)
      const stopped = weir.server.stop(15_000)
      resolve()
      const { body, whole } = await answer
      await stopped
      return { body: body === last, whole, connections: weir.server.stats().connections }
    }
    const stops = await Promise.all(Array.from({ length: 20 }, stopWithACall))
    expect(stops).toEqual(stops.map(() => ({ body: true, whole: true, connections: 0 })))
  })
})
