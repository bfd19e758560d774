// What weir has not seen of orders, in virtual time: answers that were lost, and orders placed where it does not look. The
// exchange knows them all and charges for their age; its own ledger says whether weir has charged enough.

import { describe, expect, it } from 'vitest'
import { krakenKey } from '../support/exchange/keys.ts'
import { insist, pause, served } from '../support/virtual/errands.ts'
import { openScene } from '../support/virtual/scene.ts'
import { shippedBut } from '../support/virtual/settings.ts'
import { straight } from '../support/virtual/way.ts'
import { krakenPoster } from '../system/sign.ts'

/** A second or so on a quiet machine. */
const PATIENT = { timeout: 60_000 }
const RESTING = { pair: 'XBTUSD', type: 'buy', ordertype: 'limit', price: '0.01', volume: '1' }
const OLD_MS = 310_000

/** A bot behind weir and a program beside it, on two keys of one account. */
const open = () => {
  const config = shippedBut('kraken', '15m', {
    accounts: { main: ['inside', 'outside'].map((name) => krakenKey(name).key) },
  })
  const { clock, exchange, network, way } = openScene({ config, exchange: { kraken: { cancelOverMax: 'charge' } } })
  const wall = () => clock.wall()
  const inside = krakenPoster(exchange.krakenKey('inside'), wall)
  const outside = krakenPoster(exchange.krakenKey('outside'), wall)
  const beside = straight(network, exchange)
  const ask = (method: string, params: Record<string, string> = {}) => way(inside(method, params), 'bot')
  /** As fast as weir lets them through; none of them rests. */
  const placeMany = (count: number) =>
    Promise.all(
      Array.from({ length: count }, () => insist(clock, () => ask('AddOrder', { ...RESTING, timeinforce: 'IOC' }))),
    )
  return {
    clock,
    exchange,
    ask,
    placeMany,
    place: async (params: Record<string, string> = {}) => {
      const { json } = await insist(clock, () => ask('AddOrder', { ...RESTING, ...params }))
      return (json as { result: { txid: [string] } }).result.txid[0]
    },
    /** The exchange does what is asked, and its answer is lost. */
    askInVain: async (method: string, params: Record<string, string>) => {
      network.cut(`/0/private/${method}`)
      expect(await ask(method, params)).toMatchObject({ decision: 'failed', error: 'upstream_unreachable' })
    },
    /** Orders that weir does not see; what they were charged for being placed has decayed before they are 5 s old. */
    placeBeside: async (params: Record<string, string> = {}) => {
      for (let order = 0; order < 4; order += 1) {
        const answer = await beside(outside('AddOrder', { ...RESTING, ...params }), 'outside')
        expect(served(answer)).toBe(true)
      }
      await pause(clock, 4_000)
    },
  }
}

describe('an order whose change was answered to nobody', PATIENT, () => {
  // An amend was sent, the exchange amended, and the answer was lost: the order stayed as old in weir as it had been. Its cancel
  // was charged nothing and cost 8 at the exchange, which then refused new orders.
  it.each([
    ['AmendOrder', { limit_price: '0.02' }],
    ['EditOrder', { pair: 'XBTUSD', volume: '2' }],
  ])('by %s is cancelled at the price of a young one', async (method, change) => {
    const { clock, exchange, ask, askInVain, place, placeMany } = open()
    const story = async (): Promise<void> => {
      const orders = new Map<string, string>()
      for (const userref of ['11', '12', '13', '14', '15']) orders.set(userref, await place({ userref }))
      await pause(clock, OLD_MS)
      for (const [userref, txid] of orders) {
        await askInVain(method, { txid, ...change })
        // An edit gives an order another txid, and leaves it its userref.
        expect((await ask('CancelOrder', { txid: userref })).json).toEqual({ error: [], result: { count: 1 } })
      }
      await placeMany(60)
    }
    await clock.until(story())
    expect(exchange.score(0, 40)).toMatchObject({ violations: 0, rejected: 0 })
  })
})

