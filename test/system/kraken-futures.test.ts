// Kraken Futures, end to end: an unchanged ccxt bot behind a real weir, before an exchange that counts by its own book. What
// weir says a call cost is what the documents say, and however hard the bot strikes, no limit breaks.

import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { describe, expect, it, onTestFinished } from 'vitest'
import type { Asked } from '../support/asked.ts'
import { startExchange } from '../support/exchange/exchange.ts'
import { signFutures } from '../support/exchange/futures-auth.ts'
import type { KrakenKey } from '../support/exchange/keys.ts'
import { startWeir } from '../support/weir.ts'
import { openScene } from './scene.ts'

const run = promisify(execFile)
const tour = fileURLToPath(new URL('./futures-tour.ts', import.meta.url))

describe('a ccxt bot at Kraken Futures', { timeout: 120_000 }, () => {
  it('trades, pays what is documented, and breaks no limit however it strikes', async () => {
    const exchange = await startExchange({ latencyMs: 10, jitterMs: 30 })
    onTestFinished(() => exchange.close())
    await using weir = await startWeir({ exchange })
    const { key, secret } = exchange.futuresKey('ccxt')
    const env = { PATH: process.env.PATH ?? '', HTTPS_PROXY: weir.proxy, NODE_EXTRA_CA_CERTS: weir.caFile }
    const { stdout } = await run(process.execPath, [tour], {
      env: { ...env, TOUR_KEY: key, TOUR_SECRET: secret },
      timeout: 100_000,
    })
    const seen = JSON.parse(stdout) as { served: number; refusals: Record<string, number> }
    expect(seen).toMatchObject({
      markets: 7,
      tickers: ['BTC/USD:USD', 'ETH/USD:USD'],
      btc: 15.625,
      open: [[true, 'buy', 1]],
      trades: 1,
      batch: ['open', 'open', 'open'],
      left: 0,
      prices: {
        tickers: 'kraken_futures.ticker 0',
        balance: 'kraken_futures.private 2',
        order: 'kraken_futures.orders 10',
        edit: 'kraken_futures.orders 10',
        cancel: 'kraken_futures.cancel 10',
        fills: 'kraken_futures.fills 2',
        'fills since': 'kraken_futures.fills 25',
        batch: 'kraken_futures.batch 12',
        'cancel all': 'kraken_futures.cancel_all 25',
        'account log': 'kraken_futures.account_log 3',
        'account log of 20': 'kraken_futures.account_log 1',
      },
    })
    // Whatever is too much is refused in words that ccxt knows, and by weir alone.
    expect(Object.keys(seen.refusals)).toEqual(['RateLimitExceeded'])
    expect(seen.served).toBeGreaterThan(20)
    expect(exchange.report()).toMatchObject({ violations: 0, byVerdict: { served: expect.any(Number) } })
    expect(exchange.report().byVerdict).not.toHaveProperty('rejected')
  })
})

describe('a refusal of Kraken Futures', { timeout: 90_000 }, () => {
  const HOST = 'futures.kraken.com'
  const accounts = (key: KrakenKey, headers: Record<string, string> = {}): Asked => {
    const path = '/derivatives/api/v3/accounts'
    return { host: HOST, path, headers: { ...signFutures({ key, path }), ...headers } }
  }

  // Which status it comes with is not documented.
  it.each([200, 400, 429])(
    'is believed with a status of %d, holds its key alone, and is told in its own words',
    async (status) => {
      const { exchange, bot } = await openScene()
      const [spent, other] = [exchange.futuresKey('spent'), exchange.futuresKey('other')]
      const told = { result: 'error', serverTime: '2026-11-22T12:00:00.000Z', error: 'apiLimitExceeded' }
      exchange.fault({ kind: 'answer', host: HOST, status, body: told })
      expect((await bot.send(accounts(spent))).json).toEqual(told)

      const refused = await bot.send(accounts(spent, { 'X-Weir-Max-Wait': '0' }))
      expect([refused.status, refused.decision]).toEqual([200, 'refused'])
      expect(refused.json).toMatchObject({
        result: 'error',
        error: 'apiLimitExceeded',
        weir: { code: 'deadline_too_short' },
      })
      expect(Date.parse(String((refused.json as { serverTime: string }).serverTime))).toBeGreaterThan(Date.UTC(2026, 0))
      expect(Number(refused.headers['retry-after'])).toBeGreaterThan(0)
      expect((await bot.send(accounts(other))).json).toMatchObject({ result: 'success' })
    },
  )
})
