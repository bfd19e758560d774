// Cancels of orders that are gone, over real sockets: there is no age, so Kraken's penalty for it is not paid.

import { describe, expect, it } from 'vitest'
import type { Client } from './client.ts'
import { left, openScene } from './scene.ts'
import { krakenPoster, type Post } from './sign.ts'

const FILLED = { type: 'buy', ordertype: 'market', volume: '1' }
const RESTING = { type: 'buy', ordertype: 'limit', price: '0.01', volume: '1' }

/** Places an order of each kind; their ids as a batch of cancels lists them. */
async function place(bot: Client, post: Post, wanted: readonly Readonly<Record<string, string>>[]) {
  const ids: Record<string, string> = {}
  for (const [index, order] of wanted.entries()) {
    const { json } = await bot.send(post('AddOrder', order))
    ids[`orders[${index}]`] = (json as { result: { txid: [string] } }).result.txid[0]
  }
  return ids
}

describe('a batch of cancels', { timeout: 90_000 }, () => {
  // A bot that cleared away eight orders which had all been filled was charged for each, and again when it tried once more, then
  // on every pair of the account: new orders waited for a minute although Kraken had room.
  it('costs nothing when every order was filled before it, however often it is sent', async () => {
    const { exchange, bot } = await openScene()
    const post = krakenPoster(exchange.krakenKey('filled'))
    const filled = ['XBTUSD', 'ETHUSD', 'XBTUSD', 'ETHUSD'].map((pair) => ({ ...FILLED, pair }))
    const orders = await place(bot, post, filled)
    for (let time = 0; time < 2; time += 1) {
      const cleared = await bot.send(post('CancelOrderBatch', orders))
      expect(cleared.json).toEqual({ error: [], result: { count: 0 } })
      expect(cleared.headers['x-weir-cost']).toBe('0')
    }
    const next = await bot.send(post('AddOrder', { ...FILLED, pair: 'XBTUSD' }))
    expect(next.headers['x-weir-wait-ms']).toBe('0')
    // Three orders on a counter of 60, and nothing else.
    expect(left(next)).toBeGreaterThanOrEqual(60 - 3)
    expect(exchange.violations).toEqual([])
  })
  // It was charged for each of its names unless none at all was there.
  it('pays for as many orders as there were', async () => {
    const { exchange, bot } = await openScene()
    const post = krakenPoster(exchange.krakenKey('half'))
    const wanted = [FILLED, RESTING, FILLED, FILLED, RESTING].map((order) => ({ ...order, pair: 'XBTUSD' }))
    const cleared = await bot.send(post('CancelOrderBatch', await place(bot, post, wanted)))
    expect(cleared.json).toEqual({ error: [], result: { count: 2 } })
    expect(cleared.headers['x-weir-cost']).toBe('16')
    // What is left by weir's count is left at the exchange, but for what has come in meanwhile.
    const next = await bot.send(post('AddOrder', { ...FILLED, pair: 'XBTUSD' }))
    expect(left(next)).toBeGreaterThanOrEqual(60 - 5 - 16 - 1)
    expect(exchange.ledger()).toMatchObject([{ counter: 'kraken.engine', spent: 5 + 16 + 1 }])
    expect(exchange.violations).toEqual([])
  })
})

describe('a cancel of all orders', { timeout: 90_000 }, () => {
  // A bot that clears the book before every round paid 8 for each order that had been filled in the round before.
  it('pays for the call alone when every order was filled before it', async () => {
    const { exchange, bot } = await openScene()
    const post = krakenPoster(exchange.krakenKey('tidy'))
    await place(
      bot,
      post,
      [FILLED, FILLED, FILLED, FILLED].map((order) => ({ ...order, pair: 'XBTUSD' })),
    )
    const cleared = await bot.send(post('CancelAll'))
    expect(cleared.json).toEqual({ error: [], result: { count: 0 } })
    // One on the private counter, which some clients count.
    expect(cleared.headers['x-weir-cost']).toBe('1')
    const next = await bot.send(post('AddOrder', { ...FILLED, pair: 'XBTUSD' }))
    expect(left(next)).toBeGreaterThanOrEqual(60 - 5)
    expect(exchange.violations).toEqual([])
  })
})
