// What a restart must not change: spent budget stays spent, an open breaker stays open, and a bot that waits is told.

import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect, it, onTestFinished } from 'vitest'
import { shippedLimits } from '../support/weir.ts'
import { openClient } from './client.ts'
import { left, openScene, openWeir } from './scene.ts'
import { krakenPoster } from './sign.ts'

const CAPACITY = 15
const PER_SECOND = 0.33

/** Tokens that came in at the most since that moment of `performance.now`. */
const refilledSince = (at: number, perSecond = PER_SECOND): number => ((performance.now() - at) / 1000) * perSecond

describe('a bucket', { timeout: 90_000 }, () => {
  it.each(['stop', 'kill9'] as const)('is not filled by a restart: %s', async (end) => {
    const { exchange, weir, bot } = await openScene()
    const post = krakenPoster(exchange.krakenKey('restart'))
    const startedAt = performance.now()
    await bot.send(post('Ledgers'))
    await bot.send(post('Ledgers'))
    const spentAt = performance.now()
    const before = left(await bot.send(post('Ledgers')))
    expect(before).toBeLessThanOrEqual(CAPACITY - 12 + refilledSince(startedAt))
    await weir[end]()
    const second = await openWeir({ exchange, stateDir: weir.stateDir })
    const after = left(await second.bot.send(post('Balance')))
    const refilled = refilledSince(spentAt)
    // One was spent; RateLimit tells whole tokens, rounded down.
    expect(after).toBeLessThanOrEqual(before + refilled)
    expect(after).toBeGreaterThanOrEqual(Math.floor(before - 2 + refilled - PER_SECOND))
    expect(exchange.violations).toEqual([])
  })

  it('has been charged for a call that was under way when weir was killed', async () => {
    const { exchange, weir, bot } = await openScene()
    const post = krakenPoster(exchange.krakenKey('in flight'))
    exchange.fault({ kind: 'hang' })
    const sentAt = performance.now()
    const lost = bot.send(post('Ledgers')).catch((error: unknown) => error)
    await expect.poll(() => exchange.calls.length, { timeout: 10_000 }).toBe(1)
    await weir.kill9()
    expect(await lost).toBeInstanceOf(Error)
    const second = await openWeir({ exchange, stateDir: weir.stateDir })
    const after = left(await second.bot.send(post('Balance')))
    expect(after).toBeLessThanOrEqual(CAPACITY - 4 - 1 + refilledSince(sentAt))
    expect(after).toBeGreaterThanOrEqual(CAPACITY - 4 - 1)
  })

  it('is charged for a cancel of an order that only the killed weir had seen', async () => {
    // An order may be lost in a kill. A cancel of one was charged to no pair, and the next orders of its pair went over.
    const { exchange, weir, bot } = await openScene()
    const post = krakenPoster(exchange.krakenKey('cancel'))
    const order = { pair: 'XBTUSD', type: 'buy', ordertype: 'limit', volume: '1', price: '1000' }
    const startedAt = performance.now()
    const placed = JSON.parse((await bot.send(post('AddOrder', order))).text) as { result: { txid: string[] } }
    await weir.kill9()
    const second = await openWeir({ exchange, stateDir: weir.stateDir })
    await second.bot.send(post('CancelOrder', { txid: placed.result.txid[0] ?? '' }))
    const engine = 60
    const after = left(await second.bot.send(post('AddOrder', order)))
    expect(after).toBeLessThanOrEqual(engine - 1 - 8 - 1 + refilledSince(startedAt, 1))
  })
})

describe('an order', { timeout: 120_000 }, () => {
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
      const charged = () => exchange.ledger().find(({ counter }) => counter === 'kraken.engine.cancel')?.spent ?? 0
      const before = charged()
      expect(await cost('CancelOrder', { txid: ended })).toBe(0)
      const costs = [await cost('CancelOrder', { txid: other }), await cost('CancelOrder', { cl_ord_id: 'mine' })]
      for (const one of costs) expect(one).toBeLessThanOrEqual(6)
      const counted = charged() - before
      expect(counted).toBeGreaterThan(0)
      expect(costs.reduce((sum, one) => sum + one, 0)).toBeGreaterThanOrEqual(counted)
      expect(await cost('CancelOrderBatch', { 'orders[0]': ended, 'orders[1]': other })).toBe(0)
      expect(exchange.violations).toEqual([])
    },
  )
})

