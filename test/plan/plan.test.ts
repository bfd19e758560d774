import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { otherTiers } from '../../src/plan/tiers.ts'
import { shippedRules } from '../rules/shipped.ts'
import { kraken, type Line, planOf, times } from './trace-of.ts'

const rules = shippedRules()
const tiers = otherTiers(readFileSync(new URL('../../limits.yaml', import.meta.url), 'utf8'), {}).filter(
  ({ exchange }) => exchange === 'kraken',
)
/** Settling a call is dated 2 ms late, once for a whole queue. */
const GRAIN_MS = 2
const ticker = (at?: number, query = 'pair=XBTUSD'): Line => ({
  url: `https://api.kraken.com/0/public/Ticker?${query}`,
  ...(at === undefined ? {} : { at }),
})

describe('a backlog', () => {
  it('takes as long as the budget that is missing at first takes to come', async () => {
    const { totalMs, exchanges } = await planOf(
      times(60, () => kraken('Balance')),
      rules,
    )
    expect(totalMs).toBeCloseTo((45 / 0.33) * 1000 + GRAIN_MS, 3)
    expect(exchanges[0]?.binds).toEqual({ bucket: 'kraken.private', scope: 'key 1' })
  })

  it('takes no time when it fits, and nothing binds', async () => {
    const { totalMs, exchanges } = await planOf(
      times(15, () => kraken('Balance')),
      rules,
    )
    expect([totalMs, exchanges[0]?.binds]).toEqual([0, undefined])
  })

  it('is as long as the longest of its keys', async () => {
    const lines = [...times(40, () => kraken('Balance', '', 'A')), ...times(20, () => kraken('Balance', '', 'B'))]
    const { totalMs, keys, buckets } = await planOf(lines, rules)
    expect(totalMs).toBeCloseTo((25 / 0.33) * 1000 + GRAIN_MS, 3)
    expect(keys).toBe(2)
    expect(buckets.map(({ scope, cost, binds }) => [scope, cost, binds])).toEqual([
      ['key 1', 40, true],
      ['key 2', 20, false],
    ])
  })

  it('takes what each other tier would make of it', async () => {
    const { exchanges } = await planOf(
      times(60, () => kraken('Balance')),
      rules,
      tiers,
    )
    const [intermediate, pro] = exchanges[0]?.tiers ?? []
    expect([intermediate?.tier, pro?.tier]).toEqual(['intermediate', 'pro'])
    expect(intermediate?.totalMs).toBeCloseTo(((60 - 20) / 0.5) * 1000 + GRAIN_MS, 3)
    expect(pro?.totalMs).toBeCloseTo((60 - 20) * 1000 + GRAIN_MS, 3)
  })

  it('goes by whole windows where a limit is one', async () => {
    const url = 'https://api.coinbase.com/api/v3/brokerage/time'
    const { totalMs } = await planOf(
      times(35, () => ({ url })),
      rules,
    )
    // 10 in any second: the last five go in the fourth.
    expect(totalMs).toBeGreaterThanOrEqual(3000)
    expect(totalMs).toBeLessThan(3030)
  })

  it('keeps to one line per key: what waits holds up what comes after it', async () => {
    const order = kraken('AddOrder', 'pair=XBTUSD')
    const { totalMs } = await planOf([...times(16, () => kraken('Balance')), order], rules)
    expect(totalMs).toBeCloseTo(1000 / 0.33 + GRAIN_MS, 3)
  })

  it('never holds a cancel, but charges it', async () => {
    const cancels = times(20, () => kraken('CancelOrder', 'txid=O1'))
    const alone = await planOf(cancels, rules)
    expect([alone.totalMs, alone.guessed]).toEqual([0, 20])
    const { totalMs } = await planOf(
      [kraken('AddOrder', 'pair=XBTUSD'), ...cancels, kraken('AddOrder', 'pair=XBTUSD')],
      rules,
    )
    // Each of unknown age costs 8 in the one pair the account trades; capacity 60, and 1 comes per second.
    expect(totalMs).toBeCloseTo((20 * 8 + 2 - 60) * 1000 + GRAIN_MS, 3)
  })
})

