// The simulated Coinbase judges: three APIs, each with its own limits and its own way to know who is calling.

import { afterEach, describe, expect, it } from 'vitest'
import { type Answered, ask } from './exchange/ask.ts'
import { type ManualClock, manualClock } from './exchange/clock.ts'
import { type Exchange, type ExchangeOptions, startExchange } from './exchange/exchange.ts'
import { type CoinbaseKey, coinbaseJwt, coinbaseKey, signCoinbaseExchange } from './exchange/keys.ts'

const ADVANCED = 'api.coinbase.com'
const EXCHANGE = 'api.exchange.coinbase.com'
let exchange: Exchange
let clock: ManualClock

async function start(options: ExchangeOptions = {}): Promise<void> {
  clock = manualClock()
  exchange = await startExchange({ clock, ...options })
}

afterEach(() => exchange.close())

/** An Advanced Trade or App call with a fresh token; `as` changes what the token says. */
function withJwt(key: CoinbaseKey, path: string, as: { path?: string; method?: string; body?: string } = {}) {
  const method = as.method ?? 'GET'
  const token = coinbaseJwt({ key, method, host: ADVANCED, path: as.path ?? path, wallMs: clock.wall() })
  const headers = { Authorization: `Bearer ${token}` }
  return ask(exchange, { host: ADVANCED, method, path, headers, ...(as.body !== undefined && { body: as.body }) })
}

function withAccess(key: Parameters<typeof signCoinbaseExchange>[0]['key'], target: string, wallMs = clock.wall()) {
  const headers = signCoinbaseExchange({ key, method: 'GET', target, wallMs })
  return ask(exchange, { host: EXCHANGE, path: target, headers })
}

async function statuses(times: number, call: () => Promise<Answered>): Promise<Record<number, number>> {
  const seen: Record<number, number> = {}
  for (let count = 0; count < times; count += 1) {
    const { status } = await call()
    seen[status] = (seen[status] ?? 0) + 1
  }
  return seen
}

const ACCOUNTS = '/api/v3/brokerage/accounts'
const ORDERS = '/api/v3/brokerage/orders'

describe('Coinbase Advanced Trade', () => {
  it('serves a user 30 calls in any second, over all keys of the user, and says 429 in JSON to a read', async () => {
    await start()
    const [one, other] = ['one', 'other'].map((name) => exchange.coinbaseKey(name, { user: 'me' })) as [
      CoinbaseKey,
      CoinbaseKey,
    ]
    expect(await statuses(20, () => withJwt(one, ACCOUNTS))).toEqual({ 200: 20 })
    expect(await statuses(11, () => withJwt(other, ACCOUNTS))).toEqual({ 200: 10, 429: 1 })
    expect((await withJwt(one, ACCOUNTS)).json).toMatchObject({ errors: [{ id: 'rate_limit_exceeded' }] })
    expect((await withJwt(exchange.coinbaseKey('you'), ACCOUNTS)).status).toBe(200)
    expect(exchange.violations[0]).toMatchObject({ counter: 'coinbase-advanced.private', scope: 'me', level: 30 })
    clock.advance(1000)
    expect((await withJwt(one, ACCOUNTS)).status).toBe(200)
  })

  it('says 429 as an HTML page to a posted order', async () => {
    await start({ coinbaseAdvanced: { privatePerSecond: 1 } })
    const key = exchange.coinbaseKey('a')
    await withJwt(key, ACCOUNTS)
    const refused = await withJwt(key, ORDERS, { method: 'POST', body: '{}' })
    expect([refused.status, refused.headers['content-type']]).toEqual([429, 'text/html'])
    expect(refused.text).toContain('<html>')
  })

  it('serves an address 10 public calls in any second', async () => {
    await start()
    const time = () => ask(exchange, { host: ADVANCED, path: '/api/v3/brokerage/time' })
    expect(await statuses(11, time)).toEqual({ 200: 10, 429: 1 })
  })

  it('tells in headers what is left, when asked to', async () => {
    await start({ coinbaseAdvanced: { limitHeaders: true } })
    const answer = await withJwt(exchange.coinbaseKey('a'), ACCOUNTS)
    expect(answer.headers).toMatchObject({ 'x-ratelimit-limit': '30', 'x-ratelimit-remaining': '29' })
  })

  it('places an order once, shows it, and cancels it', async () => {
    await start()
    const key = exchange.coinbaseKey('a')
    const order_configuration = { limit_limit_gtc: { base_size: '0.1', limit_price: '100', post_only: false } }
    const body = JSON.stringify({ product_id: 'BTC-USD', side: 'BUY', client_order_id: 'mine', order_configuration })
    const placed = (await withJwt(key, ORDERS, { method: 'POST', body })).json as { order_id: string; success: boolean }
    expect(placed.success).toBe(true)
    const shown = await withJwt(key, `${ORDERS}/historical/${placed.order_id}`)
    expect(shown.json).toMatchObject({ order: { status: 'OPEN', client_order_id: 'mine', order_configuration } })
    const cancel = JSON.stringify({ order_ids: [placed.order_id, 'unknown'] })
    const cancelled = await withJwt(key, `${ORDERS}/batch_cancel`, { method: 'POST', body: cancel })
    expect(cancelled.json).toMatchObject({ results: [{ success: true }, { success: false }] })
  })
})