describe('the nonces of a key', { timeout: 90_000 }, () => {
  // Killed in a stall, weir once let the next one overtake what it had left on the way: `EAPI:Invalid nonce`.
  it('rise at the exchange also when weir is killed while a call is on its way', async () => {
    const { exchange, weir, bot } = await openScene()
    const key = exchange.krakenKey('overtaken')
    const post = krakenPoster(key)
    exchange.stall(4_200)
    const lost = bot.send(post('Balance')).catch((error: unknown) => error)
    await expect.poll(() => exchange.held(), { timeout: 4_000, interval: 20 }).toBe(1)
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
    // Long enough for what is gathered to be written, also where the processor has other things to do.
    await sleep(1_500)
    await weir.kill9()
    const second = await openWeir({ exchange, stateDir: weir.stateDir })
    expect(await second.bot.send(early)).toMatchObject({ decision: 'refused', json: { error: ['EAPI:Invalid nonce'] } })
    expect(exchange.account(key.key)).toMatchObject({ invalidNonces: 0 })
    expect(exchange.calls).toHaveLength(1)
  })
})

describe('a key that Kraken has locked out', { timeout: 90_000 }, () => {
  // Only memory knew of it: the first order after a restart was sent, and was one more call of a key that must be quiet.
  it('rests over a kill, alone', async () => {
    const { exchange, weir, bot } = await openScene({
      exchange: { kraken: { lockout: { after: 3, forMs: 900_000 } } },
    })
    const key = exchange.krakenKey('locked')
    const forged = krakenPoster({ ...key, secret: exchange.krakenKey('another').secret })
    const order = { pair: 'XBTUSD', type: 'buy', ordertype: 'limit', volume: '1', price: '1000' }
    for (let call = 0; call < 3; call += 1) await bot.send(forged('Balance'))
    const post = krakenPoster(key)
    expect((await bot.send(post('Balance'))).json).toEqual({ error: ['EGeneral:Temporary lockout'] })
    await weir.kill9()
    const second = await openWeir({ exchange, stateDir: weir.stateDir })
    const sent = exchange.calls.length
    for (const [method, fields] of [
      ['AddOrder', order],
      ['CancelOrder', { txid: 'O' }],
    ] as const) {
      const refused = await second.bot.send(post(method, fields))
      expect(refused).toMatchObject({ decision: 'refused', json: { error: ['EGeneral:Temporary lockout'] } })
      expect(refused.headers['x-weir-error']).toBe('key_stopped')
      expect(Number(refused.headers['retry-after'])).toBeGreaterThan(600)
    }
    expect(exchange.calls).toHaveLength(sent)
    const other = krakenPoster(exchange.krakenKey('other'))
    expect(await second.bot.send(other('AddOrder', order))).toMatchObject({
      decision: 'forwarded',
      json: { error: [] },
    })
  })
})

describe('a breaker', { timeout: 90_000 }, () => {
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
    // Whole seconds, and both were told some time before they were read.
    expect(Math.abs(Number(still.headers['retry-after']) - rest)).toBeLessThanOrEqual(4)
    expect(exchange.calls).toHaveLength(5)
  })
})

describe('a weir that is told to stop', { timeout: 90_000 }, () => {
  it('finishes what is under way, refuses what waits, takes nothing new, and ends well', async () => {
    const { exchange, weir, bot } = await openScene()
    const post = krakenPoster(exchange.krakenKey('stop'))
    exchange.fault({ kind: 'delay', ms: 1_500, path: /Balance/ })
    const underWay = bot.send(post('Balance'))
    const fresh = () => bot.send({ path: '/0/public/Time', headers: { 'X-Weir-Cache': 'skip' } })
    const startedAt = performance.now()
    await Promise.all(Array.from({ length: 5 }, fresh))
    const waiting = Array.from({ length: 4 }, fresh)
    const inLine = async () => {
      const { queues } = (await (await fetch(`${weir.admin}/v1/queues`)).json()) as { queues: { waiting: number }[] }
      return Math.max(0, ...queues.map((queue) => queue.waiting))
    }
    await expect.poll(inLine, { timeout: 3_000, interval: 20 }).toBeGreaterThanOrEqual(3)
    const ended = weir.stop()
    const refused = (await Promise.all(waiting)).filter(({ decision }) => decision === 'refused')
    // One a second may still have had its turn.
    expect(refused.length).toBeGreaterThanOrEqual(Math.max(1, 4 - Math.ceil(refilledSince(startedAt, 1))))
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
