// Which calls are told of as sent with nobody knowing what became of them, over real connections.

import type { TLSSocket } from 'node:tls'
import { describe, expect, it } from 'vitest'
import { callOf, senderTo, startOrigin } from './origin.ts'

const amend = () =>
  callOf({ method: 'POST', path: '/0/private/AmendOrder', body: 'nonce=1&txid=TX', credential: 'key' })
const answer = (socket: TLSSocket, status: string, body: string): void =>
  void socket.write(`HTTP/1.1 ${status}\r\nContent-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`)

/** How often the call was told of as missed. */
const missed = async (
  script: (socket: TLSSocket) => void,
  { port, headersTimeoutMs = 10_000 }: { readonly port?: number; readonly headersTimeoutMs?: number } = {},
): Promise<number> => {
  let count = 0
  const origin = await startOrigin(script)
  const send = senderTo(
    { caPem: origin.caPem, port: port ?? origin.port },
    { headersTimeoutMs },
    '127.0.0.1',
    () => undefined,
    () => {
      count += 1
    },
  )
  const reply = await send(amend()).catch(() => undefined)
  if (reply !== undefined && !(reply.body instanceof Uint8Array)) reply.body.cancel()
  return count
}

describe('a call that was sent is missed', { timeout: 30_000 }, () => {
  // An amend whose answer was lost was forgotten, though the exchange had amended: nothing that ended without an answer of Kraken's
  // own was heard of.
  it.each<[string, (socket: TLSSocket) => void]>([
    ['its connection breaks', (socket) => void socket.destroy()],
    ['its connection ends', (socket) => void socket.end()],
    ['its answer breaks off', (socket) => void socket.end('HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n{"error":[]')],
    ['a page is shown in front of the exchange', (socket) => answer(socket, '520 Unknown', '<html>')],
    ['its answer is larger than what is held', (socket) => answer(socket, '200 OK', ' '.repeat(513 * 1024))],
  ])('once, when %s', async (_, script) => {
    expect(await missed(script)).toBe(1)
  })

  it('once, when nothing comes in time', async () => {
    expect(await missed(() => {}, { headersTimeoutMs: 500 })).toBe(1)
  })
})

describe('a call is not missed', { timeout: 30_000 }, () => {
  it.each<[string, (socket: TLSSocket) => void]>([
    ['it was answered', (socket) => answer(socket, '200 OK', '{"error":[],"result":{"amend_id":"T"}}')],
    ['it was refused', (socket) => answer(socket, '200 OK', '{"error":["EOrder:Unknown order"]}')],
    ['it was turned away at the door', (socket) => answer(socket, '429 Too Many Requests', '')],
  ])('when %s', async (_, script) => {
    expect(await missed(script)).toBe(0)
  })

  it('when it was never sent', async () => {
    // Port 1 is nobody's.
    expect(await missed(() => {}, { port: 1 })).toBe(0)
  })
})
