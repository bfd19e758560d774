// A cancel costs what the age of its order says, at whichever weir it comes in: real weirs and a real Redis, and what they
// write to it read by others of their kind.

import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect, it, onTestFinished } from 'vitest'
import { realClock } from '../../src/core/clock.ts'
import { type OrderNews, Orders } from '../../src/orders/ages.ts'
import { SharedOrders } from '../../src/orders/shared.ts'
import { parseAddress } from '../../src/redis/address.ts'
import { connect } from '../../src/redis/connection.ts'
import type { Answered } from '../system/client.ts'
import { krakenPoster } from '../system/sign.ts'
import { type Member, openPair, soon } from './pair.ts'
import { patientClock } from './rig.ts'
import { type RedisServer, startRedis } from './server.ts'

const ORDER = { pair: 'XBTUSD', type: 'buy', ordertype: 'limit', volume: '10', price: '0.01' }
/** The first step of Kraken's table ends. */
const OLDER_MS = 5_100
const TRIES = 4

const txidOf = ({ json }: Answered): string =>
  String((json as { result?: { txid?: readonly string[] } }).result?.txid?.[0])

describe('an order that one weir has placed', { timeout: 120_000 }, () => {
  it('is cancelled at its true price through another, and through one that starts later', async () => {
    const { exchange, one, other, join } = await openPair()
    const post = krakenPoster(exchange.krakenKey('fleet'))
    const placed: string[] = []
    for (let order = 0; order < 2 * TRIES; order += 1) {
      const answer = await one.bot.send(post('AddOrder', ORDER))
      expect(answer.decision).toBe('forwarded')
      placed.push(txidOf(answer))
    }
    const late = await join()
    await sleep(OLDER_MS)
    let spent = 0
    /** An order that nobody knows costs 8; on a machine that is busy, news of it may take a while. */
    const cancel = async ({ bot }: Member, orders: readonly string[]): Promise<number> => {
      let cost = Number.NaN
      for (const txid of orders) {
        const { decision, headers } = await bot.send(post('CancelOrder', { txid }))
        cost = Number(headers['x-weir-cost'])
        spent += cost
        if (decision === 'forwarded' && cost < 8) break
        await sleep(2_000)
      }
      return cost
    }
    // On a machine that is slow they are older than that step, and cheaper still.
    expect(await cancel(other, placed.slice(0, TRIES))).toBeLessThanOrEqual(6)
    expect(await cancel(late, placed.slice(TRIES))).toBeLessThanOrEqual(6)
    const counted = exchange.ledger().find(({ counter }) => counter === 'kraken.engine.cancel')
    expect(spent).toBeGreaterThanOrEqual(counted?.spent ?? Number.NaN)
    expect(exchange.violations).toEqual([])
  })
})

/** Orders as one weir knows them. */
const weirAt = async (redis: RedisServer, me: string): Promise<Orders> => {
  const connection = connect(parseAddress(redis.url), patientClock)
  await soon(() => connection.command('PING').catch(() => undefined))
  const tell = (news: OrderNews): void => shared.tell(news)
  const orders = new Orders(realClock, () => 300_000, tell)
  const shared = new SharedOrders({ redis: connection, clock: realClock, me, hear: (news) => orders.hear(news) })
  onTestFinished(() => {
    shared.stop()
    connection.close()
  })
  await shared.start()
  return orders
}

const server = async (): Promise<RedisServer> => {
  const redis = await startRedis()
  onTestFinished(() => redis[Symbol.asyncDispose]())
  return redis
}

describe('what is learned of orders', { timeout: 30_000 }, () => {
  it('is known everywhere: births, new names, ends, each once', async () => {
    const redis = await server()
    const [a, b] = [await weirAt(redis, 'a'), await weirAt(redis, 'b')]
    a.placed('main', 'XBT/USD', ['TX', 'mine'], 20_000)
    const [seen] = await soon(() => (b.find('main', 'mine').length > 0 ? b.find('main', 'mine') : undefined))
    expect(seen?.pair).toBe('XBT/USD')
    expect(seen?.ageMs).toBeGreaterThanOrEqual(19_900)
    b.amended('main', 'TX', ['NEW'])
    await soon(() => (a.find('main', 'NEW').length > 0 ? true : undefined))
    expect(a.find('main', 'TX')).toEqual([])
    expect(a.find('main', 'mine')[0]?.ageMs).toBeLessThan(5_000)
    expect(a.open('main')).toHaveLength(1)
    const late = await weirAt(redis, 'late')
    expect(late.open('main')).toHaveLength(1)
    late.gone('main', 'mine')
    await soon(() => (a.open('main').length + b.open('main').length === 0 ? true : undefined))
    expect((await weirAt(redis, 'last')).find('main', 'NEW')).toEqual([])
  })

  it('is told when Redis is back, at its age', async () => {
    const redis = await server()
    const [a, b] = [await weirAt(redis, 'a'), await weirAt(redis, 'b')]
    await redis.kill()
    a.placed('main', 'XBT/USD', ['TX'])
    a.placed('main', 'XBT/USD', ['TY'])
    a.gone('main', 'TY')
    await sleep(1_000)
    expect(b.find('main', 'TX')).toEqual([])
    await redis.start()
    const [seen] = await soon(() => (b.find('main', 'TX').length > 0 ? b.find('main', 'TX') : undefined), 5_000)
    expect(seen?.ageMs).toBeGreaterThanOrEqual(900)
    expect(b.find('main', 'TX')).toHaveLength(1)
    expect(b.open('main')).toHaveLength(1)
  })

  it('is bounded, and what is not written by a weir is passed over', async () => {
    const redis = await server()
    const a = await weirAt(redis, 'a')
    for (const news of [
      'nonsense',
      '{}',
      '{"type":"placed","account":"main"}',
      '{"type":"gone","account":"main"}',
      'null',
    ])
      redis.cli('XADD', 'weir:orders', '*', 'by', 'somebody', 'news', news)
    for (let order = 0; order < 21_000; order += 1) a.placed('main', 'XBT/USD', [`T${order}`])
    await soon(() => (Number(redis.cli('XLEN', 'weir:orders')) > 4_000 ? true : undefined), 5_000)
    const b = await weirAt(redis, 'b')
    await soon(() => (b.find('main', 'T20999').length > 0 ? true : undefined), 5_000)
    expect(Number(redis.cli('XLEN', 'weir:orders'))).toBeLessThanOrEqual(20_200)
    expect(Number(redis.cli('PTTL', 'weir:orders'))).toBeGreaterThan(0)
  })
})
