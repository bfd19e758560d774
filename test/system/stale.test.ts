// An outage as bots live through it: public data goes on, marked as old; the rest is refused in the exchange's words
// with a time to come back; and when the exchange is well again, so are they.

import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect, it } from 'vitest'
import type { Fault } from '../support/exchange/faults.ts'
import { shippedLimits } from '../support/weir.ts'
import type { Answered, Client } from './client.ts'
import { openScene } from './scene.ts'
import { advancedGet, krakenPoster } from './sign.ts'

const TICKER = { path: '/0/public/Ticker?pair=XBTUSD' }
const PRODUCT = { host: 'api.coinbase.com', path: '/api/v3/brokerage/market/products/BTC-USD' }
const FRESH_MS = 1_000

const DOWN: readonly (readonly [name: string, fault: Fault])[] = [
  ['503', { kind: 'answer', status: 503, body: '<html>Service Unavailable</html>', times: Number.POSITIVE_INFINITY }],
  ['resets', { kind: 'reset', times: Number.POSITIVE_INFINITY }],
]

describe('an exchange that is down', { timeout: 120_000 }, () => {
  it.each(DOWN)('is answered for from the past, or refused, until it is back: %s', async (_name, fault) => {
    const config = await shippedLimits({ ' open: 1s': ' open: 4s' })
    const { exchange, bot } = await openScene({ config })
    const post = krakenPoster(exchange.krakenKey('stale'))
    const advanced = exchange.coinbaseKey('stale')
    const wasKraken = await bot.send(TICKER)
    const wasCoinbase = await bot.send(PRODUCT)
    await sleep(FRESH_MS + 100)
    exchange.fault(fault)
    // Private calls find out; a stale answer would hide it.
    for (let call = 0; call < 5; call += 1) await bot.send(post('Balance'))
    for (let call = 0; call < 5; call += 1) await bot.send(advancedGet(advanced, 'accounts'))

    const kraken = await bot.send(TICKER)
    expectStale(kraken, wasKraken)
    expectStale(await bot.send(PRODUCT), wasCoinbase)
    const order = await bot.send(post('AddOrder', { pair: 'XBTUSD' }))
    expectRefused(order)
    expect(order.json).toMatchObject({ error: ['EService:Unavailable'] })
    expectRefused(await bot.send(advancedGet(advanced, 'accounts')))
    const asked = exchange.calls.length
    expectRefused(await bot.send(post('Balance')))
    expect(exchange.calls).toHaveLength(asked)

    exchange.clearFaults()
    expect(await recovered(bot)).toMatchObject({ decision: 'forwarded', status: 200 })
    expect(await bot.send(post('Balance'))).toMatchObject({ decision: 'forwarded', status: 200 })
  })
})

function expectStale(answer: Answered, was: Answered): void {
  const { headers, decision, status, text } = answer
  expect({ decision, status, text }).toEqual({ decision: 'stale', status: 200, text: was.text })
  expect(Number(headers.age)).toBeGreaterThanOrEqual(1)
  expect(headers['cache-status']).toMatch(/^weir; hit; ttl=-\d+; detail=breaker-open$/)
  expect(headers['x-weir-breaker']).toBe('open')
  expect(headers['x-weir-sent']).toBe('no')
}

function expectRefused({ headers, decision, status }: Answered): void {
  expect({ decision, status }).toEqual({ decision: 'refused', status: 503 })
  expect(headers['x-weir-error']).toBe('circuit_open')
  expect(Number(headers['retry-after'])).toBeGreaterThanOrEqual(1)
  expect(Number(headers['retry-after'])).toBeLessThanOrEqual(5)
}

/** Asks until the answer is new again; the breaker lets single reads try. */
async function recovered(bot: Client): Promise<Answered> {
  for (let waited = 0; waited < 15_000; waited += 250) {
    const answer = await bot.send(TICKER)
    if (answer.decision === 'forwarded' && answer.headers['x-weir-breaker'] === 'closed') return answer
    await sleep(250)
  }
  throw new Error('the breaker did not close')
}
