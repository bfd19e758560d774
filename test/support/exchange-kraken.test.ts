// The simulated Kraken judges: limits per key, address, pair and account; signatures; nonces; lockouts.

import { afterEach, describe, expect, it } from 'vitest'
import { ask, askKraken } from './exchange/ask.ts'
import { type ManualClock, manualClock } from './exchange/clock.ts'
import { type Exchange, type ExchangeOptions, startExchange } from './exchange/exchange.ts'
import { type KrakenKey, krakenKey, signKraken } from './exchange/keys.ts'

let exchange: Exchange
let clock: ManualClock

async function start(options: ExchangeOptions = {}): Promise<void> {
  clock = manualClock()
  exchange = await startExchange({ clock, ...options })
}

afterEach(() => exchange.close())

/** A bot with its own key and a nonce that rises by itself. */
function bot(name: string, member?: { account?: string; nonceWindow?: number }) {
  const key = exchange.krakenKey(name, member)
  let nonce = 1
  const call = (method: string, params?: Record<string, unknown>, json?: boolean) => {
    nonce += 1
    return askKraken(exchange, key, nonce, method, params, json)
  }
  const add = async (pair = 'XBTUSD', more: Record<string, unknown> = {}) => {
    const answer = await call('AddOrder', { pair, type: 'buy', ordertype: 'limit', price: 1, volume: 1, ...more })
    return (answer.result?.txid as string[] | undefined)?.[0] ?? answer.error[0] ?? ''
  }
  return { key, call, add }
}

async function publicErrors(path: string, times: number): Promise<string[]> {
  const errors: string[] = []
  for (let call = 0; call < times; call += 1) {
    const answer = (await ask(exchange, { path })).json as { error: string[] }
    errors.push(answer.error[0] ?? '')
  }
  return errors
}

const OK = ''
const PUBLIC_LIMIT = 'EGeneral:Too many requests'

describe('the private counter of Kraken', () => {
  it('serves a Starter key 15 units and refuses the next one with HTTP 200', async () => {
    await start()
    const { key, call } = bot('a')
    for (let unit = 0; unit < 15; unit += 1) expect((await call('Balance')).error).toEqual([])
    expect((await call('Balance')).error).toEqual(['EAPI:Rate limit exceeded'])
    expect(exchange.violations).toMatchObject([{ counter: 'kraken.private', scope: key.key, level: 15, cost: 1 }])
    expect(exchange.calls.at(-1)).toMatchObject({ verdict: 'refused', reason: 'EAPI:Rate limit exceeded' })
    clock.advance(3031)
    expect((await call('Balance')).error).toEqual([])
  })

  it('prices history at 4 and orders at nothing', async () => {
    await start()
    const { key, call, add } = bot('a')
    await call('Ledgers')
    await add()
    expect(exchange.account(key.key).privateLevel).toBe(4)
  })

  it('is kept per key', async () => {
    await start()
    const [one, other] = [bot('one', { account: 'me' }), bot('other', { account: 'me' })]
    for (let unit = 0; unit < 15; unit += 1) await one.call('Balance')
    expect((await one.call('Balance')).error).toEqual(['EAPI:Rate limit exceeded'])
    expect((await other.call('Balance')).error).toEqual([])
  })

  it('only counts violations when it is told not to enforce', async () => {
    await start({ enforce: false })
    const { call } = bot('a')
    for (let unit = 0; unit < 18; unit += 1) expect((await call('Balance')).error).toEqual([])
    expect(exchange.report()).toMatchObject({ violations: 3, byCounter: { 'kraken.private': 3 } })
  })
})

describe('the public limits of Kraken', () => {
  it('serve an address five calls at once, then one per second', async () => {
    await start()
    expect(await publicErrors('/0/public/Time', 6)).toEqual([OK, OK, OK, OK, OK, PUBLIC_LIMIT])
    clock.advance(1000)
    expect(await publicErrors('/0/public/Ticker', 2)).toEqual([OK, PUBLIC_LIMIT])
  })

  it('count OHLC and Trades per pair, whatever name the pair is given', async () => {
    await start()
    await publicErrors('/0/public/OHLC?pair=XBTUSD', 3)
    expect(await publicErrors('/0/public/OHLC?pair=XXBTZUSD', 3)).toEqual([OK, OK, PUBLIC_LIMIT])
    expect(await publicErrors('/0/public/OHLC?pair=BTC/USD', 1)).toEqual([PUBLIC_LIMIT])
    expect(await publicErrors('/0/public/OHLC?pair=ETHUSD', 1)).toEqual([OK])
    expect(await publicErrors('/0/public/Trades?pair=XBTUSD', 1)).toEqual([OK])
  })
})

