// Bots with habits, in virtual time: what they do to a limit, and that weir keeps them all within it. Told by the exchange.

import { describe, expect, it } from 'vitest'
import type { Asked } from '../support/asked.ts'
import { seeded } from '../support/exchange/gate.ts'
import { krakenKey } from '../support/exchange/keys.ts'
import { insist, pause, served } from '../support/virtual/errands.ts'
import { makeMarket } from '../support/virtual/market-maker.ts'
import { ticker } from '../support/virtual/mixes.ts'
import { openScene } from '../support/virtual/scene.ts'
import { shippedBut } from '../support/virtual/settings.ts'
import { straight, type Way } from '../support/virtual/way.ts'
import { krakenPoster } from '../system/sign.ts'

/** A second or so on a quiet machine. */
const PATIENT = { timeout: 60_000 }
const BASE_MS = 40
const networks = [
  { name: 'a jitter of 50 ms', network: { jitterMs: 50 } },
  { name: 'a jitter of 200 ms', network: { jitterMs: 200 } },
  { name: 'a jitter of 1 s', network: { jitterMs: 1000 } },
  { name: 'a stall of 3 s', network: { jitterMs: 50, stall: { fromMs: 100_000, toMs: 103_000 } } },
]
/** How near a run has come to its limits, for whoever reads along. */
const show = (what: string, shares: readonly number[]): void => {
  process.stdout.write(`${what}: ${shares.map((share) => `${(100 * share).toFixed(1)} %`).join(', ')}\n`)
}

describe('a market maker with orders of every age on three pairs', PATIENT, () => {
  const cancels = [
    { name: 'cancels that are never held', hold: false, cancelOverMax: 'charge', least: 0.99 },
    // What waits is priced by the age at which it was made, and is older, hence cheaper, when it goes: some budget stays.
    { name: 'cancels that are held, as they would be refused', hold: true, cancelOverMax: 'refuse', least: 0.9 },
  ] as const
  const pairs = ['XBTUSD', 'ETHUSD', 'SOLUSD']
  for (const { name, network } of networks) {
    // A key has one call under way at a time: where that takes a second, a key is too slow for three pairs.
    const keys = network.jitterMs < 1000 ? [pairs] : pairs.map((pair) => [pair])
    for (const { name: manner, hold, cancelOverMax, least } of cancels) {
      it(`and ${manner} uses ${least * 100} % of its counters over ${name}, and violates nothing`, async () => {
        const accounts = { main: keys.map((_, index) => krakenKey(`maker ${index}`).key) }
        const config = shippedBut('kraken', '6s', { accounts }, { cancel: { hold } })
        const { clock, exchange, way } = openScene({ config, network, exchange: { kraken: { cancelOverMax } } })
        const makers = keys.map((own, index) => {
          const post = krakenPoster(exchange.krakenKey(`maker ${index}`), () => clock.wall())
          return makeMarket({ clock, way, post, pairs: own, untilMs: 900_000 })
        })
        const cancelled = (await clock.until(Promise.all(makers))).reduce((sum, count) => sum + count)
        expect(exchange.score(0, BASE_MS)).toMatchObject({ violations: 0, rejected: 0 })
        expect(exchange.journal.invalidNonces).toBe(0)
        expect(cancelled).toBeGreaterThan(300)
        const shares = exchange.uses(0, BASE_MS).map(({ efficiency }) => efficiency)
        show(`market maker, ${name}, cancels ${hold ? '' : 'not '}held`, shares)
        expect(shares).toHaveLength(pairs.length)
        for (const share of shares) expect(share).toBeGreaterThanOrEqual(least)
      })
    }
  }
})

describe('two bots on one key, whose nonces cross on the way to weir', PATIENT, () => {
  for (const { name, network } of networks) {
    it(`use 99 % of its counter over ${name}, and the exchange sees every nonce rise`, async () => {
      const { clock, exchange, network: far, way } = openScene({ config: shippedBut('kraken', '15m'), network })
      const post = krakenPoster(exchange.krakenKey('shared'), () => clock.wall())
      const chance = seeded(5)
      /** From the moment a bot signs until weir has the call: up to 30 ms, each on its own. */
      const near: Way = async (asked, bot) => {
        await pause(clock, chance() * 30)
        return way(asked, bot)
      }
      const worker = async (bot: string): Promise<void> => {
        for (let calls = 0; calls < 10; calls += 1) await insist(clock, () => near(post('Balance'), bot))
      }
      const bots = ['first', 'second'].flatMap((bot) => Array.from({ length: 5 }, () => worker(bot)))
      await clock.until(Promise.all(bots))
      const score = exchange.score(0, far.rule.baseMs)
      expect(score).toMatchObject({ violations: 0, rejected: 0 })
      expect(exchange.journal.invalidNonces).toBe(0)
      show(`two bots on one key, ${name}`, [score.efficiency])
      expect(score.efficiency).toBeGreaterThanOrEqual(0.99)
    })
  }
})

