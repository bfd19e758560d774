// The simulated feeds: a real WebSocket client can open one, be echoed, be closed, and be turned away in every way.

import { request } from 'node:https'
import type { Duplex } from 'node:stream'
import { Agent, WebSocket } from 'undici'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { type Exchange, startExchange } from './exchange/exchange.ts'

const FEED = 'ws.kraken.com'
let exchange: Exchange

beforeEach(async () => {
  exchange = await startExchange()
})

afterEach(() => exchange.close())

function open(): WebSocket {
  const dispatcher = new Agent({ connect: { ca: exchange.caPem } })
  const socket = new WebSocket(`wss://127.0.0.1:${exchange.port}/ws`, { dispatcher })
  socket.binaryType = 'arraybuffer'
  return socket
}

function next<T extends Event>(socket: WebSocket, name: 'open' | 'message' | 'close'): Promise<T> {
  return new Promise((resolve) =>
    socket.addEventListener(name, (event) => resolve(event as unknown as T), { once: true }),
  )
}

/** Only the handshake: the socket and the proof after 101, the status of another answer, or the error's code. */
function shake(host = FEED, path = '/'): Promise<{ socket: Duplex; accept: unknown } | number | string> {
  const upgrade = { Host: host, Connection: 'Upgrade', Upgrade: 'websocket', 'Sec-WebSocket-Version': '13' }
  const headers = { ...upgrade, 'Sec-WebSocket-Key': 'dGhlIHNhbXBsZSBub25jZQ==' }
  const where = { host: '127.0.0.1', port: exchange.port, path, servername: FEED, ca: exchange.caPem, agent: false }
  return new Promise((resolve) => {
    const req = request({ ...where, headers })
    req.on('upgrade', (res, socket) => resolve({ socket, accept: res.headers['sec-websocket-accept'] }))
    req.on('response', (res) => resolve(res.resume().statusCode ?? 0))
    req.on('error', (error) => resolve((error as NodeJS.ErrnoException).code ?? error.message))
    req.end()
  })
}

/** A handshake that must succeed. */
async function shaken(host?: string, path?: string): Promise<{ socket: Duplex; accept: unknown }> {
  const outcome = await shake(host, path)
  if (typeof outcome === 'object') return outcome
  throw new Error(`no handshake: ${outcome}`)
}

const bytesFrom = (socket: Duplex) => new Promise<Buffer>((resolve) => socket.once('data', resolve))

describe('a WebSocket', () => {
  it('echoes text and binary of all sizes', async () => {
    const socket = open()
    await next(socket, 'open')
    for (const size of [0, 5, 125, 126, 70_000]) {
      socket.send('x'.repeat(size))
      expect((await next<MessageEvent>(socket, 'message')).data).toBe('x'.repeat(size))
    }
    socket.send(new Uint8Array([0, 255, 1]))
    const { data } = await next<MessageEvent>(socket, 'message')
    expect([...new Uint8Array(data as ArrayBuffer)]).toEqual([0, 255, 1])
    socket.close(4000, 'enough')
    expect(await next<CloseEvent>(socket, 'close')).toMatchObject({ code: 4000, wasClean: true })
  })

  it('proves the handshake as RFC 6455 section 1.3 shows it', async () => {
    const { socket, accept } = await shaken()
    socket.destroy()
    expect(accept).toBe('s3pPLMBiTxaQ9kYGzzhZRbK+xOo=')
  })

  it('answers a ping', async () => {
    const { socket } = await shaken()
    socket.write(Buffer.from([0x89, 0x81, 0, 0, 0, 0, 0x70]))
    expect([...(await bytesFrom(socket))]).toEqual([0x8a, 0x01, 0x70])
    socket.destroy()
  })

  it('closes from its side with the code it is told', async () => {
    const socket = open()
    await next(socket, 'open')
    socket.send('close 4321 go away')
    expect(await next<CloseEvent>(socket, 'close')).toMatchObject({ code: 4321, reason: 'go away' })
  })

  it('can be refused with an HTTP answer, reset before the handshake, or reset after it', async () => {
    exchange.upgrade('refuse')
    expect(await shake()).toBe(401)
    exchange.upgrade('reset-before')
    expect(await shake()).toBe('ECONNRESET')
    exchange.upgrade('reset-after')
    const socket = open()
    await next(socket, 'open')
    socket.send('now')
    expect(await next<CloseEvent>(socket, 'close')).toMatchObject({ code: 1006, wasClean: false })
  })

  it('opens at the feeds, and at /ws anywhere, but not elsewhere', async () => {
    expect(await shake('api.kraken.com', '/0/public/Time')).toBe(404)
    const { socket } = await shaken('api.kraken.com', '/ws')
    socket.destroy()
    expect(exchange.calls.map((call) => call.verdict)).toEqual(['rejected', 'upgraded'])
  })

  it('is refused beyond the limit of attempts, which at Kraken bans the address for ten minutes', async () => {
    await exchange.close()
    exchange = await startExchange({ websocket: { krakenPer10Minutes: 2 } })
    for (const { socket } of [await shaken(), await shaken()]) socket.destroy()
    expect([await shake(), await shake()]).toEqual([429, 429])
    expect(exchange.report().byCounter).toEqual({ 'kraken.ws-connect': 1 })
  })

  it('is refused at attempt 9 of a second at Coinbase', async () => {
    const feed = 'advanced-trade-ws.coinbase.com'
    for (let attempt = 0; attempt < 8; attempt += 1) (await shaken(feed)).socket.destroy()
    expect(await shake(feed)).toBe(429)
  })
})
