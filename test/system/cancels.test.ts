// Cancels of orders that are gone, over real sockets: there is no age, so Kraken's penalty for it is not paid.

import { describe, expect, it } from 'vitest'
import { left, openScene } from './scene.ts'
import { krakenPoster } from './sign.ts'

describe('a batch of cancels', { timeout: 30_000 }, () => {
  // A bot that cleared away eight orders which had all been filled was charged for each, and again when it tried once more, then
  // on every pair of the account: new orders waited for a minute although Kraken had room.
  it('costs nothing when every order was filled before it, however often it is sent', async () => {
    const { exchange, bot } = await openScene()
    const post = krakenPoster(exchange.krakenKey('filled'))
    const filled = { type: 'buy', ordertype: 'market', volume: '1' }
    const orders: Record<string, string> = {}
    for (const pair of ['XBTUSD', 'ETHUSD', 'XBTUSD', 'ETHUSD']) {
      const placed = await bot.send(post('AddOrder', { ...filled, pair }))
      const [txid = ''] = (placed.json as { result: { txid: string[] } }).result.txid
      orders[`orders[${Object.keys(orders).length}]`] = txid
    }
    for (let time = 0; time < 2; time += 1) {
      const cleared = await bot.send(post('CancelOrderBatch', orders))
      expect(cleared.json).toEqual({ error: [], result: { count: 0 } })
      expect(cleared.headers['x-weir-cost']).toBe('0')
    }
    const next = await bot.send(post('AddOrder', { ...filled, pair: 'XBTUSD' }))
    expect(next.headers['x-weir-wait-ms']).toBe('0')
    // Three orders on a counter of 60, and nothing else.
    expect(left(next)).toBeGreaterThanOrEqual(60 - 3)
    expect(exchange.violations).toEqual([])
  })
})
