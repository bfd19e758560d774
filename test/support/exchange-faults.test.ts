// What can go wrong on the way is wrong in just the way that was ordered, and counted as ordered.

import { Agent } from 'node:https'
import { connect } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { brotliDecompressSync, gunzipSync, zstdDecompressSync } from 'node:zlib'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { ask, askKraken } from './exchange/ask.ts'
import { REAL_CLOCK } from './exchange/clock.ts'
import { type Exchange, startExchange } from './exchange/exchange.ts'
import { cloudflarePage, krakenError, tooManyRequests } from './exchange/faults.ts'
import { Gate, seeded } from './exchange/gate.ts'

const TIME = { path: '/0/public/Time' }
let exchange: Exchange

beforeEach(async () => {
  exchange = await startExchange({ kraken: { public: { capacity: 100, refillPerSecond: 1 } } })
})

afterEach(() => exchange.close())

const code = (error: unknown) => (error as NodeJS.ErrnoException).code ?? String(error)
const outcome = () => ask(exchange, TIME).then((answer) => answer.status, code)

describe('an ordered answer', () => {
  it('comes once, at the edge: the call reaches no counter', async () => {
    exchange.fault(tooManyRequests({ retryAfter: 7, html: true }))
    const refused = await ask(exchange, TIME)
    expect([refused.status, refused.headers['retry-after'], refused.headers['content-type']]).toEqual([
      429,
      '7',
      'text/html',
    ])
    expect((await ask(exchange, TIME)).status).toBe(200)
    expect(exchange.report()).toMatchObject({ calls: 2, violations: 0, byVerdict: { 'fault answer': 1, served: 1 } })
  })

  it('comes as often as told, and only to calls that match', async () => {
    const page = exchange.fault({ ...cloudflarePage(520), path: /Time$/, host: 'api.kraken.com', times: 2 })
    expect((await ask(exchange, { path: '/0/public/Ticker' })).status).toBe(200)
    expect([await outcome(), await outcome(), await outcome()]).toEqual([520, 520, 200])
    expect(page.left).toBe(0)
  })

  it('can be called off', async () => {
    exchange.fault({ ...krakenError('EService:Unavailable'), times: Number.POSITIVE_INFINITY })
    expect((await ask(exchange, TIME)).json).toEqual({ error: ['EService:Unavailable'] })
    exchange.clearFaults()
    expect((await ask(exchange, TIME)).json).toMatchObject({ error: [] })
  })

  it.each([
    ['gzip', gunzipSync],
    ['br', brotliDecompressSync],
    ['zstd', zstdDecompressSync],
  ] as const)('can be a %s body that nobody asked for', async (encoding, decode) => {
    exchange.fault({ ...tooManyRequests(), encoding })
    const answer = await ask(exchange, TIME)
    expect(answer.headers['content-encoding']).toBe(encoding)
    expect(decode(answer.bytes).toString()).toContain('rate_limit_exceeded')
  })
})

describe('a broken connection', () => {
  it('loses the answer of an order that was placed', async () => {
    const key = exchange.krakenKey('a')
    exchange.fault({ kind: 'reset', path: /AddOrder$/ })
    const order = { pair: 'XBTUSD', type: 'buy', ordertype: 'limit', price: 1, volume: 1 }
    await expect(askKraken(exchange, key, 1, 'AddOrder', order)).rejects.toMatchObject({ code: 'ECONNRESET' })
    expect(exchange.account(key.key).openOrders).toHaveLength(1)
  })

  it('never reaches the book when it is told not to count', async () => {
    const key = exchange.krakenKey('a')
    exchange.fault({ kind: 'end', counted: false })
    const order = { pair: 'XBTUSD', type: 'buy', ordertype: 'limit', price: 1, volume: 1 }
    await expect(askKraken(exchange, key, 1, 'AddOrder', order)).rejects.toMatchObject({ code: 'ECONNRESET' })
    expect(exchange.account(key.key)).toMatchObject({ openOrders: [], highestNonce: -1n })
    expect(exchange.calls.map((call) => call.verdict)).toEqual(['fault end'])
  })

  it.each(['length', 'chunked'] as const)('is reset in mid-body, framed by %s', async (framing) => {
    const bytes = await answerBytes(framing)
    expect(bytes.toLowerCase()).toContain(framing === 'length' ? 'content-length: ' : 'transfer-encoding: chunked')
    expect(bytes).toContain('{"error":[]')
    expect(bytes).not.toContain('rfc1123')
  })

  it('hangs until the bot gives up', async () => {
    exchange.fault({ kind: 'hang' })
    const patient = ask(exchange, TIME).then(() => 'answered')
    patient.catch(() => undefined)
    expect(await Promise.race([patient, sleep(200, 'still hanging')])).toBe('still hanging')
  })
})

