// Kraken refuses inside a 200, and compresses it for clients that accept that. A proxy that only looks at the status
// would go on calling a key that is closed.

import { describe, expect, it } from 'vitest'
import { type Encoding, krakenError } from '../support/exchange/faults.ts'
import { left, openScene } from './scene.ts'
import { krakenPoster } from './sign.ts'

const NOW = { 'X-Weir-Max-Wait': '0ms' }

describe('a refusal of Kraken inside a 200', { timeout: 90_000 }, () => {
  it('drains the bucket of its key, however it is compressed', async () => {
    const { exchange, bot } = await openScene()
    const encodings: (Encoding | undefined)[] = [undefined, 'gzip', 'br', 'deflate', 'zstd']
    for (const encoding of encodings) {
      const post = krakenPoster(exchange.krakenKey(`refused ${encoding}`))
      const other = krakenPoster(exchange.krakenKey(`other ${encoding}`))
      exchange.fault({ ...krakenError('EAPI:Rate limit exceeded'), ...(encoding && { encoding }) })
      const refused = await bot.send(post('Balance'))
      expect(refused).toMatchObject({ status: 200, decision: 'forwarded' })
      expect(refused.headers['content-encoding']).toBe(encoding)
      expect([encoding, left(refused)]).toEqual([encoding, 0])
      const next = post('Balance')
      const held = await bot.send({ ...next, headers: { ...next.headers, ...NOW } })
      expect(held).toMatchObject({ decision: 'refused', json: { error: ['EAPI:Rate limit exceeded'] } })
      expect(Number(held.headers['retry-after'])).toBeGreaterThanOrEqual(4)
      expect(await bot.send(other('Balance'))).toMatchObject({ decision: 'forwarded', json: { error: [] } })
    }
  })

  it('is obeyed to the second that it names', async () => {
    const { exchange, bot } = await openScene()
    const post = krakenPoster(exchange.krakenKey('throttled'))
    const until = Math.floor(Date.now() / 1000) + 60
    exchange.fault({ ...krakenError(`EService:Throttled: ${until}`), encoding: 'gzip' })
    await bot.send(post('Balance'))
    const held = await bot.send(post('Balance'))
    expect(held.decision).toBe('refused')
    expect(Number(held.headers['retry-after'])).toBeGreaterThan(50)
    expect(Number(held.headers['retry-after'])).toBeLessThanOrEqual(61)
  })

  // Said to an order, "come back at" closed the counter of the other calls only: the next order left at once.
  it('is obeyed by orders as well, said to whatever call; cancels and other keys go on', async () => {
    const { exchange, bot } = await openScene()
    const order = { pair: 'XBTUSD', type: 'buy', ordertype: 'limit', volume: '1', price: '1000' }
    for (const method of ['AddOrder', 'Balance']) {
      const post = krakenPoster(exchange.krakenKey(`throttled at ${method}`))
      const other = krakenPoster(exchange.krakenKey(`beside ${method}`))
      const placed = (await bot.send(post('AddOrder', order))).json as { result: { txid: string[] } }
      const until = Math.floor(Date.now() / 1000) + 300
      exchange.fault(krakenError(`EService:Throttled: ${until}`))
      expect(await bot.send(post(method, order))).toMatchObject({ decision: 'forwarded' })
      const held = await bot.send(post('AddOrder', order))
      expect(held).toMatchObject({ decision: 'refused', json: { error: ['EOrder:Rate limit exceeded'] } })
      // A time that lies far off is taken for a minute.
      expect(Number(held.headers['retry-after'])).toBeGreaterThan(30)
      expect(Number(held.headers['retry-after'])).toBeLessThanOrEqual(61)
      const cancel = await bot.send(post('CancelOrder', { txid: placed.result.txid[0] ?? '' }))
      expect(cancel).toMatchObject({ decision: 'forwarded', json: { error: [] } })
      expect(await bot.send(other('AddOrder', order))).toMatchObject({ decision: 'forwarded', json: { error: [] } })
    }
    expect(exchange.violations).toEqual([])
  })

  it('closes the host when it is meant for the whole address', async () => {
    const { exchange, weir, bot } = await openScene()
    exchange.fault({ ...krakenError('EGeneral:Too many requests'), encoding: 'br' })
    await bot.send({ path: '/0/public/Time' })
    const post = krakenPoster(exchange.krakenKey('somebody'))
    const refused = await bot.send(post('Balance'))
    expect(refused).toMatchObject({ status: 503, decision: 'refused', json: { error: ['EService:Unavailable'] } })
    await expect(weir.logged(/^breaker of api.kraken.com is open/)).resolves.toMatchObject({
      reason: expect.stringContaining('EGeneral:Too many requests'),
    })
  })
})
