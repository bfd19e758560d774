// Which answers are heard of, to learn from them, over real connections: those that are held whole, up to a size.

import { gzipSync } from 'node:zlib'
import { describe, expect, it, onTestFinished, vi } from 'vitest'
import type { CallChange } from '../support/build.ts'
import { callOf, senderTo, startOrigin } from './origin.ts'

const KIB = 1024
const OPEN_ORDERS: CallChange = { method: 'POST', path: '/0/private/OpenOrders', body: 'nonce=1', credential: 'key' }
const ASSET_PAIRS: CallChange = { path: '/0/public/AssetPairs' }

/** What was read of an answer with this body; none when nothing was heard of it. */
const heard = async (change: CallChange, body: Buffer, head = '200 OK'): Promise<readonly unknown[]> => {
  const reads: unknown[] = []
  const origin = await startOrigin((socket) => {
    socket.write(`HTTP/1.1 ${head}\r\nContent-Length: ${body.length}\r\n\r\n`)
    socket.write(body)
  })
  const learn = (_call: unknown, read: () => unknown): undefined => {
    reads.push(read())
  }
  const reply = await senderTo(origin, {}, '127.0.0.1', learn)(callOf(change))
  if (!(reply.body instanceof Uint8Array)) reply.body.cancel()
  return reads
}

const json = (value: unknown): Buffer => Buffer.from(JSON.stringify(value))
const zipped = '200 OK\r\nContent-Encoding: gzip'

describe('an answer is heard of', { timeout: 30_000 }, () => {
  // Two hundred open orders are a hundred kilobytes. Such a list streamed past, and each of its orders was priced as a stranger.
  it('when it lists as many open orders as an account may have', async () => {
    const answer = { error: [], result: { open: { TX: 'x'.repeat(400 * KIB) } } }
    expect(await heard(OPEN_ORDERS, json(answer))).toEqual([answer])
  })

  it('when it is the table of all pairs, also compressed', async () => {
    const answer = { error: [], result: { XXBTZUSD: { altname: 'x'.repeat(1_500 * KIB) } } }
    expect(await heard(ASSET_PAIRS, json(answer))).toEqual([answer])
    expect(await heard(ASSET_PAIRS, gzipSync(json(answer)), zipped)).toEqual([answer])
  })

  it('when a batch is refused in part: what it placed is told beside the errors', async () => {
    const answer = { error: [], result: { orders: [{ txid: 'TX' }, { error: 'EOrder:Insufficient funds' }] } }
    expect(await heard({ ...OPEN_ORDERS, path: '/0/private/AddOrderBatch' }, json(answer))).toEqual([answer])
  })

  it('and reads as nothing when it is a bomb, or no JSON', async () => {
    expect(await heard(ASSET_PAIRS, gzipSync(Buffer.alloc(64 * KIB * KIB)), zipped)).toEqual([undefined])
    expect(await heard(ASSET_PAIRS, Buffer.from('<html>'))).toEqual([undefined])
  })
})

describe('an answer streams past unheard', { timeout: 30_000 }, () => {
  it('when it is larger than what is held', async () => {
    expect(await heard(OPEN_ORDERS, Buffer.alloc(513 * KIB, ' '))).toEqual([])
    expect(await heard(ASSET_PAIRS, Buffer.alloc(2_049 * KIB, ' '))).toEqual([])
  })

  it('when its status says that something is wrong', async () => {
    expect(await heard(OPEN_ORDERS, json({ error: [], result: { open: {} } }), '502 Bad Gateway')).toEqual([])
  })
})

describe('an answer that is judged and learnt from', { timeout: 30_000 }, () => {
  const told = { error: [], result: { open: { TX: 'x'.repeat(KIB) } } }
  const refused = { error: ['EOrder:Unknown order'] }
  // A compressed answer hides its errors: it was unpacked and parsed for the verdict, and again to learn from it.
  it.each([
    ['as it is', refused, (body: Buffer) => body, '200 OK'],
    ['compressed', told, gzipSync, zipped],
    ['compressed, refused', refused, gzipSync, zipped],
  ])('is parsed once: %s', async (_, answer, pack, head) => {
    const parse = vi.spyOn(JSON, 'parse')
    onTestFinished(() => parse.mockRestore())
    expect(await heard(OPEN_ORDERS, pack(json(answer)), head)).toEqual([answer])
    expect(parse.mock.calls.filter(([text]) => text === JSON.stringify(answer))).toHaveLength(1)
  })
})
