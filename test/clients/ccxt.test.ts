// ccxt, unchanged, in the two ways that lead it to weir: `httpsProxy` with weir's authority trusted, and `proxyUrl`,
// which needs no trust at all. It trades at each exchange, then asks for too much, and must raise the error that it
// raises for the exchange's own refusals, while the exchange sees no violation.

import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { describe, expect, it, onTestFinished } from 'vitest'
import { startExchange } from '../support/exchange/exchange.ts'
import { shippedLimits, startWeir, type Weir } from '../support/weir.ts'
import type { Tour, TourSeen } from './errand.ts'

const run = promisify(execFile)
const program = fileURLToPath(new URL('./programs/with-ccxt.ts', import.meta.url))
const PATIENCE_MS = 50_000

const WIRINGS = {
  httpsProxy: (weir: Weir) => ({ options: { httpsProxy: weir.proxy }, env: { NODE_EXTRA_CA_CERTS: weir.caFile } }),
  proxyUrl: (weir: Weir) => ({ options: { proxyUrl: `${weir.proxy}/` }, env: {} }),
}

const ERRORS = { kraken: 'DDoSProtection', coinbase: 'RateLimitExceeded', coinbaseexchange: 'RateLimitExceeded' }
const CLASSES = {
  kraken: 'kraken.private',
  // ccxt reads balances from the older API on the same host.
  coinbase: 'coinbase_app.private',
  coinbaseexchange: 'coinbase_exchange.private',
}

/** Budget comes back so soon that a bot would merely wait: here it comes back slowly. */
const SLOW = {
  'starter: 0.33/s': 'starter: 1/10s',
  '{ per: account, limit: 30, every: 1s,': '{ per: account, limit: 30, every: 60s,',
  '{ per: account, capacity: 30, refill: 15/s,': '{ per: account, capacity: 30, refill: 1/10s,',
}

describe('a ccxt bot behind weir', { timeout: PATIENCE_MS + 20_000 }, () => {
  it.each([
    ['kraken', 'httpsProxy'],
    ['kraken', 'proxyUrl'],
    ['coinbase', 'httpsProxy'],
    ['coinbase', 'proxyUrl'],
    ['coinbaseexchange', 'httpsProxy'],
    ['coinbaseexchange', 'proxyUrl'],
  ] as const)('trades at %s by %s, and is told when it asks for too much', async (id, wiring) => {
    const exchange = await startExchange({ kraken: { cancelOverMax: 'accept' } })
    onTestFinished(() => exchange.close())
    await using weir = await startWeir({ exchange, config: await shippedLimits(SLOW) })
    const { options, env } = WIRINGS[wiring](weir)
    const kraken = exchange.krakenKey('ccxt')
    const coinbase = exchange.coinbaseKey('ccxt')
    const profile = exchange.coinbaseExchangeKey('ccxt')
    const credentials: Record<typeof id, Record<string, string>> = {
      kraken: { apiKey: kraken.key, secret: kraken.secret },
      coinbase: { apiKey: coinbase.name, secret: coinbase.pem },
      coinbaseexchange: { apiKey: profile.key, secret: profile.secret, password: profile.passphrase },
    }
    const tour: Tour = {
      exchange: id,
      credentials: credentials[id],
      wiring: options,
      tooMuch: 40,
    }
    const { stdout } = await run(process.execPath, [program], {
      env: { PATH: process.env.PATH ?? '', ...env, TOUR: JSON.stringify(tour) },
      timeout: PATIENCE_MS,
    })
    const seen = JSON.parse(stdout) as TourSeen
    expect(seen).toEqual({
      markets: expect.any(Number),
      tickers: ['BTC/USD', 'ETH/USD'],
      btc: 15.625,
      balance: { class: CLASSES[id], decision: 'forwarded' },
      ordered: true,
      served: expect.any(Number),
      refusal: ERRORS[id],
    })
    expect(seen.served).toBeGreaterThan(0)
    expect(exchange.report()).toMatchObject({ violations: 0, invalidNonces: 0 })
  })
})
