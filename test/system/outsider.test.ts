// A bot outside weir spends on the same key, in virtual time. The exchange tells of it only by refusing, so weir has to try now
// and then whether there is more again: some refusals are the price. What weir promises is that they become few, that it goes
// on with at least 30 % of the documented rate, and that it has all of it again once the other is gone.

import { describe, expect, it } from 'vitest'
import type { Observer } from '../../src/core/events.ts'
import { insist, pause } from '../support/virtual/errands.ts'
import { openScene } from '../support/virtual/scene.ts'
import { shippedBut } from '../support/virtual/settings.ts'
import { straight } from '../support/virtual/way.ts'
import { krakenPoster } from './sign.ts'

const PER_SECOND = 1
const TEN_MINUTES_MS = 600_000
/** The outsider leaves after an hour; half an hour is left to recover. */
const [LEAVES_AT_MS, END_MS] = [6 * TEN_MINUTES_MS, 9 * TEN_MINUTES_MS]

/** Ten minutes of weir's own calls. */
interface Slice {
  readonly violations: number
  /** Of the documented rate. */
  readonly served: number
}

/** @param appetite how much of the rate the outsider asks for */
const run = async (appetite: number, adaptive: boolean) => {
  const shares: number[] = []
  const tell: Observer = (event) => {
    if (event.type === 'limit.violated') shares.push(event.autopsy.share)
  }
  const config = shippedBut('kraken', '15m', { adaptive, tier: 'pro' })
  const known = { nonceWindow: 600_000_000, kraken: { tier: 'pro' } } as const
  const { clock, exchange, network, way } = openScene({ config, exchange: known, tell })
  const post = krakenPoster(exchange.krakenKey('shared'), () => clock.wall())
  const outside = straight(network, exchange)
  const bot = async (): Promise<void> => {
    while (clock.now() < END_MS) await insist(clock, () => way(post('Balance'), 'inside'))
  }
  const outsider = async (): Promise<void> => {
    while (clock.now() < LEAVES_AT_MS) {
      const asked = post('Balance')
      await outside({ ...asked, headers: { ...asked.headers, 'User-Agent': 'outsider' } }, 'outside')
      await pause(clock, 1000 / (appetite * PER_SECOND))
    }
  }
  await clock.until(Promise.all([bot(), bot(), bot(), outsider()]))
  const { calls, violations } = exchange.journal
  const isOwn = ({ headers }: { readonly headers: object }) => !Object.values(headers).includes('outsider')
  const slices = Array.from({ length: END_MS / TEN_MINUTES_MS }, (_, index): Slice => {
    const isIn = ({ timeMs }: { readonly timeMs: number }) => Math.floor(timeMs / TEN_MINUTES_MS) === index
    const served = calls.filter((call) => isOwn(call) && isIn(call) && call.verdict === 'served').length
    return {
      violations: violations.filter((one) => isOwn(one.call) && isIn(one)).length,
      served: served / (PER_SECOND * (TEN_MINUTES_MS / 1000)),
    }
  })
  const words = slices.map((slice) => `${slice.violations} (${(100 * slice.served).toFixed(0)} %)`).join(', ')
  const name = `${100 * appetite} % outside, ${adaptive ? 'adaptive' : 'not adaptive'}`
  process.stdout.write(`${name}: refused (served) per ten minutes: ${words}; least share ${Math.min(...shares)}\n`)
  return { with: slices.slice(0, 6), after: slices.slice(6), leastShare: Math.min(...shares) }
}

const sum = (slices: readonly Slice[], what: keyof Slice): number =>
  slices.reduce((total, slice) => total + slice[what], 0)

describe('a bot outside weir on the same key', { timeout: 60_000 }, () => {
  for (const appetite of [0.2, 0.4, 0.7]) {
    it(`that asks for ${appetite * 100} % of it makes few calls fail, and leaves weir the rest`, async () => {
      const { with: slices, after, leastShare } = await run(appetite, true)
      const [first, ...later] = slices
      // They are the most at first, and from then on no more than one or two a minute, when weir tries for more.
      expect(first?.violations).toBeGreaterThan(0)
      expect(sum(later, 'violations') / later.length).toBeLessThan(first?.violations ?? 0)
      for (const { violations } of later) expect(violations).toBeLessThanOrEqual(15)
      for (const { served } of later) expect(served).toBeGreaterThanOrEqual(0.95 * (1 - appetite))
      expect(leastShare).toBeGreaterThan(0.3)
      // Of three slices after it left, the first goes for regaining trust, a tenth of the rate each minute.
      expect(after.map(({ violations }) => violations)).toEqual([0, 0, 0])
      for (const { served } of after.slice(1)) expect(served).toBeGreaterThanOrEqual(0.99)
    })
  }

  it('that asks for nearly all of it never brings weir below 30 %, and weir recovers', async () => {
    const { after, leastShare } = await run(0.95, true)
    expect(leastShare).toBeGreaterThanOrEqual(0.3)
    expect(leastShare).toBeLessThan(0.4)
    expect(after.map(({ violations }) => violations)).toEqual([0, 0, 0])
    for (const { served } of after.slice(1)) expect(served).toBeGreaterThanOrEqual(0.99)
  })

  it('makes twice as many fail, and serves less, where weir does not adapt', async () => {
    const [adapting, stubborn] = [await run(0.4, true), await run(0.4, false)]
    expect(stubborn.leastShare).toBe(1)
    expect(sum(adapting.with, 'violations')).toBeLessThanOrEqual(sum(stubborn.with, 'violations') / 2)
    expect(sum(adapting.with, 'served')).toBeGreaterThan(sum(stubborn.with, 'served'))
  })
})
