// A program that does not know of weir spends the same limits. weir notices, says so, and takes less until it is gone.

import { readFileSync } from 'node:fs'
import { request } from 'node:https'
import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect, it } from 'vitest'
import type { Asked } from '../support/asked.ts'
import { manualClock } from '../support/exchange/clock.ts'
import type { Exchange } from '../support/exchange/exchange.ts'
import { shippedLimits, type Weir } from '../support/weir.ts'
import { left, openScene, openWeir } from './scene.ts'
import { exchangeGet } from './sign.ts'

interface Limit {
  readonly bucket: string
  readonly available: number
  readonly effective_share: number
}
interface Violations {
  readonly violations: readonly Record<string, unknown>[]
  readonly recommendations: readonly Record<string, unknown>[]
}

const TIME = { host: 'api.coinbase.com', path: '/api/v3/brokerage/time' }
const SOON = { timeout: 5_000 }
const COUNTED = 'weir_bypass_suspected_total{exchange="coinbase",bucket="public"}'

describe('traffic beside weir', { timeout: 90_000 }, () => {
  it('is told from the fields in which Coinbase says what is left', async () => {
    const clock = manualClock()
    const { exchange, weir, bot } = await openScene({ exchange: { clock, coinbaseAdvanced: { limitHeaders: true } } })
    await bot.send(TIME)
    for (let round = 0; round < 3; round += 1) {
      await sleep(1100)
      clock.advance(1100)
      for (let call = 0; call < 6; call += 1) await direct(exchange, TIME)
      const told = await bot.send(TIME)
      expect(told.headers['x-ratelimit-remaining']).toBe('3')
      expect(left(told)).toBe(3)
    }
    await expect
      .poll(() => read<Violations>(weir, '/v1/violations'), SOON)
      .toMatchObject({
        violations: [],
        recommendations: [{ advice: 'used_outside', exchange: 'coinbase', bucket: 'coinbase.public', count: 3 }],
      })
    await expect.poll(() => metric(weir, COUNTED), SOON).toBe(3)
    expect(await weir.logged(/used outside weir/)).toMatchObject({ level: 'warn', advice: 'used_outside' })
  })

  it('that makes an exchange refuse a call with room slows weir down, over a restart as well', async () => {
    const config = await shippedLimits({ 'cold_start: full': 'cold_start: empty' })
    // Nothing comes in at the exchange until it is told that time has passed.
    const clock = manualClock(Date.now())
    const { exchange, weir, bot } = await openScene({ config, exchange: { clock } })
    const key = exchange.coinbaseExchangeKey('shared')
    const ask = () => exchangeGet(key, '/accounts')
    const spent = await Promise.all(Array.from({ length: 30 }, () => direct(exchange, ask())))
    expect(spent).toEqual(Array(30).fill(200))
    expect(await bot.send(ask())).toMatchObject({ status: 429, decision: 'forwarded' })
    await expect
      .poll(async () => (await read<Violations>(weir, '/v1/violations')).violations, SOON)
      .toMatchObject([
        {
          bucket: 'coinbase_exchange.private',
          class: 'coinbase_exchange.private',
          reason: 'http 429',
          capacity: 30,
          cost: 1,
        },
      ])
    const { effective_share: share } = await limits(weir, 'coinbase_exchange.private')
    expect(share).toBeCloseTo(0.8, 1)
    await weir.stop()
    clock.advance(2_000)
    const again = await openWeir({ config, exchange, stateDir: weir.stateDir })
    // The 429 has opened the breaker for a second, which may not be over.
    await expect.poll(async () => (await again.bot.send(ask())).status, { timeout: 10_000 }).toBe(200)
    expect((await limits(again.weir, 'coinbase_exchange.private')).effective_share).toBeCloseTo(share, 1)
  })
})

/** Straight to the exchange, as a program would that weir knows nothing of. */
const direct = (exchange: Exchange, { host = 'api.kraken.com', method = 'GET', path, headers, body }: Asked) => {
  const { promise, resolve, reject } = Promise.withResolvers<number>()
  const length = body === undefined ? {} : { 'Content-Length': String(Buffer.byteLength(body)) }
  const options = {
    host: '127.0.0.1',
    port: exchange.port,
    servername: host,
    ca: readFileSync(exchange.caFile),
    headers: { Host: host, ...headers, ...length },
    signal: AbortSignal.timeout(10_000),
  }
  const req = request({ ...options, method, path }, (res) => {
    res.resume()
    res.on('end', () => resolve(res.statusCode ?? 0))
  })
  req.on('error', reject)
  req.end(body)
  return promise
}

const read = async <T>(weir: Weir, path: string): Promise<T> =>
  (await (await fetch(weir.admin + path, { signal: AbortSignal.timeout(5_000) })).json()) as T

const limits = async (weir: Weir, bucket: string): Promise<Limit> => {
  const found = (await read<{ limits: Limit[] }>(weir, '/v1/limits')).limits.find((limit) => limit.bucket === bucket)
  if (found === undefined) throw new Error(`no ${bucket}`)
  return found
}

const metric = async (weir: Weir, name: string): Promise<number> => {
  const text = await (await fetch(`${weir.admin}/metrics`, { signal: AbortSignal.timeout(5_000) })).text()
  return Number(
    text
      .split('\n')
      .find((line) => line.startsWith(name))
      ?.split(' ')[1],
  )
}
