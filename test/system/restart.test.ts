// What a restart must not change: spent budget stays spent, an open breaker stays open, and a bot that waits is told.

import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect, it, onTestFinished } from 'vitest'
import { shippedLimits } from '../support/weir.ts'
import { openClient } from './client.ts'
import { left, openScene, openWeir } from './scene.ts'
import { krakenPoster } from './sign.ts'

const CAPACITY = 15
const PER_SECOND = 0.33

describe('a bucket', { timeout: 40_000 }, () => {
  it.each(['stop', 'kill9'] as const)('is not filled by a restart: %s', async (end) => {
    const { exchange, weir, bot } = await openScene()
    const post = krakenPoster(exchange.krakenKey('restart'))
    await bot.send(post('Ledgers'))
    await bot.send(post('Ledgers'))
    const spentAt = performance.now()
    const before = left(await bot.send(post('Ledgers')))
    await weir[end]()
    const second = await openWeir({ exchange, stateDir: weir.stateDir })
    const after = left(await second.bot.send(post('Balance')))
    const refilled = ((performance.now() - spentAt) / 1000) * PER_SECOND
    expect(before).toBe(CAPACITY - 12)
    expect(after).toBeLessThanOrEqual(before - 1 + refilled)
    expect(after).toBeGreaterThanOrEqual(Math.floor(before - 2 + refilled - PER_SECOND))
    expect(exchange.violations).toEqual([])
  })

  it('has been charged for a call that was under way when weir was killed', async () => {
    const { exchange, weir, bot } = await openScene()
    const post = krakenPoster(exchange.krakenKey('in flight'))
    exchange.fault({ kind: 'hang' })
    const lost = bot.send(post('Ledgers')).catch((error: unknown) => error)
    while (exchange.calls.length === 0) await sleep(10)
    await weir.kill9()
    expect(await lost).toBeInstanceOf(Error)
    const second = await openWeir({ exchange, stateDir: weir.stateDir })
    expect(left(await second.bot.send(post('Balance')))).toBe(CAPACITY - 4 - 1)
  })

  it('is charged for a cancel of an order that only the killed weir had seen', async () => {
    // An order may be lost in a kill. A cancel of one was charged to no pair, and the next orders of its pair went over.
    const { exchange, weir, bot } = await openScene()
    const post = krakenPoster(exchange.krakenKey('cancel'))
    const order = { pair: 'XBTUSD', type: 'buy', ordertype: 'limit', volume: '1', price: '1000' }
    const placed = JSON.parse((await bot.send(post('AddOrder', order))).text) as { result: { txid: string[] } }
    await weir.kill9()
    const second = await openWeir({ exchange, stateDir: weir.stateDir })
    await second.bot.send(post('CancelOrder', { txid: placed.result.txid[0] ?? '' }))
    const engine = 60
    const refilled = 4
    expect(left(await second.bot.send(post('AddOrder', order)))).toBeLessThanOrEqual(engine - 1 - 8 - 1 + refilled)
  })
})

describe('an order', { timeout: 60_000 }, () => {
  // After a restart every cancel was priced as that of the youngest order, on each pair of the account: 16 where Kraken charges
  // 0 to 6. The next order then waited although Kraken had room.
  it.each(['stop', 'kill9'] as const)(
    'is as old as it is after a restart, and gone when it is gone: %s',
    async (end) => {
      const { exchange, weir, bot } = await openScene()
      const post = krakenPoster(exchange.krakenKey('ages'))
      const order = { type: 'buy', ordertype: 'limit', volume: '1', price: '10' }
      const place = async (pair: string, more = {}) => {
        const placed = await bot.send(post('AddOrder', { ...order, ...more, pair }))
        return (placed.json as { result: { txid: string[] } }).result.txid[0] ?? ''
      }
      const [ended, other] = [await place('XBTUSD'), await place('ETHUSD')]
      await place('XBTUSD', { cl_ord_id: 'mine' })
      const placedAt = performance.now()
      await bot.send(post('CancelOrder', { txid: ended }))
      // The first step of Kraken's table ends.
      await sleep(Math.max(400, 5_100 - (performance.now() - placedAt)))
      await weir[end]()
      const second = await openWeir({ exchange, stateDir: weir.stateDir })
      const cost = async (endpoint: string, fields: Record<string, string>) =>
        Number((await second.bot.send(post(endpoint, fields))).headers['x-weir-cost'])
      const before = exchange.ledger().find(({ counter }) => counter === 'kraken.engine.cancel')?.spent ?? 0
      expect(await cost('CancelOrder', { txid: ended })).toBe(0)
      const costs = [await cost('CancelOrder', { txid: other }), await cost('CancelOrder', { cl_ord_id: 'mine' })]
      for (const one of costs) expect(one).toBeLessThanOrEqual(6)
      const counted = (exchange.ledger().find(({ counter }) => counter === 'kraken.engine.cancel')?.spent ?? 0) - before
      expect(costs.reduce((sum, one) => sum + one, 0)).toBeGreaterThanOrEqual(counted)
      expect(await cost('CancelOrderBatch', { 'orders[0]': ended, 'orders[1]': other })).toBe(0)
      expect(exchange.violations).toEqual([])
    },
  )
})