describe('the trading engine of Kraken', () => {
  it('refuses add 61 of a Starter account on one pair, from any of its keys', async () => {
    await start({ kraken: { tier: 'starter' } })
    const [one, other] = [bot('one', { account: 'me' }), bot('other', { account: 'me' })]
    for (let order = 0; order < 59; order += 1) await one.add('XBTUSD')
    expect(await other.add('BTC/USD')).toMatch(/^O/)
    expect(await other.add('XXBTZUSD')).toBe('EOrder:Rate limit exceeded')
    expect(await other.add('ETHUSD')).toMatch(/^O/)
    expect(exchange.report().byCounter).toEqual({ 'kraken.engine': 1 })
  })

  it('charges a young cancel 8, and refuses it when that does not fit', async () => {
    await start()
    const { call, add } = bot('a')
    const txid = await add()
    for (let order = 0; order < 52; order += 1) await add()
    expect((await call('CancelOrder', { txid })).error).toEqual(['EOrder:Rate limit exceeded'])
    expect(exchange.report().byCounter).toEqual({ 'kraken.engine.cancel': 1 })
    clock.advance(1000)
    expect((await call('CancelOrder', { txid })).result).toEqual({ count: 1 })
  })

  it('charges the fixed part of an order that fails validation', async () => {
    await start()
    const { add } = bot('a')
    for (let order = 0; order < 60; order += 1) {
      expect(await add('XBTUSD', { volume: -1 })).toBe('EGeneral:Invalid arguments:volume')
    }
    expect(await add('XBTUSD')).toBe('EOrder:Rate limit exceeded')
  })

  it('counts half an order for each one in a batch', async () => {
    await start()
    const { call } = bot('a')
    const orders = Array.from({ length: 15 }, () => ({ ordertype: 'market', type: 'buy', volume: '1' }))
    for (let batch = 0; batch < 8; batch += 1) {
      expect((await call('AddOrderBatch', { pair: 'XBTUSD', orders }, true)).error).toEqual([])
    }
    expect((await call('AddOrderBatch', { pair: 'XBTUSD', orders }, true)).error).toEqual([
      'EOrder:Rate limit exceeded',
    ])
  })

  it('accepts a batch cancel over the maximum, and what follows finds the counter full', async () => {
    await start()
    const { call, add } = bot('a')
    const ids: string[] = []
    for (let order = 0; order < 20; order += 1) ids.push(await add())
    expect((await call('CancelOrderBatch', { orders: ids }, true)).result).toEqual({ count: 20 })
    expect(await add()).toBe('EOrder:Rate limit exceeded')
  })

  it('starts the age of an order anew when it is amended', async () => {
    await start({ kraken: { tier: 'pro' } })
    const { call, add } = bot('a')
    const txid = await add('XBTUSD', { cl_ord_id: 'mine' })
    clock.advance(400_000)
    expect((await call('AmendOrder', { cl_ord_id: 'mine', order_qty: 2 })).error).toEqual([])
    await call('CancelOrder', { txid })
    for (let order = 0; order < 171; order += 1) expect(await add()).toMatch(/^O/)
    expect(await add()).toBe('EOrder:Rate limit exceeded')
  })

  it('refuses order 61 that would be open, which is a level and no violation', async () => {
    await start()
    const { add } = bot('a')
    for (let order = 0; order < 60; order += 1) await add()
    clock.advance(60_000)
    expect(await add()).toBe('EOrder:Orders limit exceeded')
    expect(exchange.violations).toEqual([])
  })

  it('fires a dead-man switch when its time has come', async () => {
    await start()
    const { key, call, add } = bot('a')
    await add()
    await call('CancelAllOrdersAfter', { timeout: 60 })
    clock.advance(59_999)
    await call('Balance')
    expect(exchange.account(key.key).openOrders).toHaveLength(1)
    clock.advance(1)
    await call('Balance')
    expect(exchange.account(key.key).openOrders).toEqual([])
  })
})