describe('an order that was placed without an answer', PATIENT, () => {
  // Under a userref that another order went by already, it was not looked for: a cancel of both was charged for the other alone.
  it('is cancelled at its price under the name that its bot gave it', async () => {
    const { clock, exchange, ask, askInVain, place, placeMany } = open()
    const story = async (): Promise<void> => {
      await place({ userref: '7' })
      await pause(clock, OLD_MS)
      for (let order = 0; order < 4; order += 1) await askInVain('AddOrder', { ...RESTING, userref: '7' })
      await pause(clock, 3_000)
      expect((await ask('CancelOrder', { txid: '7' })).json).toEqual({ error: [], result: { count: 5 } })
      await placeMany(60)
    }
    await clock.until(story())
    expect(exchange.score(0, 40)).toMatchObject({ violations: 0, rejected: 0 })
  })
})

describe('orders that weir has not seen', PATIENT, () => {
  // A cancel of all took four orders with it that were placed over WebSocket: weir charged the engine nothing, the exchange 32.
  it('are paid for when all are cancelled', async () => {
    const { clock, exchange, ask, place, placeBeside, placeMany } = open()
    const story = async (): Promise<void> => {
      await place()
      await pause(clock, OLD_MS)
      await placeBeside()
      expect((await ask('CancelAll')).json).toEqual({ error: [], result: { count: 5 } })
      await placeMany(60)
    }
    await clock.until(story())
    expect(exchange.score(0, 40)).toMatchObject({ violations: 0, rejected: 0 })
  })

  // Where a key had traded nothing through weir yet, the charge went to no pair at all, and its first orders met a full counter.
  it.each([
    ['all', 'CancelAll', {}],
    ['by one name', 'CancelOrder', { txid: '7' }],
  ])('are paid for on the pair that is traded next, cancelled %s', async (_, method, params) => {
    const { clock, exchange, ask, placeBeside, placeMany } = open()
    const story = async (): Promise<void> => {
      await placeBeside({ userref: '7' })
      expect((await ask(method, params)).json).toEqual({ error: [], result: { count: 4 } })
      await placeMany(60)
    }
    await clock.until(story())
    expect(exchange.score(0, 40)).toMatchObject({ violations: 0, rejected: 0 })
  })

  // A userref that weir did not know was charged as one order, however many went by it.
  it('are paid for each when they are cancelled by one name', async () => {
    const { clock, exchange, ask, place, placeBeside, placeMany } = open()
    const story = async (): Promise<void> => {
      await place()
      await pause(clock, OLD_MS)
      await placeBeside({ userref: '7' })
      expect((await ask('CancelOrder', { txid: '7' })).json).toEqual({ error: [], result: { count: 4 } })
      await placeMany(60)
    }
    await clock.until(story())
    expect(exchange.score(0, 40)).toMatchObject({ violations: 0, rejected: 0 })
  })
})

describe('a bot that clears its book of old orders again and again', PATIENT, () => {
  it.each([
    ['all', 'CancelAll', {}],
    ['by one name', 'CancelOrder', { txid: '7' }],
  ])('%s pays nothing for orders that weir knows to be old, and never waits', async (_, method, params) => {
    const { clock, exchange, ask, place } = open()
    const story = async (): Promise<void> => {
      for (let round = 0; round < 4; round += 1) {
        for (let order = 0; order < 30; order += 1) await place({ userref: '7' })
        await pause(clock, OLD_MS)
        expect((await ask(method, params)).json).toEqual({ error: [], result: { count: 30 } })
        const since = clock.now()
        for (let order = 0; order < 10; order += 1) await place()
        // A round trip each takes less than 0.2 s.
        expect(clock.now() - since).toBeLessThan(10 * 200)
        await pause(clock, OLD_MS)
        await ask('CancelAll')
      }
    }
    await clock.until(story())
    expect(exchange.score(0, 40)).toMatchObject({ violations: 0, rejected: 0 })
  })
})
