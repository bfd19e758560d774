// Bytes: what the exchange gets is what the bot sent, and what the bot gets is what the exchange sent.

import { describe, expect, it } from 'vitest'
import { answerOk, callOf, senderTo, startOrigin } from './origin.ts'

const SIGNED = [
  ...['Host', 'api.kraken.com', 'user-agent', 'bot/1', 'API-Key', 'k+/=', 'ApI-sIgN', 'AbC=='],
  ...[
    'X-Twice',
    'one',
    'Accept',
    '*/*',
    'X-Twice',
    'two',
    'Content-Type',
    'text/plain',
    'X-Name',
    'M\u00fcller \u00e9',
  ],
]

describe('a request', { timeout: 30_000 }, () => {
  it('keeps the order, case, repeats and latin1 bytes of its header', async () => {
    const origin = await startOrigin(answerOk)
    const body = 'nonce=1&pair=XBT%2fUSD'
    const headers = [...SIGNED, 'Content-Length', String(body.length)]
    await senderTo(origin)(callOf({ method: 'POST', path: '/0/private/AddOrder', headers, body }))
    const [first, ...lines] = origin.requests[0]?.head.trimEnd().split('\r\n') ?? []
    expect(first).toBe('POST /0/private/AddOrder HTTP/1.1')
    const sent = []
    for (let at = 0; at < headers.length; at += 2) sent.push(`${headers[at]}: ${headers[at + 1]}`)
    // undici writes these two names itself, in lower case; their place and value are the bot's.
    const names = [/^Host:/, /^Content-Length:/]
    const expected = sent.map((line) =>
      names.reduce((text, name) => text.replace(name, (own) => own.toLowerCase()), line),
    )
    expect(lines.filter((line) => !/^connection: keep-alive$/i.test(line))).toEqual(expected)
    expect(origin.requests[0]?.body).toBe(body)
  })

  it('keeps its target as it was signed', async () => {
    const origin = await startOrigin(answerOk)
    await senderTo(origin)(callOf({ path: '/0/public//Ticker/./%7Ea', query: 'b=%20&a=1&a=+' }))
    expect(origin.requests[0]?.head).toMatch(/^GET \/0\/public\/\/Ticker\/\.\/%7Ea\?b=%20&a=1&a=\+ HTTP\/1\.1\r\n/)
  })

  it('is a GET with a body where the bot sends one, as coinbase-advanced-py does', async () => {
    const origin = await startOrigin(answerOk)
    const headers = ['Host', 'api.coinbase.com', 'Content-Type', 'application/json', 'Content-Length', '2']
    const path = '/api/v3/brokerage/accounts'
    await senderTo(origin)(callOf({ host: 'api.coinbase.com', path, headers, body: '{}' }))
    expect(origin.requests[0]?.body).toBe('{}')
    expect(origin.requests[0]?.head.match(/content-length/gi)).toHaveLength(1)
  })

  it('without a body has none at the exchange either', async () => {
    const origin = await startOrigin(answerOk)
    await senderTo(origin)(callOf())
    expect(origin.requests[0]?.head).not.toMatch(/content-length|transfer-encoding/i)
  })
})

describe('an answer', { timeout: 30_000 }, () => {
  it('keeps the order, case, repeats and latin1 bytes of its header', async () => {
    const origin = await startOrigin((socket) => {
      const fields = 'cF-Ray: 1\r\nSet-Cookie: a=1\r\nX-Name: M\xfcller\r\nSet-Cookie: b=2\r\nKeep-Alive: timeout=5\r\n'
      socket.write(Buffer.from(`HTTP/1.1 200 Fine\r\n${fields}Content-Length: 2\r\n\r\n{}`, 'latin1'))
    })
    const reply = await senderTo(origin)(callOf())
    expect(reply.statusText).toBe('Fine')
    expect(reply.headers).toEqual([
      ...['cF-Ray', '1', 'Set-Cookie', 'a=1', 'X-Name', 'M\u00fcller', 'Set-Cookie', 'b=2', 'Content-Length', '2'],
    ])
  })

  it('may be announced by a 103, which is relayed', async () => {
    const origin = await startOrigin((socket) => {
      socket.write('HTTP/1.1 103 Early Hints\r\nLink: </style.css>; rel=preload\r\n\r\n')
      answerOk(socket)
    })
    const hints: (readonly string[])[] = []
    const reply = await senderTo(origin)({ ...callOf(), early: (headers) => void hints.push(headers) })
    expect(hints).toEqual([['Link', '</style.css>; rel=preload']])
    expect(reply.status).toBe(200)
  })

  it('keeps its trailers', async () => {
    const origin = await startOrigin((socket) => {
      const body = '2\r\n{}\r\n0\r\nX-Checksum: abc\r\nX-Checksum: def\r\n\r\n'
      socket.write(`HTTP/1.1 200 OK\r\nTrailer: X-Checksum\r\nTransfer-Encoding: chunked\r\n\r\n${body}`)
    })
    const reply = await senderTo(origin)(callOf())
    expect(reply.trailers).toEqual(['X-Checksum', 'abc', 'X-Checksum', 'def'])
    expect(reply.headers).toEqual(['Trailer', 'X-Checksum'])
  })

  it.each([
    ['HEAD', '200 OK', 'Content-Length: 12345\r\n'],
    ['HEAD', '200 OK', 'Transfer-Encoding: chunked\r\n'],
    ['GET', '204 No Content', ''],
    ['GET', '304 Not Modified', 'Content-Length: 12345\r\nETag: "x"\r\n'],
  ])('to %s with %s and %j has no body, and the next answer is whole', async (method, status, fields) => {
    const origin = await startOrigin((socket) => {
      if (origin.requests.length === 1) socket.write(`HTTP/1.1 ${status}\r\n${fields}\r\n`)
      else answerOk(socket)
    })
    const send = senderTo(origin, { connections: 1 })
    const reply = await send(callOf({ method }))
    expect(reply).toMatchObject({ status: Number(status.slice(0, 3)), body: Buffer.alloc(0) })
    if (fields.includes('12345')) expect(reply.headers).toContain('12345')
    expect(await send(callOf())).toMatchObject({ body: Buffer.from('{"error":[],"result":{}}') })
  })
})