describe('the same two bots where weir lets calls of a key overtake each other', PATIENT, () => {
  // The poster counts its nonces up by one.
  const windows = [
    { order: 'strict', window: 5 },
    { order: 'strict', window: 100 },
    { order: 'spaced', window: 100 },
    { order: 'none', window: 100 },
  ]
  const LOCKOUT = { after: 4, forMs: 900_000 }

  const run = async (settings: object, jitterMs: number, nonceWindow = 0) => {
    const told: string[] = []
    const { clock, exchange, way } = openScene({
      config: shippedBut('kraken', '15m', settings),
      network: { jitterMs },
      exchange: { nonceWindow, kraken: { lockout: LOCKOUT } },
      tell: ({ type }) => void told.push(type),
    })
    const post = krakenPoster(exchange.krakenKey('shared'), () => clock.wall())
    const chance = seeded(5)
    let served = 0
    const worker = async (bot: string): Promise<void> => {
      for (let calls = 0; calls < 10; calls += 1) {
        await insist(clock, async () => {
          const asked = post('Balance')
          await pause(clock, chance() * 30)
          return way(asked, bot)
        })
        served += 1
      }
    }
    await clock.until(Promise.all(['first', 'second'].flatMap((bot) => Array.from({ length: 5 }, () => worker(bot)))))
    const tightened = told.filter((type) => type === 'nonces.tightened').length
    return { ...exchange.journal.report(), served, tightened }
  }

  for (const jitterMs of [50, 200, 1000]) {
    it(`a window that is declared on both sides leaves no nonce invalid, at a jitter of ${jitterMs} ms`, async () => {
      for (const { order, window } of windows) {
        const seen = await run({ order, nonce_window: window }, jitterMs, window)
        expect([order, seen]).toEqual([order, expect.objectContaining({ violations: 0, byVerdict: { served: 100 } })])
      }
    })

    it(`gaps leave few invalid and none makes more, each until it is noticed, at a jitter of ${jitterMs} ms`, async () => {
      const [spaced, none] = [await run({ order: 'spaced' }, jitterMs), await run({ order: 'none' }, jitterMs)]
      show(`invalid nonces, spaced and none, jitter ${jitterMs} ms`, [
        spaced.invalidNonces / spaced.calls,
        none.invalidNonces / none.calls,
      ])
      expect(spaced).toMatchObject({ violations: 0, lockouts: 0, served: 100 })
      expect(spaced.invalidNonces).toBeLessThanOrEqual(4)
      expect(none).toMatchObject({ violations: 0, served: 100 })
      expect(none.invalidNonces).toBeGreaterThan(spaced.invalidNonces)
      // Ten are under way at most; once one was refused, the rest of the hundred go one by one.
      for (const { invalidNonces, tightened } of [spaced, none])
        expect(invalidNonces).toBeLessThanOrEqual(9 * tightened)
    })
  }
})