describe('a plan', () => {
  it('tells which class eats what share of which bucket', async () => {
    const lines = [
      ...times(6, () => kraken('Balance')),
      ...times(6, () => kraken('Ledgers')),
      kraken('AddOrder', 'pair=XBTUSD'),
    ]
    const { classes } = await planOf(lines, rules)
    expect(classes).toEqual([
      { class: 'kraken.private', calls: 6, costs: [{ bucket: 'kraken.private', cost: 6, share: 0.2 }] },
      { class: 'kraken.history', calls: 6, costs: [{ bucket: 'kraken.private', cost: 24, share: 0.8 }] },
      { class: 'kraken.orders', calls: 1, costs: [{ bucket: 'kraken.engine', cost: 1, share: 1 }] },
    ])
  })

  it('counts one pair once, however it is spelled', async () => {
    const lines = ['XBTUSD', 'XXBTZUSD', 'BTC/USD'].map((pair) => kraken('AddOrder', `pair=${pair}`))
    const { buckets } = await planOf(lines, rules)
    expect(buckets.map(({ scope, calls }) => [scope, calls])).toEqual([['key 1/XBT/USD', 3]])
  })

  it('prices a cancel by the age of an order that the bot named itself', async () => {
    const placed = kraken('AddOrder', 'pair=XBTUSD&cl_ord_id=mine', 'KEY', { at: 0 })
    const cancel = (at: number) => kraken('CancelOrder', 'cl_ord_id=mine', 'KEY', { at })
    const costAt = async (at: number) => (await planOf([placed, cancel(at)], rules)).buckets[0]?.cost
    expect(await Promise.all([4_999, 5_000, 100_000, 300_000].map(costAt))).toEqual([1 + 8, 1 + 6, 1 + 1, 1])
    expect((await planOf([placed, cancel(4_999)], rules)).guessed).toBe(0)
  })

  it('leaves out calls to hosts that weir does not know, and counts them', async () => {
    const { calls, elsewhere } = await planOf(
      [ticker(), { url: 'https://example.com/' }, { url: 'wss://ws.kraken.com' }],
      rules,
    )
    expect(calls).toBe(1)
    expect(elsewhere).toEqual([
      { host: 'example.com', calls: 1 },
      { host: 'wss://ws.kraken.com', calls: 1 },
    ])
  })

  it('says what an empty trace is', async () => {
    const { calls, totalMs, buckets, replay } = await planOf([], rules)
    expect([calls, totalMs, buckets, replay]).toEqual([0, 0, [], undefined])
  })

  it('advises another key where one class fills the counter of a key', async () => {
    const { advice } = await planOf(
      times(30, () => kraken('Ledgers')),
      rules,
    )
    expect(advice).toEqual([
      'kraken.history takes 100 % of kraken.private with 30 calls: ask less often, or with another key, which has a counter of its own',
    ])
  })

  it('names paths that no class matches', async () => {
    const { advice } = await planOf([kraken('NobodyKnows')], rules)
    expect(advice).toEqual([
      '1 call to paths that no class matches, priced as kraken.default, such as POST /0/private/NobodyKnows: see weir explain',
    ])
  })
})

describe('a trace with times', () => {
  it('goes through weir as it would: some at once, one after a wait, the rest refused at max_wait', async () => {
    const { replay } = await planOf(
      times(20, () => kraken('Balance', '', 'KEY', { at: 1_000_000 })),
      rules,
    )
    // 15 fit, the 16th waits for one token, and the 17th would wait for two: 6.06 s is more than 6.
    expect(replay).toMatchObject({ sent: 16, waited: 1, refused: 4, answered: 0, askedMs: 0 })
    expect(replay?.longestWaitMs).toBeCloseTo(1000 / 0.33 + GRAIN_MS, 1)
    expect(replay?.tookMs).toBeCloseTo(1000 / 0.33 + GRAIN_MS, 1)
    expect(replay?.meanWaitMs).toBeCloseTo((1000 / 0.33 + GRAIN_MS) / 16, 1)
    expect(replay?.refusals).toEqual([{ code: 'limit_reached', class: 'kraken.private', calls: 4 }])
  })

  it('waits for nothing when the calls are spread as the limit allows', async () => {
    const { replay } = await planOf(
      times(60, (index) => kraken('Balance', '', 'KEY', { at: index * 3100 })),
      rules,
    )
    expect(replay).toMatchObject({ sent: 60, waited: 0, refused: 0, askedMs: 59 * 3100, tookMs: 59 * 3100 })
  })

  it('is put in order of time', async () => {
    const lines = [
      kraken('Balance', '', 'KEY', { at: 50_000 }),
      ...times(15, () => kraken('Balance', '', 'KEY', { at: 0 })),
    ]
    const { replay } = await planOf(lines, rules)
    expect(replay).toMatchObject({ sent: 16, waited: 0, askedMs: 50_000 })
  })

  it('is answered from the cache where limits.yaml has one, also while the first answer is awaited', async () => {
    const { replay } = await planOf([ticker(0), ticker(0), ticker(900), ticker(1000), ticker(1100)], rules)
    expect(replay).toMatchObject({ sent: 2, answered: 3, refused: 0 })
  })

  it('tells what a cache would save: the same question again, whatever the order of its words', async () => {
    const lines = times(20, (index) => ticker(index * 500, index % 2 ? 'pair=XBTUSD&asset=x' : 'asset=x&pair=XBTUSD'))
    const { cache } = await planOf([...lines, ticker(0, 'pair=ETHUSD')], rules)
    expect([cache.asked, cache.different]).toEqual([21, 2])
    expect(cache.savings.map(({ freshMs, saved }) => [freshMs, saved])).toEqual([
      [1000, 10],
      [5000, 18],
      [60_000, 19],
      [undefined, 10],
    ])
    // Eleven more than the five that fit, one per second; with 60 s two are left.
    expect(cache.savings[0]?.totalMs).toBeCloseTo((11 - 5) * 1000 + GRAIN_MS, 3)
    expect(cache.savings[2]?.totalMs).toBe(0)
  })

  it('saves nothing of what carries a credential, or is no read', async () => {
    const private_ = { method: 'GET', url: 'https://api.exchange.coinbase.com/accounts', at: 0 }
    const signed = { ...ticker(0), key: 'KEY' }
    const { cache } = await planOf([private_, signed, signed, kraken('Balance', '', 'K', { at: 0 })], rules)
    expect(cache.asked).toBe(1)
  })

  it('is not played when one call has no time', async () => {
    const { replay, notes, cache } = await planOf([ticker(0), ticker()], rules)
    expect(replay).toBeUndefined()
    expect(cache).toEqual({ asked: 2, different: 1, savings: [] })
    expect(notes).toEqual([
      'not every call has a time, so it is not told who would wait, who would be refused and what a cache would save',
    ])
  })
})
