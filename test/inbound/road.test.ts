// The main road: CONNECT, TLS, a request, an answer. Every client form that real bots were seen to use.

import { describe, expect, test } from 'vitest'
import { answers, dial, encrypt, KRAKEN, said, secureTunnel, start, tunnel } from './support.ts'

const GET = `GET /0/public/Time?a=1 HTTP/1.1\r\nHost: ${KRAKEN}\r\n\r\n`

describe('the main road', { timeout: 20_000 }, () => {
  test('CONNECT, TLS, a request, an answer, and another on the same connection', async () => {
    await using weir = await start()
    using bot = await secureTunnel(weir.port)
    await bot.say(GET).until((heard) => answers(heard, 1))
    await bot.say(GET).until((heard) => answers(heard, 2))
    expect(weir.calls).toHaveLength(2)
    expect(weir.calls[0]?.request).toMatchObject({
      method: 'GET',
      host: KRAKEN,
      port: 443,
      target: '/0/public/Time?a=1',
      path: '/0/public/Time',
      query: 'a=1',
      headers: ['Host', KRAKEN],
      body: undefined,
    })
    expect(weir.calls[0]?.bot).toBe('127.0.0.1')
  })

  test('HTTP/1.0 CONNECT without any header', async () => {
    await using weir = await start()
    using bot = await encrypt(await tunnel(weir.port, KRAKEN, `CONNECT ${KRAKEN}:443 HTTP/1.0\r\n\r\n`))
    await bot.say(GET).until((heard) => answers(heard, 1))
  })

  test('`Connection: close` on CONNECT does not close the tunnel', async () => {
    await using weir = await start()
    const line = `CONNECT ${KRAKEN}:443 HTTP/1.1\r\nhost: ${KRAKEN}\r\nconnection: close\r\nproxy-connection: keep-alive\r\n\r\n`
    using bot = await encrypt(await tunnel(weir.port, KRAKEN, line))
    await bot.say(GET).until((heard) => answers(heard, 1))
    await bot.say(GET).until((heard) => answers(heard, 2))
  })

  test('plain HTTP inside the tunnel', async () => {
    await using weir = await start()
    using bot = await tunnel(weir.port, KRAKEN, `CONNECT ${KRAKEN}:80 HTTP/1.1\r\nHost: ${KRAKEN}:80\r\n\r\n`)
    await bot.say(GET).until((heard) => answers(heard, 1))
    await bot.say(GET).until((heard) => answers(heard, 2))
    expect(weir.calls[0]?.request).toMatchObject({ host: KRAKEN, port: 443 })
  })

  test('plain HTTP that was sent together with CONNECT', async () => {
    await using weir = await start()
    using bot = await dial(weir.port)
    bot.say(`CONNECT ${KRAKEN}:80 HTTP/1.1\r\nHost: x\r\n\r\n${GET}`)
    await bot.until((heard) => answers(heard, 1))
  })

  test('TLS without CONNECT goes to the host that the ClientHello names', async () => {
    await using weir = await start()
    using bot = await encrypt(await dial(weir.port))
    await bot.say(GET).until((heard) => answers(heard, 1))
    expect(weir.calls[0]?.request.host).toBe(KRAKEN)
  })

  test.each([
    ['absolute form', `GET http://${KRAKEN}/0/public/Time?a=1 HTTP/1.1\r\nHost: ${KRAKEN}\r\n\r\n`],
    [
      'absolute form with another Host, which is ignored',
      `GET http://${KRAKEN}/0/public/Time?a=1 HTTP/1.1\r\nHost: evil.test\r\n\r\n`,
    ],
    [
      'absolute form with port and capitals',
      `GET HTTP://API.Kraken.com.:80/0/public/Time?a=1 HTTP/1.1\r\nHost: x\r\n\r\n`,
    ],
    [
      'absolute https form in the clear (axios up to 1.16.0)',
      `GET https://${KRAKEN}/0/public/Time?a=1 HTTP/1.1\r\nhost: ${KRAKEN}\r\n\r\n`,
    ],
    [
      'URL embedded in the path (ccxt proxyUrl)',
      `GET /https://${KRAKEN}/0/public/Time?a=1 HTTP/1.1\r\nHost: 127.0.0.1:8080\r\n\r\n`,
    ],
    [
      'the same, percent-encoded',
      `GET /https%3A%2F%2F${KRAKEN}%2F0%2Fpublic%2FTime%3Fa%3D1 HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n`,
    ],
  ])('%s', async (_name, request) => {
    await using weir = await start()
    using bot = await dial(weir.port)
    await bot.say(request).until((heard) => answers(heard, 1))
    expect(weir.calls[0]?.request).toMatchObject({ host: KRAKEN, port: 443, target: '/0/public/Time?a=1' })
    const headers = weir.calls[0]?.request.headers ?? []
    expect(headers[1]).toBe(KRAKEN)
    expect(headers).toHaveLength(2)
  })

  test('a body arrives whole, whatever its framing', async () => {
    await using weir = await start()
    using bot = await secureTunnel(weir.port)
    bot.say(`POST /0/private/Balance HTTP/1.1\r\nHost: ${KRAKEN}\r\nContent-Length: 9\r\n\r\nnon`).say('ce=123')
    await bot.until((heard) => answers(heard, 1))
    bot.say(
      `POST /0/private/Balance HTTP/1.1\r\nHost: ${KRAKEN}\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nnon\r\n6\r\nce=124\r\n0\r\n\r\n`,
    )
    await bot.until((heard) => answers(heard, 2))
    expect(weir.calls.map((call) => call.request.body?.toString())).toEqual(['nonce=123', 'nonce=124'])
    expect(weir.calls[1]?.request.headers).toEqual(['Host', KRAKEN])
  })

  test('an answer carries what weir did', async () => {
    await using weir = await start({
      handle: async (call) => {
        Object.assign(call.record, {
          waitedMs: 12.4,
          breaker: 'half_open',
          rateLimit: '"x";r=1',
          rateLimitPolicy: '"x";q=2;w=1',
          cache: 'fwd=miss; stored',
          ageSeconds: 3.7,
        })
        return said(call, 'ok', {
          headers: ['Date', 'now', 'X-Weir-Cost', '0', 'Age', '99', 'Cache-Status', 'edge; hit'],
        })
      },
    })
    using bot = await secureTunnel(weir.port)
    const heard = await bot.say(GET).until((text) => answers(text, 1))
    expect(heard.split('\r\n')).toEqual([
      'HTTP/1.1 200 OK',
      'Date: now',
      'Cache-Status: edge; hit',
      'Content-Length: 2',
      'X-Weir-Call: c1',
      'X-Weir-Class: kraken.public',
      'X-Weir-Decision: forwarded',
      'X-Weir-Wait-Ms: 12',
      'X-Weir-Cost: 1',
      'X-Weir-Breaker: half_open',
      'X-Weir-Sent: yes',
      'RateLimit: "x";r=1',
      'RateLimit-Policy: "x";q=2;w=1',
      'Cache-Status: weir; fwd=miss; stored',
      'Age: 3',
      'Connection: keep-alive',
      'Keep-Alive: timeout=300, max=10000',
      '',
      'ok',
    ])
  })
})
