// Redis stops answering while a weir serves, and answers again: whoever looks is told, and no call is held up by it.

import { expect, it } from 'vitest'
import { shippedLimits } from '../support/weir.ts'
import { openPair, page, soon } from './pair.ts'

/** Of a call while Redis is frozen: the 50 ms that weir gives it, and what a busy machine adds. A hang would take seconds. */
const UNDISTURBED_MS = 1_000
const GAUGE = /^weir_store_together\{exchange="kraken"\} (\d)$/m

it('a weir whose Redis stands still says so, lives on its share at once, and shares again when Redis goes on', {
  timeout: 120_000,
}, async () => {
  // With room for a burst, so that nothing waits for budget.
  const config = await shippedLimits({ 'capacity: 5, refill: 1/s': 'capacity: 20, refill: 10/s' })
  const { exchange, redis, one } = await openPair({ config })
  const text = async (path: string): Promise<string> => (await fetch(one.weir.admin + path)).text()
  const gauge = async (): Promise<string | undefined> => GAUGE.exec(await text('/metrics'))?.[1]
  const ask = async (asset: string): Promise<number> => {
    const since = performance.now()
    const { decision, status } = await one.bot.send({ path: `/0/public/Assets?asset=${asset}` })
    expect([decision, status]).toEqual(['forwarded', 200])
    return performance.now() - since
  }
  // Two weirs, so half of every limit is this one's share, as soon as the other knows of it.
  await soon(async () => {
    const { store } = await page<{ store: { exchanges: { share: number }[] } }>(one, '/v1/status')
    return store.exchanges.every(({ share }) => share === 0.5) || undefined
  }, 10_000)
  await ask('XBT')
  const together = () => soon(async () => (await text('/ready')) === 'ready\n' || undefined, 10_000)
  await together()
  expect(await gauge()).toBe('1')

  const before = one.weir.lines().length
  redis.signal('SIGSTOP')
  expect(await ask('ETH')).toBeLessThan(UNDISTURBED_MS)
  const away = /^Redis is away: this weir lives on its share of every limit$/
  const told = () => one.weir.lines().slice(before)
  const { why, share, redis: shown } = await soon(() => told().find(({ msg }) => away.test(msg)), 10_000)
  expect([share, shown]).toEqual([0.5, redis.url])
  expect(why).toMatch(/no answer within 50 ms|Socket timeout|ETIMEDOUT/)
  expect([await gauge(), await text('/ready')]).toEqual(['0', 'ready, without the common store: on a share of 50 %\n'])
  expect(await text('/health')).toContain('degraded')
  expect(await ask('SOL')).toBeLessThan(UNDISTURBED_MS)
  expect(told().filter(({ level }) => level === 'warn')).toHaveLength(1)

  // The calls that had to do without it are counted, and more than a few within a minute raise an alert.
  const alerts = async () => {
    const { alerts: active } = await page<{ alerts: { rule: string }[] }>(one, '/v1/alerts?active=1')
    return active.some(({ rule }) => rule === 'store_errors') || undefined
  }
  await soon(alerts, 60_000)

  redis.signal('SIGCONT')
  await together()
  expect(await gauge()).toBe('1')
  await soon(() => told().find(({ msg }) => msg.startsWith('limits are shared')), 10_000)
  expect(exchange.violations).toEqual([])
})
