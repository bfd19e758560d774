// What is sent twice and what never is, what arrives at the exchange and what comes back, over real connections.

import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect, it } from 'vitest'
import type { BodySink, Reply } from '../../src/core/call.ts'
import type { CallChange } from '../support/build.ts'
import { answerJson, answerOk, callOf, type Script, senderTo, startOrigin } from './origin.ts'

const POST: CallChange = { method: 'POST', path: '/0/private/AddOrder', body: 'nonce=1', credential: 'key' }
const UNREACHABLE = { code: 'upstream_unreachable' }

/** Answers the first call of each connection; the connection dies under the second. */
const dyingOnReuse: Script = (socket, { nth }) => {
  if (nth === 1) answerOk(socket)
  else socket.destroy()
}

/** Everything of a reply's body, and how it ended. */
async function bodyOf({ body }: Reply): Promise<{ text: string; trailers?: readonly string[]; error?: Error }> {
  if (body instanceof Uint8Array) return { text: body.toString('latin1') }
  const { promise, resolve } = Promise.withResolvers<{ text: string; trailers?: readonly string[]; error?: Error }>()
  let text = ''
  const sink: BodySink = {
    begin: () => undefined,
    write: (chunk) => {
      text += chunk.toString('latin1')
      return true
    },
    end: (trailers) => resolve({ text, trailers }),
    fail: (error) => resolve({ text, error }),
  }
  body.pipe(sink)
  return promise
}

describe('a connection that dies before the answer', { timeout: 30_000 }, () => {
  it('costs an unsigned GET nothing when it was a reused one: it is sent once more', async () => {
    const origin = await startOrigin(dyingOnReuse)
    const send = senderTo(origin, { connections: 1 })
    await send(callOf())
    const second = callOf()
    expect(await send(second)).toMatchObject({ status: 200 })
    expect(second.record).toMatchObject({ decision: 'forwarded', sent: 'yes' })
    expect(origin.requests).toHaveLength(3)
  })

  it('fails an unsigned GET when the second try dies too: there is no third', async () => {
    const origin = await startOrigin((socket, { nth }) =>
      nth === 1 && origin.requests.length === 1 ? answerOk(socket) : socket.destroy(),
    )
    const send = senderTo(origin, { connections: 1 })
    await send(callOf())
    await expect(send(callOf())).rejects.toMatchObject(UNREACHABLE)
    expect(origin.requests).toHaveLength(3)
  })

  it('fails an unsigned GET at once when the connection was new', async () => {
    const origin = await startOrigin((socket) => socket.destroy())
    const call = callOf()
    await expect(senderTo(origin)(call)).rejects.toMatchObject(UNREACHABLE)
    expect(call.record.sent).toBe('unknown')
    expect(origin.requests).toHaveLength(1)
  })

  it.each([
    ['an order', POST],
    ['an unsigned POST', { method: 'POST', path: '/0/public/Time', body: '' }],
    ['a signed GET', { host: 'api.coinbase.com', path: '/api/v3/brokerage/accounts', credential: 'key' }],
  ] as const)('fails %s, whatever the connection was: it never reaches the exchange twice', async (_name, change) => {
    const origin = await startOrigin(dyingOnReuse)
    const send = senderTo(origin, { connections: 1 })
    await send(callOf(change))
    const second = callOf(change)
    await expect(send(second)).rejects.toMatchObject(UNREACHABLE)
    expect(second.record.sent).toBe('unknown')
    expect(origin.requests).toHaveLength(2)
  })

  it('does not happen to calls at the end of an idle time, as ours is the shorter one', async () => {
    // Far apart, since a machine with too much to do lets both of them and every call be late.
    const [OWN_IDLE_MS, ORIGIN_IDLE_MS] = [500, 2_500]
    // Its FIN takes a while to reach us, and a call that crosses it is lost.
    const ON_THE_WAY_MS = 80
    const ends = new WeakMap<object, { readonly at: number; readonly fin: NodeJS.Timeout }>()
    const origin = await startOrigin((socket) => {
      const end = ends.get(socket)
      clearTimeout(end?.fin)
      if (end !== undefined && performance.now() >= end.at) return void socket.destroy()
      answerOk(socket)
      const fin = setTimeout(() => socket.destroy(), ORIGIN_IDLE_MS + ON_THE_WAY_MS)
      ends.set(socket, { at: performance.now() + ORIGIN_IDLE_MS, fin })
    })
    const lane = async (offset: number) => {
      const send = senderTo(origin, { idleMs: OWN_IDLE_MS, connections: 1 })
      for (const silentMs of [OWN_IDLE_MS, ORIGIN_IDLE_MS, OWN_IDLE_MS]) {
        await send(callOf(POST))
        // Around both limits, up to 300 ms before and 100 ms after.
        await sleep(silentMs - 300 + ((offset * 37) % 400))
      }
      await send(callOf(POST))
    }
    await Promise.all(Array.from({ length: 30 }, (_, offset) => lane(offset)))
    expect(origin.requests).toHaveLength(120)
    expect(origin.connections()).toBeGreaterThan(30)
    expect(origin.connections()).toBeLessThan(120)
  })
})