describe('an odd but right answer', () => {
  it.each([
    { kind: 'early-hints' },
    { kind: 'trailers' },
    { kind: 'close' },
    { kind: 'slow-body', ms: 40 },
    { kind: 'delay', ms: 20 },
  ] as const)('$kind', async (fault) => {
    exchange.fault(fault)
    const answer = await ask(exchange, TIME)
    expect(answer).toMatchObject({ status: 200, json: { error: [] } })
    if (fault.kind === 'trailers') expect(answer.trailers['x-checksum']).toBe(String(answer.bytes.length))
    if (fault.kind === 'close') expect(answer.headers.connection).toBe('close')
  })
})

describe('the road', () => {
  it('piles calls up in a stall and lets them arrive together', async () => {
    const { promise: over, resolve: goOn } = Promise.withResolvers<void>()
    const slept: number[] = []
    const sleepByHand = (ms: number) => {
      slept.push(ms)
      return over
    }
    await exchange.close()
    exchange = await startExchange({ clock: { ...REAL_CLOCK, sleep: sleepByHand } })
    exchange.stall(1_000)
    const calls = [1, 2, 3].map((n) => ask(exchange, { path: `/0/public/Time?n=${n}` }))
    await expect.poll(() => exchange.held(), { timeout: 10_000, interval: 5 }).toBe(3)
    expect(exchange.calls).toHaveLength(0)
    goOn()
    await Promise.all(calls)
    expect([exchange.calls.length, exchange.held()]).toEqual([3, 0])
    expect(slept).toEqual([1_000])
  })

  it('resumes TLS sessions, reuses connections, and closes idle ones when told', async () => {
    const agent = new Agent({ keepAlive: true, maxSockets: 1 })
    await ask(exchange, { ...TIME, agent })
    await ask(exchange, { ...TIME, agent })
    expect(exchange.connections).toMatchObject({ opened: 1, resumed: 0 })
    exchange.dropIdle()
    await expect.poll(() => exchange.connections.live, { timeout: 5_000 }).toBe(0)
    await ask(exchange, { ...TIME, agent })
    expect(exchange.connections).toMatchObject({ opened: 2, resumed: 1 })
    agent.destroy()
  })

  it('takes half the latency and a seeded jitter on the way in, the other half on the way back', async () => {
    const travel = async (seed: number) => {
      const slept: number[] = []
      const clock = { now: () => 0, wall: () => 0, sleep: async (ms: number) => void slept.push(ms) }
      const gate = new Gate(clock, seeded(seed), { latencyMs: 20, jitterMs: 100 })
      await gate.arrive()
      await gate.arrive()
      await gate.leave()
      return slept
    }
    const [first = 0, second = 0, back] = await travel(1)
    expect(back).toBe(10)
    for (const ms of [first, second]) expect(ms).toSatisfy((way: number) => way >= 10 && way < 110)
    expect(first).not.toBe(second)
    expect(await travel(1)).toEqual([first, second, back])
    expect(await travel(2)).not.toEqual([first, second, back])
  })

  it('judges a call when it has arrived, not when it was sent', async () => {
    await exchange.close()
    exchange = await startExchange({ latencyMs: 80 })
    const sent = performance.now()
    await ask(exchange, TIME)
    expect(exchange.calls[0]?.timeMs).toBeGreaterThanOrEqual(sent + 39)
    expect(performance.now()).toBeGreaterThanOrEqual(sent + 79)
  })

  it('offers a compressed answer to those who accept it, and to nobody else', async () => {
    await exchange.close()
    exchange = await startExchange({ encoding: 'gzip' })
    const packed = await ask(exchange, { ...TIME, headers: { 'Accept-Encoding': 'gzip, br' } })
    expect(JSON.parse(gunzipSync(packed.bytes).toString())).toMatchObject({ error: [] })
    expect((await ask(exchange, TIME)).headers['content-encoding']).toBeUndefined()
  })

  it('turns away names that it does not serve', async () => {
    expect((await ask(exchange, { ...TIME, host: 'api.coinbase.com' })).status).toBe(421)
  })
})

/** The bytes of an answer as they come off a plain socket, up to the end or the reset. */
async function answerBytes(framing: 'length' | 'chunked'): Promise<string> {
  await exchange.close()
  exchange = await startExchange({ plain: true })
  exchange.fault({ kind: 'reset-mid-body', framing })
  return new Promise((resolve) => {
    const socket = connect(exchange.port, '127.0.0.1')
    let seen = ''
    socket.on('data', (piece) => {
      seen += piece.toString('latin1')
    })
    socket.on('error', () => undefined)
    socket.on('close', () => resolve(seen))
    socket.write('GET /0/public/Time HTTP/1.1\r\nHost: api.kraken.com\r\n\r\n')
  })
}