describe('the token check of Coinbase', () => {
  it('binds a token to its method and path, without the query', async () => {
    await start()
    const key = exchange.coinbaseKey('a')
    expect((await withJwt(key, `${ACCOUNTS}?limit=5`)).status).toBe(200)
    expect((await withJwt(key, ACCOUNTS, { path: ORDERS })).status).toBe(401)
    expect(exchange.calls.at(-1)).toMatchObject({ verdict: 'rejected', reason: 'wrong uri' })
  })

  it('lets a token live 120 s and no longer', async () => {
    await start()
    const key = exchange.coinbaseKey('a')
    const token = coinbaseJwt({ key, method: 'GET', host: ADVANCED, path: ACCOUNTS, wallMs: clock.wall() })
    const again = () => ask(exchange, { host: ADVANCED, path: ACCOUNTS, headers: { Authorization: `Bearer ${token}` } })
    clock.advance(119_999)
    expect((await again()).status).toBe(200)
    clock.advance(1)
    expect((await again()).status).toBe(401)
  })

  it('knows only registered keys and their own signatures', async () => {
    await start()
    const key = exchange.coinbaseKey('a')
    expect((await withJwt(coinbaseKey('stranger'), ACCOUNTS)).status).toBe(401)
    expect((await withJwt({ name: key.name, pem: coinbaseKey('stranger').pem }, ACCOUNTS)).status).toBe(401)
    expect((await ask(exchange, { host: ADVANCED, path: ACCOUNTS })).status).toBe(401)
    expect(exchange.calls.map((call) => call.reason)).toEqual(['unknown key', 'bad signature', 'no bearer token'])
  })
})

describe('Coinbase Exchange', () => {
  it('serves a profile a burst of 30, then 15 a second, and names the limit', async () => {
    await start()
    const key = exchange.coinbaseExchangeKey('a')
    expect(await statuses(31, () => withAccess(key, '/accounts'))).toEqual({ 200: 30, 429: 1 })
    expect((await withAccess(key, '/accounts')).json).toEqual({ message: 'Private rate limit exceeded' })
    clock.advance(1000)
    expect(await statuses(16, () => withAccess(key, '/accounts'))).toEqual({ 200: 15, 429: 1 })
  })

  it('keeps a bucket of its own for fills, and serves an address a public burst of 15', async () => {
    await start()
    const key = exchange.coinbaseExchangeKey('a')
    expect(await statuses(21, () => withAccess(key, '/fills'))).toEqual({ 200: 20, 429: 1 })
    expect((await withAccess(key, '/accounts')).status).toBe(200)
    const products = () => ask(exchange, { host: EXCHANGE, path: '/products/BTC-USD/ticker' })
    expect(await statuses(16, products)).toEqual({ 200: 15, 429: 1 })
    expect((await products()).json).toEqual({ message: 'Public rate limit exceeded' })
  })

  it('takes a signature for 30 s, over the whole target, with the passphrase', async () => {
    await start()
    const key = exchange.coinbaseExchangeKey('a')
    expect((await withAccess(key, '/accounts', clock.wall() - 30_000)).status).toBe(200)
    expect((await withAccess(key, '/accounts', clock.wall() - 31_000)).json).toEqual({
      message: 'request timestamp expired',
    })
    expect((await withAccess({ ...key, passphrase: 'no' }, '/accounts')).json).toEqual({
      message: 'invalid passphrase',
    })
    const headers = signCoinbaseExchange({ key, method: 'GET', target: '/orders', wallMs: clock.wall() })
    const other = await ask(exchange, { host: EXCHANGE, path: '/orders?status=all', headers })
    expect(other.json).toEqual({ message: 'invalid signature' })
  })
})

describe('Coinbase App', () => {
  it('serves so many calls an hour per key, and per address without a key', async () => {
    await start({ coinbaseApp: { perHour: 3 } })
    const key = exchange.coinbaseKey('a')
    const price = () => ask(exchange, { host: ADVANCED, path: '/v2/prices/BTC-USD/spot' })
    expect(await statuses(4, price)).toEqual({ 200: 3, 429: 1 })
    expect(await statuses(4, () => withJwt(key, '/v2/accounts'))).toEqual({ 200: 3, 429: 1 })
    clock.advance(3_600_000)
    expect((await price()).json).toMatchObject({ data: { base: 'BTC', currency: 'USD' } })
  })
})
