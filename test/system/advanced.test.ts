// Coinbase Advanced Trade states so many calls in any second. A call may have arrived as late as its answer came, and the next
// as early as it left: a window that never breaks the limit loses one round trip. Who is sure of the shortest gets that back.

import { describe, expect, it, onTestFinished } from 'vitest'
import { realClock } from '../../src/core/clock.ts'
import { startExchange } from '../support/exchange/exchange.ts'
import { CB_ADVANCED } from '../support/virtual/mixes.ts'
import { play } from '../support/virtual/scene.ts'
import { shippedBut } from '../support/virtual/settings.ts'
import { shippedLimits, startWeir } from '../support/weir.ts'
import { openClient } from './client.ts'
import { efficiency } from './efficiency.ts'
import { advancedGet } from './sign.ts'

const CLEAN = { violations: 0, rejected: 0 }
/** Of a mix of 1500 calls, all but the first thirty wait for a second to pass. */
const WINDOWS = 1500 / 30 - 1
/** The scene's network takes 40 ms each way at least. */
const ROUND_TRIP_MS = 80

/** The shipped limits of a trader who is sure of a round trip. */
const knowing = (ms: number): string => {
  const window = { per: 'account', limit: 30, every: '1s', recovery: '1s', shortest_round_trip: `${ms}ms` }
  return shippedBut('coinbase', '29s', { buckets: { private: window, public: { ...window, per: 'ip', limit: 10 } } })
}

describe('the windows of Coinbase Advanced, in virtual time', { timeout: 60_000 }, () => {
  for (const jitterMs of [0, 50]) {
    it(`lose a round trip each as shipped, and all of it but the jitter comes back to who knows it: ${jitterMs} ms`, async () => {
      const shipped = await play(CB_ADVANCED, { jitterMs })
      const known = await play({ ...CB_ADVANCED, config: knowing(ROUND_TRIP_MS) }, { jitterMs })
      const words = [shipped, known].map((score) => `${(100 * score.efficiency).toFixed(1)} %`)
      process.stdout.write(`Coinbase Advanced, a jitter of ${jitterMs} ms: ${words.join(' as shipped, ')} knowing\n`)
      expect([shipped, known]).toMatchObject([CLEAN, CLEAN])
      const [lost, lostKnowing] = [shipped, known].map(({ tookMs, leastMs }) => (tookMs - leastMs) / WINDOWS)
      // Of the calls of a window the one that took longest decides.
      expect(lost).toBeGreaterThanOrEqual(ROUND_TRIP_MS)
      expect(lost).toBeLessThanOrEqual(ROUND_TRIP_MS + 2 * jitterMs + 5)
      expect((lost ?? 0) - (lostKnowing ?? 0)).toBeGreaterThanOrEqual(ROUND_TRIP_MS - 5)
      expect(lostKnowing).toBeLessThanOrEqual(2 * jitterMs + 5)
    })
  }

  it('break the limit where the round trip is said to be longer than it is, as the reference of limits.yaml warns', async () => {
    const { violations } = await play({ ...CB_ADVANCED, config: knowing(ROUND_TRIP_MS + 10) }, { jitterMs: 0 })
    expect(violations).toBeGreaterThan(0)
  })
})

describe('the windows of Coinbase Advanced, over real sockets', { timeout: 60_000 }, () => {
  const OWN = 'private: { per: account, limit: 30, every: 1s, recovery: 1s'
  for (const { name, changes } of [
    { name: 'as shipped', changes: {} },
    { name: 'with a known round trip', changes: { [OWN]: `${OWN}, shortest_round_trip: 35ms` } },
  ]) {
    it(`are kept by forty bots that never have enough, ${name}`, async () => {
      const exchange = await startExchange({ latencyMs: 40, jitterMs: 20 })
      onTestFinished(() => exchange.close())
      await using weir = await startWeir({ exchange, config: await shippedLimits(changes) })
      const key = exchange.coinbaseKey('user')
      const untilMs = realClock.now() + 6_000
      const bot = async (): Promise<void> => {
        const client = openClient(weir)
        while (realClock.now() < untilMs) await client.send(advancedGet(key, 'accounts'))
        client.close()
      }
      await Promise.all(Array.from({ length: 40 }, bot))
      expect(exchange.violations.map(({ counter, level }) => ({ counter, level }))).toEqual([])
      expect(exchange.report().violations).toBe(0)
      const share = efficiency(exchange).of('coinbase-advanced.private')
      process.stdout.write(`Coinbase Advanced ${name}, real sockets: ${(100 * share).toFixed(1)} %\n`)
      // On a machine with much else to do a round trip takes several times as long.
      expect(share).toBeGreaterThanOrEqual(0.5)
    })
  }
})