describe('an exchange that breaks off or stays silent', { timeout: 30_000 }, () => {
  it('fails the call when the answer was small enough to be held', async () => {
    const origin = await startOrigin((socket) => {
      socket.write('HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{"error":[]')
      setTimeout(() => socket.destroy(), 50)
    })
    const call = callOf()
    await expect(senderTo(origin)(call)).rejects.toMatchObject(UNREACHABLE)
    expect(call.record.sent).toBe('yes')
    expect(origin.requests).toHaveLength(1)
  })

  it.each([
    ['a length', 'Content-Length: 9000000\r\n\r\n', ''],
    ['chunks', 'Transfer-Encoding: chunked\r\n\r\n', 'F4240\r\n'],
  ])('ends a body of %s that was handed on uncleanly', async (_name, framing, before) => {
    const origin = await startOrigin((socket) => {
      socket.write(`HTTP/1.1 200 OK\r\n${framing}${before}${'x'.repeat(1_000_000)}`)
      setTimeout(() => socket.destroy(), 50)
    })
    const reply = await senderTo(origin)(callOf({ ...POST, path: '/0/private/Ledgers' }))
    const { text, error } = await bodyOf(reply)
    expect(text.length).toBeLessThanOrEqual(1_000_000)
    expect(error).toBeInstanceOf(Error)
  })

  it('is given up after its time', async () => {
    const origin = await startOrigin(() => undefined)
    const call = callOf(POST)
    await expect(senderTo(origin, { headersTimeoutMs: 200 })(call)).rejects.toMatchObject({ code: 'upstream_timeout' })
    expect(call.record.sent).toBe('unknown')
  })

  it('is given up when it falls silent in the middle of its answer', async () => {
    const origin = await startOrigin(
      (socket) => void socket.write('HTTP/1.1 200 OK\r\nContent-Length: 20\r\n\r\n{"err'),
    )
    const call = callOf(POST)
    await expect(senderTo(origin, { bodyTimeoutMs: 200 })(call)).rejects.toMatchObject({ code: 'upstream_timeout' })
    expect(call.record.sent).toBe('yes')
  })

  it('is not called at all when its certificate is not for its name', async () => {
    const origin = await startOrigin(answerOk)
    const untrusted = senderTo({ ...origin, caPem: '' })
    const call = callOf(POST)
    await expect(untrusted(call)).rejects.toMatchObject(UNREACHABLE)
    expect(call.record.sent).toBe('no')
    expect(origin.requests).toEqual([])
  })
})

describe('a bot that hangs up', { timeout: 30_000 }, () => {
  it('before the call is sent, is never spoken for', async () => {
    const origin = await startOrigin(answerOk)
    const call = callOf(POST)
    call.presence.leave()
    await expect(senderTo(origin)(call)).rejects.toThrow()
    expect(origin.requests).toEqual([])
  })

  it('takes its read with it: the connection to the exchange is closed', async () => {
    const { promise: closed, resolve } = Promise.withResolvers<void>()
    const origin = await startOrigin((socket) => {
      socket.on('close', () => resolve())
      call.presence.leave()
    })
    const call = callOf()
    await expect(senderTo(origin)(call)).rejects.toThrow()
    await closed
  })

  it('leaves its order to run to the end', async () => {
    const origin = await startOrigin((socket) => {
      call.presence.leave()
      answerJson(socket, '{"error":[],"result":{"txid":["O1"]}}')
    })
    const call = callOf(POST)
    expect(await bodyOf(await senderTo(origin)(call))).toMatchObject({ text: expect.stringContaining('O1') })
  })
})