describe('the signature check of Kraken', () => {
  const raw = (headers: Record<string, string>, body: string, path = '/0/private/Balance') =>
    ask(exchange, { method: 'POST', path, headers, body }).then((answer) => (answer.json as { error: string[] }).error)
  const signed = (key: KrakenKey, nonce: number) => signKraken({ path: '/0/private/Balance', key, nonce })

  it('covers every byte of the body, the path and the nonce', async () => {
    await start()
    const { headers, body } = signed(exchange.krakenKey('a'), 7)
    expect(await raw(headers, `${body}&x=1`)).toEqual(['EAPI:Invalid signature'])
    expect(await raw(headers, body, '/0/private/OpenOrders')).toEqual(['EAPI:Invalid signature'])
    expect(await raw(headers, body.replace('7', '8'))).toEqual(['EAPI:Invalid signature'])
    expect(await raw(headers, body)).toEqual([])
  })

  it('also takes JSON bodies, and the nonce from a header', async () => {
    await start()
    const key = exchange.krakenKey('a')
    expect((await askKraken(exchange, key, 1, 'Balance', {}, true)).error).toEqual([])
    const { headers, body } = signKraken({
      path: '/0/private/Balance',
      key,
      nonce: 2,
      body: '{"asset":"XBT"}',
      json: true,
    })
    expect(await raw({ ...headers, 'API-Nonce': '2' }, body)).toEqual([])
  })

  it('knows only registered keys', async () => {
    await start()
    const { headers, body } = signed(krakenKey('stranger'), 1)
    expect(await raw(headers, body)).toEqual(['EAPI:Invalid key'])
  })

  it('locks a key after five failures in a row, for fifteen minutes and for good signatures too', async () => {
    await start()
    const key = exchange.krakenKey('a')
    const { headers, body } = signed(key, 1)
    for (let failure = 0; failure < 5; failure += 1) await raw({ ...headers, 'API-Sign': 'bad' }, body)
    expect(await raw(headers, body)).toEqual(['EGeneral:Temporary lockout'])
    expect(exchange.account(key.key)).toMatchObject({ lockouts: 1, invalidSignatures: 5 })
    clock.advance(15 * 60_000)
    expect(await raw(headers, body)).toEqual([])
  })
})

describe('failures that lead to a lockout', () => {
  it('must come in a row: one good call between them starts the count anew', async () => {
    await start({ kraken: { tier: 'pro' } })
    const key = exchange.krakenKey('a')
    const stale = async () => (await askKraken(exchange, key, 1, 'Balance')).error[0]
    for (const nonce of [2, 3]) {
      expect((await askKraken(exchange, key, nonce, 'Balance')).error).toEqual([])
      for (let failure = 0; failure < 4; failure += 1) expect(await stale()).toBe('EAPI:Invalid nonce')
    }
    expect(exchange.account(key.key)).toMatchObject({ invalidNonces: 8, lockouts: 0 })
    await stale()
    expect(await stale()).toBe('EGeneral:Temporary lockout')
  })
})

describe('the nonce check of Kraken', () => {
  const balance = async (key: KrakenKey, nonce: number | bigint) =>
    (await askKraken(exchange, key, nonce, 'Balance')).error[0] ?? OK

  it('wants every nonce higher than the highest so far', async () => {
    await start()
    const key = exchange.krakenKey('a')
    expect(await balance(key, 100)).toBe(OK)
    expect(await balance(key, 100)).toBe('EAPI:Invalid nonce')
    expect(await balance(key, 99)).toBe('EAPI:Invalid nonce')
    expect(await balance(key, 101)).toBe(OK)
    expect(await balance(exchange.krakenKey('b'), 1)).toBe(OK)
    expect(exchange.account(key.key)).toMatchObject({ highestNonce: 101n, invalidNonces: 2 })
    expect(exchange.report().invalidNonces).toBe(2)
  })

  it('compares nonces beyond 2^53 exactly', async () => {
    await start()
    const key = exchange.krakenKey('a')
    expect(await balance(key, 2n ** 63n)).toBe(OK)
    expect(await balance(key, 2n ** 63n + 1n)).toBe(OK)
    expect(await balance(key, 2n ** 63n)).toBe('EAPI:Invalid nonce')
  })

  it('lets a window take late ones, each once', async () => {
    await start()
    const key = exchange.krakenKey('a', { nonceWindow: 10 })
    expect(await balance(key, 100)).toBe(OK)
    expect(await balance(key, 90)).toBe(OK)
    expect(await balance(key, 90)).toBe('EAPI:Invalid nonce')
    expect(await balance(key, 89)).toBe('EAPI:Invalid nonce')
  })
})