describe('the nonces of a key', { timeout: 40_000 }, () => {
  // Killed in a stall, weir once let the next one overtake what it had left on the way: `EAPI:Invalid nonce`.
  it('rise at the exchange also when weir is killed while a call is on its way', async () => {
    const { exchange, weir, bot } = await openScene()
    const key = exchange.krakenKey('overtaken')
    const post = krakenPoster(key)
    exchange.stall(4_200)
    const lost = bot.send(post('Balance')).catch((error: unknown) => error)
    await sleep(300)
    const sentAt = performance.now()
    await weir.kill9()
    expect(await lost).toBeInstanceOf(Error)
    // The way is free again for what comes now; the first call is still on it.
    exchange.stall(1)
    const second = await openWeir({ exchange, stateDir: weir.stateDir })
    const answered = await second.bot.send(post('Balance'))
    expect(answered).toMatchObject({ decision: 'forwarded', json: { error: [] } })
    expect(performance.now() - sentAt).toBeGreaterThan(4_000)
    expect(exchange.calls).toHaveLength(2)
    expect(exchange.account(key.key)).toMatchObject({ invalidNonces: 0 })
  })

  it('that can not succeed are known over a restart', async () => {
    const { exchange, weir, bot } = await openScene()
    const key = exchange.krakenKey('highest')
    const post = krakenPoster(key)
    const early = post('Balance')
    await bot.send(post('Balance'))
    // Long enough for what is gathered to be written.
    await sleep(400)
    await weir.kill9()
    const second = await openWeir({ exchange, stateDir: weir.stateDir })
    expect(await second.bot.send(early)).toMatchObject({ decision: 'refused', json: { error: ['EAPI:Invalid nonce'] } })
    expect(exchange.account(key.key)).toMatchObject({ invalidNonces: 0 })
    expect(exchange.calls).toHaveLength(1)
  })
})

describe('a breaker', { timeout: 40_000 }, () => {
  it.each(['stop', 'kill9'] as const)('stays open over a restart for the rest of its time: %s', async (end) => {
    const config = await shippedLimits({ ' open: 1s': ' open: 30s' })
    const { exchange, weir, bot } = await openScene({ config })
    exchange.fault({ kind: 'answer', status: 503, times: Number.POSITIVE_INFINITY })
    const ask = { path: '/0/public/Time' }
    for (let call = 0; call < 5; call += 1) expect((await bot.send(ask)).decision).toBe('forwarded')
    const opened = await bot.send(ask)
    const openedAt = performance.now()
    await weir[end]()
    const second = await openWeir({ exchange, config, stateDir: weir.stateDir })
    const still = await second.bot.send(ask)
    const passed = (performance.now() - openedAt) / 1000
    expect([opened, still].map(({ headers }) => headers['x-weir-error'])).toEqual(['circuit_open', 'circuit_open'])
    const rest = Number(opened.headers['retry-after']) - passed
    expect(Math.abs(Number(still.headers['retry-after']) - rest)).toBeLessThanOrEqual(1.5)
    expect(exchange.calls).toHaveLength(5)
  })
})

describe('a weir that is told to stop', { timeout: 40_000 }, () => {
  it('finishes what is under way, refuses what waits, takes nothing new, and ends well', async () => {
    const { exchange, weir, bot } = await openScene()
    const post = krakenPoster(exchange.krakenKey('stop'))
    exchange.fault({ kind: 'delay', ms: 1_500, path: /Balance/ })
    const underWay = bot.send(post('Balance'))
    const fresh = () => bot.send({ path: '/0/public/Time', headers: { 'X-Weir-Cache': 'skip' } })
    await Promise.all(Array.from({ length: 5 }, fresh))
    const waiting = Array.from({ length: 4 }, fresh)
    await sleep(300)
    const ended = weir.stop()
    const refused = (await Promise.all(waiting)).filter(({ decision }) => decision === 'refused')
    expect(refused.length).toBeGreaterThanOrEqual(3)
    for (const { headers, json } of refused) {
      expect(headers['x-weir-error']).toBe('shutting_down')
      expect(headers['x-weir-sent']).toBe('no')
      expect(json).toMatchObject({ error: ['EService:Unavailable'] })
    }
    const late = openClient(weir)
    onTestFinished(() => late.close())
    await expect(late.send({ path: '/0/public/Time' })).rejects.toThrow('ECONNREFUSED')
    expect(await underWay).toMatchObject({ status: 200, decision: 'forwarded' })
    expect(await ended).toBe(0)
  })
})