describe('five bots on one address that poll when the candle closes', PATIENT, () => {
  const PAIRS = ['XBTUSD', 'ETHUSD', 'SOLUSD', 'XRPUSD']
  const CLOSES = 5
  const MINUTE_MS = 60_000
  const ohlc = (pair: string, headers: Asked['headers'] = {}) => ({ path: `/0/public/OHLC?pair=${pair}`, headers })

  for (const { name, network } of networks) {
    // A stall, or a jitter of a second at both ends, is a part of the 35 s after a close that nobody can use.
    const least = network.stall !== undefined || network.jitterMs >= 1000 ? 0.97 : 0.99
    it(`each with its own calls, use ${least * 100} % of the limit from every close on over ${name}, and violate nothing`, async () => {
      const { clock, exchange, way } = openScene({ config: shippedBut('kraken', '1m'), network })
      const asks = PAIRS.flatMap((pair) => [ticker(pair), ticker(pair), ohlc(pair, ticker(pair).headers)])
      const tookMs: number[] = []
      const poll = async (): Promise<void> => {
        for (let close = 0; close < CLOSES; close += 1) {
          await pause(clock, close * MINUTE_MS - clock.now())
          const bots = Array.from({ length: 5 }, (_, bot) => asks.map((asked) => way(asked, `bot-${bot}`)))
          const answers = await Promise.all(bots.flat())
          expect(answers.filter((answer) => !served(answer))).toEqual([])
          tookMs.push((exchange.journal.calls.at(-1)?.timeMs ?? 0) - close * MINUTE_MS - BASE_MS)
        }
      }
      await clock.until(poll())
      expect(exchange.journal.report().violations).toBe(0)
      // Forty tickers on a bucket of five that gains one per second; OHLC has a bucket for each pair, and fits at once.
      const leastMs = 35_000 * CLOSES
      const share = leastMs / tookMs.reduce((sum, ms) => sum + ms, 0)
      show(`candle close, ${name}`, [share])
      expect(share).toBeGreaterThanOrEqual(least)
    })
  }

  it('as shipped, are answered at once by what one of them was told', async () => {
    const { clock, exchange, way } = openScene({ config: shippedBut('kraken', '6s') })
    const asks = ['XBTUSD', 'ETHUSD'].flatMap((pair) => [{ path: `/0/public/Ticker?pair=${pair}` }, ohlc(pair)])
    const bots = Array.from({ length: 5 }, (_, bot) => asks.map((asked) => way(asked, `bot-${bot}`)))
    const answers = await clock.until(Promise.all(bots.flat()))
    expect(answers.every(served)).toBe(true)
    expect(exchange.journal.report()).toMatchObject({ calls: asks.length, violations: 0 })
    expect(clock.now()).toBeLessThan(1000)
  })
})

describe('a bot outside weir that spends 40 % of a key', PATIENT, () => {
  const PER_SECOND = 0.33
  const MINUTE_MS = 60_000
  const LEAVES_AT_MS = 30 * MINUTE_MS
  const END_MS = 60 * MINUTE_MS

  it('makes few calls of weir fail, which takes what is left; and all of it, once the other has gone', async () => {
    const config = shippedBut('kraken', '15m')
    const { clock, exchange, network, way } = openScene({ config, exchange: { nonceWindow: 600_000_000 } })
    const post = krakenPoster(exchange.krakenKey('shared'), () => clock.wall())
    const outside = straight(network, exchange)
    const inWeir = async (): Promise<void> => {
      while (clock.now() < END_MS) await insist(clock, () => way(post('Balance'), 'inside'))
    }
    const outsider = async (): Promise<void> => {
      while (clock.now() < LEAVES_AT_MS) {
        const asked = post('Balance')
        await outside({ ...asked, headers: { ...asked.headers, 'User-Agent': 'outsider' } }, 'outside')
        await pause(clock, 1000 / (0.4 * PER_SECOND))
      }
    }
    await clock.until(Promise.all([inWeir(), inWeir(), inWeir(), outsider()]))
    const { calls, violations } = exchange.journal
    const served = (fromMin: number, toMin: number): number => {
      const between = ({ timeMs }: { timeMs: number }) => timeMs >= fromMin * MINUTE_MS && timeMs < toMin * MINUTE_MS
      const count = calls.filter((call) => call.verdict === 'served' && between(call)).length
      return count / ((toMin - fromMin) * 60 * PER_SECOND)
    }
    const broken = (fromMin: number, toMin: number): number =>
      violations.filter(
        ({ timeMs, call }) =>
          call.headers['user-agent'] !== 'outsider' && timeMs >= fromMin * MINUTE_MS && timeMs < toMin * MINUTE_MS,
      ).length
    expect(broken(0, 5)).toBeGreaterThan(0)
    // The exchange tells of the other only by refusing: now and then weir has to try whether there is more again.
    expect(broken(5, 30)).toBeLessThanOrEqual(25)
    expect(served(5, 30)).toBeGreaterThanOrEqual(0.97)
    expect(broken(35, 60)).toBe(0)
    expect(served(35, 60)).toBeGreaterThanOrEqual(0.99)
  })
})
