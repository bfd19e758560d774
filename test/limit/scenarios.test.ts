// The promise in numbers, in virtual time: weir's whole road between bots and exchanges that keep their own counters, over
// networks that delay, reorder and stall. No violation, and nearly all of the limit used; both told by the exchange.

import { describe, expect, it } from 'vitest'
import { CB, CB_ADVANCED, K_PRO, K_STARTER } from '../support/virtual/mixes.ts'
import { openScene, play } from '../support/virtual/scene.ts'
import { shippedBut } from '../support/virtual/settings.ts'
import { krakenPoster } from '../system/sign.ts'

/** A second or so on a quiet machine. */
const PATIENT = { timeout: 60_000 }
const CLEAN = { violations: 0, rejected: 0 }

describe('mixes of calls, all offered at once', PATIENT, () => {
  for (const mix of [K_STARTER, K_PRO, CB]) {
    for (const jitterMs of [50, 200]) {
      it(`${mix.name} use 99 % of the limit at a jitter of ${jitterMs} ms, and violate nothing`, async () => {
        const score = await play(mix, { jitterMs })
        expect(score).toMatchObject(CLEAN)
        expect(score.efficiency).toBeGreaterThanOrEqual(0.99)
      })
    }

    // A jitter costs once at the start and once at the end, however long the run: with a second of it that shows.
    it(`${mix.name}, three times over, use 99 % of the limit at a jitter of 1 s, and violate nothing`, async () => {
      const score = await play(mix, { jitterMs: 1000, times: 3 })
      expect(score).toMatchObject(CLEAN)
      expect(score.efficiency).toBeGreaterThanOrEqual(0.99)
    })

    it(`${mix.name} use 97 % of the limit through a stall of 3 s, and violate nothing`, async () => {
      const score = await play(mix, { stall: { fromMs: 5000, toMs: 8000 } })
      expect(score).toMatchObject(CLEAN)
      expect(score.efficiency).toBeGreaterThanOrEqual(0.97)
    })
  }

  for (const [jitterMs, least] of [
    [0, 0.91],
    [50, 0.86],
  ] as const) {
    // A true window gives back a slot one window after the call may have arrived at the latest: a round trip is lost.
    it(`${CB_ADVANCED.name} use ${least * 100} % of a true window at a jitter of ${jitterMs} ms, and violate nothing`, async () => {
      const score = await play(CB_ADVANCED, { jitterMs })
      expect(score).toMatchObject(CLEAN)
      expect(score.efficiency).toBeGreaterThanOrEqual(least)
    })
  }

  for (const [jitterMs, least] of [
    [0, 0.99],
    [50, 0.93],
    [200, 0.81],
  ] as const) {
    // The network takes 40 ms each way at least, and who runs weir has said so.
    it(`${CB_ADVANCED.name} use ${least * 100} % of it where the shortest round trip is known, at a jitter of ${jitterMs} ms`, async () => {
      const score = await play({ ...CB_ADVANCED, config: knowing('80ms') }, { jitterMs })
      expect(score).toMatchObject(CLEAN)
      expect(score.efficiency).toBeGreaterThanOrEqual(least)
    })
  }
})

describe('an exchange whose clock is wrong', PATIENT, () => {
  for (const skewMs of [3000, -3000]) {
    it(`by ${skewMs / 1000} s sees no limit broken and no signature expire in the queue`, async () => {
      // Four hundred bots of a kind: the last in line would wait longer than a signature lives.
      const score = await play(CB, { skewMs, atOnce: 400 })
      expect(score).toMatchObject(CLEAN)
      expect(score.efficiency).toBeGreaterThanOrEqual(0.99)
    })
  }

  // Answers to public calls taught nothing: the first order of a bot, often its only one, was never measured by that clock.
  it('tells so in its public answers: an order whose deadline has passed there is not sent, not even the first', async () => {
    const { clock, exchange, way } = openScene({ config: shippedBut('kraken', '6s'), exchange: { skewMs: 60_000 } })
    const post = krakenPoster(exchange.krakenKey('late'), () => clock.wall())
    const order = { pair: 'XBTUSD', type: 'buy', ordertype: 'limit', volume: '1', price: '10' }
    const until = (ms: number) => ({ ...order, deadline: new Date(clock.wall() + ms).toISOString() })
    expect(await clock.until(way({ path: '/0/public/SystemStatus' }, 'bot'))).toMatchObject({ decision: 'forwarded' })
    const late = await clock.until(way(post('AddOrder', until(30_000)), 'bot'))
    expect(late).toMatchObject({ decision: 'refused', error: 'deadline_too_short' })
    expect(await clock.until(way(post('AddOrder', until(90_000)), 'bot'))).toMatchObject({ decision: 'forwarded' })
    expect(exchange.journal.calls).toHaveLength(2)
  })
})

/** limits.yaml of a trader who is sure how far Coinbase is. */
const knowing = (roundTrip: string): string => {
  const window = { per: 'account', limit: 30, every: '1s', recovery: '1s', shortest_round_trip: roundTrip }
  return shippedBut('coinbase', '29s', { buckets: { private: window, public: { ...window, per: 'ip', limit: 10 } } })
}
