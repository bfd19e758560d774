// The figures that the exchanges' own ledger gives: what a run came to is told right, also where nobody could have done it.

import { describe, expect, it } from 'vitest'
import { krakenPoster } from '../system/sign.ts'
import { FakeClock } from './fake-clock.ts'
import { usesOf, VirtualExchange, type VirtualExchangeOptions } from './virtual/exchange.ts'
import { restingOrder, ticker } from './virtual/mixes.ts'
import { Network } from './virtual/network.ts'
import { straight } from './virtual/way.ts'

/** A way of exactly 40 ms to an exchange. */
const open = (options: VirtualExchangeOptions = {}) => {
  const clock = new FakeClock()
  const exchange = new VirtualExchange(clock, options)
  const way = straight(new Network(clock, () => 0, { baseMs: 40, jitterMs: 0 }), exchange)
  return { clock, exchange, way }
}

describe('the score of a run', () => {
  it('is 100 % for calls that arrive at the very moments at which there is room', async () => {
    const { clock, exchange, way } = open()
    for (let call = 0; call < 5; call += 1) void way(ticker('XBTUSD'), 'bot')
    for (let second = 0; second < 20; second += 1) {
      await clock.pass(1000)
      void way(ticker('XBTUSD'), 'bot')
    }
    await clock.pass(100)
    expect(exchange.score(0, 40)).toEqual({
      violations: 0,
      rejected: 0,
      leastMs: 20_000,
      tookMs: 20_000,
      efficiency: 1,
    })
  })

  it('is lower by what came too late, and does not hide what came too early', async () => {
    const { clock, exchange, way } = open()
    for (let call = 0; call < 6; call += 1) void way(ticker('XBTUSD'), 'bot')
    await clock.pass(2000)
    void way(ticker('XBTUSD'), 'bot')
    await clock.pass(100)
    expect(exchange.score(0, 40)).toMatchObject({ violations: 1, leastMs: 1000, tookMs: 2000, efficiency: 0.5 })
  })

  it('counts signatures that are no good as rejected', async () => {
    const { clock, exchange, way } = open({ skewMs: 60_000 })
    const answer = clock.until(way({ method: 'POST', path: '/0/private/Balance', body: 'nonce=1' }, 'bot'))
    expect((await answer).json).toEqual({ error: ['EAPI:Invalid key'] })
    expect(exchange.score(0, 40)).toMatchObject({ violations: 0, rejected: 1 })
  })

  it('does not take what cancels have borrowed above the maximum for use', async () => {
    const { clock, exchange, way } = open({ kraken: { cancelOverMax: 'charge' } })
    const post = krakenPoster(exchange.krakenKey('maker'), () => clock.wall())
    const txids: string[] = []
    for (let order = 0; order < 60; order += 1) {
      const { json } = await clock.until(way(restingOrder(post, 'XBTUSD'), 'maker'))
      txids.push((json as { result: { txid: [string] } }).result.txid[0])
    }
    for (const txid of txids.slice(-5)) await clock.until(way(post('CancelOrder', { txid }), 'maker'))
    const [use] = usesOf(exchange.journal.ledger, 'starter', 40)
    // 60 adds and five young cancels are 100 units, 40 over what the counter holds; most of it is still owed.
    expect(exchange.journal.ledger).toMatchObject([{ counter: 'kraken.engine', spent: 100 }])
    expect(use?.tookMs).toBe(64 * 80)
    expect(use?.efficiency).toBeCloseTo(1)
  })
})
