// Unchanged ccxt bots must find the simulated exchange plausible: it stands for the real one in every whole-app test.
// Limits are counted but not enforced here, and ccxt's own throttle is off: this is about the shape of the answers.

import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Exchange, startExchange } from './exchange/exchange.ts'
import { type Relay, startRelay } from './exchange/relay.ts'

const run = promisify(execFile)
const script = fileURLToPath(new URL('./exchange/ccxt-tour.ts', import.meta.url))
let exchange: Exchange
let relay: Relay

beforeAll(async () => {
  exchange = await startExchange({ enforce: false })
  relay = await startRelay(exchange.port)
})

afterAll(async () => {
  await relay.close()
  await exchange.close()
})

async function tour(id: string, credentials: Record<string, string>) {
  const env = {
    PATH: process.env.PATH ?? '',
    HTTPS_PROXY: relay.url,
    NODE_EXTRA_CA_CERTS: exchange.caFile,
    ...credentials,
  }
  const { stdout } = await run(process.execPath, [script, id], { env, timeout: 50_000 })
  return JSON.parse(stdout) as unknown
}

const AS_EXPECTED = {
  markets: expect.any(Number),
  bid: expect.any(Number),
  last: expect.any(Number),
  tickers: ['BTC/USD', 'ETH/USD'],
  candles: 10,
  bids: expect.any(Number),
  trades: 10,
  btc: 15.625,
  open: [[true, 'open', 100, 0.01]],
  found: ['open', 'BTC/USD', 'buy'],
  left: 0,
  bought: true,
  closed: expect.arrayContaining(['closed']),
  mine: 1,
}

describe('a ccxt bot on the simulated exchange', () => {
  it('tours Kraken', { timeout: 60_000 }, async () => {
    const key = exchange.krakenKey('ccxt')
    expect(await tour('kraken', { TOUR_KEY: key.key, TOUR_SECRET: key.secret })).toEqual(AS_EXPECTED)
  })

  it('tours Coinbase Advanced', { timeout: 60_000 }, async () => {
    const key = exchange.coinbaseKey('ccxt')
    expect(await tour('coinbase', { TOUR_KEY: key.name, TOUR_SECRET: key.pem })).toEqual(AS_EXPECTED)
  })

  it('tours Coinbase Exchange', { timeout: 60_000 }, async () => {
    const key = exchange.coinbaseExchangeKey('ccxt')
    const credentials = { TOUR_KEY: key.key, TOUR_SECRET: key.secret, TOUR_PASSWORD: key.passphrase }
    expect(await tour('coinbaseexchange', credentials)).toEqual(AS_EXPECTED)
  })
})
