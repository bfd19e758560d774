// Kraken counts orders per account and pair, and a pair has many names. Whatever bots call it, there is one counter; a name
// that nobody can make out is looked up in Kraken's own table, once, while the bot's order is on its way.

import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect, it } from 'vitest'
import type { LimitView } from '../../src/core/views.ts'
import type { Exchange } from '../support/exchange/exchange.ts'
import { krakenError } from '../support/exchange/faults.ts'
import { shippedLimits, type Weir } from '../support/weir.ts'
import { openScene } from './scene.ts'
import { krakenPoster } from './sign.ts'

const CAPACITY = 60

const order = (pair: string) => ({ pair, type: 'buy', ordertype: 'limit', volume: '10', price: '0.01' })

type Shown = Pick<LimitView, 'bucket' | 'scope' | 'available'> & { readonly closed_for_ms: number }

/** Levels of one bucket, as the admin port shows them. */
const levels = async ({ admin }: Weir, bucket: string): Promise<readonly Shown[]> => {
  const { limits: shown } = (await (await fetch(`${admin}/v1/limits`)).json()) as { limits: readonly Shown[] }
  return shown.filter((one) => one.bucket === bucket)
}

const pairOf = ({ scope }: Shown): string => scope.slice(scope.indexOf('/') + 1)

const asked = ({ calls }: Exchange): number => calls.filter(({ path }) => path === '/0/public/AssetPairs').length

/** Looks again and again, for ten seconds. */
const until = (seen: () => boolean | Promise<boolean>): Promise<void> =>
  expect.poll(seen, { timeout: 10_000, interval: 20 }).toBe(true)

/** Weir is told that next to nothing comes in: what was spent can be seen for as long as the test takes. */
const slow = (): Promise<string> =>
  shippedLimits({
    'refill: { starter: 1/s,': 'refill: { starter: 1/60s,',
    'public: { per: ip, capacity: 5, refill: 1/s }': 'public: { per: ip, capacity: 5, refill: 1/60s }',
  })

/** An answer to AssetPairs with a thousand pairs, each with as much beside its names as Kraken's have. */
const largeTable = (): object => {
  const names = Array.from({ length: 1_000 }, (_, index) => `C${index}USD`)
  const entry = (altname: string, wsname: string) => ({ altname, wsname, fees: Array(100).fill([0, 0.4]) })
  const others = names.map((name) => [name, entry(name, name.replace('USD', '/USD'))] as const)
  return { error: [], result: Object.fromEntries([...others, ['XRPRLUSD', entry('XRPRLUSD', 'XRP/RLUSD')]]) }
}

describe('orders of one pair', { timeout: 90_000 }, () => {
  it('share one engine counter by whatever name, and whichever key of the account places them', async () => {
    const config = await slow()
    const { exchange, weir, bot } = await openScene({ config })
    const keys = ['one', 'two'].map((name) => exchange.krakenKey(name, { account: 'main' }))
    const ids = keys.map(({ key }) => JSON.stringify(key)).join(', ')
    const none = 'accounts: {}            # { main: [KEYID, KEYID] }: keys of one account share its engine counters'
    expect(config).toContain(none)
    await weir.reload(config.replace(none, `accounts: { main: [${ids}] }`))
    const posts = keys.map((key) => krakenPoster(key))
    for (const name of ['XBTUSD', 'XXBTZUSD', 'XBT/USD', 'BTC/USD']) {
      for (const post of posts) {
        expect(await bot.send(post('AddOrder', order(name)))).toMatchObject({ decision: 'forwarded' })
      }
    }
    const engine = await levels(weir, 'kraken.engine')
    expect(engine.map(pairOf)).toEqual(['XBT/USD'])
    expect(engine[0]?.available).toBeLessThan(CAPACITY - 8 + 1)
    expect(asked(exchange)).toBe(0)
    expect(exchange.violations).toEqual([])
  })
})

describe('a name that only the table of pairs makes out', { timeout: 90_000 }, () => {
  it('has weir ask for the table once, and counts as one pair from then on', async () => {
    const { exchange, weir, bot } = await openScene({ config: await slow() })
    // As large as Kraken's own, more than a megabyte, and compressed.
    exchange.fault({
      kind: 'answer',
      status: 200,
      body: largeTable(),
      encoding: 'gzip',
      path: /AssetPairs/,
      counted: true,
    })
    const post = krakenPoster(exchange.krakenKey('odd'))
    const first = await bot.send(post('AddOrder', order('XRPRLUSD')))
    expect(first).toMatchObject({ status: 200, decision: 'forwarded' })
    expect(first.headers['x-weir-wait-ms']).toBe('0')
    // What the order had spent by the wrong name is spent by the right one.
    await until(async () =>
      (await levels(weir, 'kraken.engine')).some((one) => pairOf(one) === 'XRP/RLUSD' && one.available < CAPACITY),
    )
    for (const name of ['XRP/RLUSD', 'xrprlusd', 'XRPRLUSD']) await bot.send(post('AddOrder', order(name)))
    const engine = await levels(weir, 'kraken.engine')
    expect(engine.find((one) => pairOf(one) === 'XRP/RLUSD')?.available).toBeLessThan(CAPACITY - 4 + 1)
    await bot.send(post('AddOrder', order('NOSUCHPAIR')))
    await sleep(300)
    expect(asked(exchange)).toBe(1)
    expect((await levels(weir, 'kraken.public')).map(({ available }) => available < 5)).toEqual([true])
    expect(exchange.violations).toEqual([])
  })

  it('is learned from a table that a bot asks for, and then not asked for again', async () => {
    const { exchange, weir, bot } = await openScene({ config: await slow() })
    await bot.send({ path: '/0/public/AssetPairs' })
    await bot.send(krakenPoster(exchange.krakenKey('seen'))('AddOrder', order('XRPRLUSD')))
    await sleep(300)
    expect(asked(exchange)).toBe(1)
    expect((await levels(weir, 'kraken.engine')).map(pairOf)).toEqual(['XRP/RLUSD'])
  })

  it('does not fail the order when the table can not be had', async () => {
    const { exchange, bot } = await openScene()
    exchange.fault({ kind: 'answer', status: 500, path: /AssetPairs/, times: Number.POSITIVE_INFINITY })
    const post = krakenPoster(exchange.krakenKey('none'))
    await bot.send(post('AddOrder', order('XRPRLUSD')))
    await until(() => asked(exchange) === 1)
    expect(await bot.send(post('AddOrder', order('XRPRLUSD')))).toMatchObject({ status: 200, decision: 'forwarded' })
    expect(asked(exchange)).toBe(1)
  })
})

describe('a refusal of an order', { timeout: 90_000 }, () => {
  const AT_ONCE = { 'X-Weir-Max-Wait': '0' }

  it('for the rate of the domain closes every pair of the account, also one that was never traded; cancels pass', async () => {
    const { exchange, weir, bot } = await openScene()
    const post = krakenPoster(exchange.krakenKey('domain'))
    const others = krakenPoster(exchange.krakenKey('other'))
    const now = (method: string, params?: Readonly<Record<string, string>>, by = post) => {
      const call = by(method, params)
      return bot.send({ ...call, headers: { ...call.headers, ...AT_ONCE } })
    }
    const placed = (await now('AddOrder', order('ETHUSD'))).json as { result: { txid: string[] } }
    exchange.fault({ ...krakenError('EOrder:Domain rate limit exceeded'), path: /AddOrder/ })
    expect((await now('AddOrder', order('XBTUSD'))).json).toEqual({ error: ['EOrder:Domain rate limit exceeded'] })
    for (const pair of ['XBTUSD', 'ETHUSD', 'SOLUSD']) {
      expect(await now('AddOrder', order(pair))).toMatchObject({ decision: 'refused' })
    }
    expect(await now('CancelOrder', { txid: placed.result.txid[0] ?? '' })).toMatchObject({ decision: 'forwarded' })
    expect(await now('Balance')).toMatchObject({ decision: 'forwarded' })
    expect(await now('AddOrder', order('XBTUSD'), others)).toMatchObject({ decision: 'forwarded' })
    const [gate, ...more] = await levels(weir, 'kraken.domain')
    expect(more).toEqual([])
    expect(gate?.closed_for_ms).toBeGreaterThan(1_000)
    // The gate opens after five seconds; an order that may wait for it does.
    expect(await bot.send(post('AddOrder', order('SOLUSD')))).toMatchObject({ decision: 'forwarded' })
    expect(await levels(weir, 'kraken.domain')).toEqual([])
  })

  it('for the rate of a pair closes that pair alone, also when one order of a batch is refused so', async () => {
    const { exchange, bot } = await openScene()
    const post = krakenPoster(exchange.krakenKey('pair'))
    const error = 'EOrder:Rate limit exceeded'
    exchange.fault({ ...krakenError(error), path: /AddOrder$/ })
    await bot.send(post('AddOrder', order('XBTUSD')))
    const body = { error: [], result: { orders: [{ txid: 'TX' }, { error }] } }
    exchange.fault({ kind: 'answer', status: 200, body, path: /AddOrderBatch$/ })
    await bot.send(post('AddOrderBatch', order('ETHUSD')))
    const next = async (pair: string) => {
      const call = post('AddOrder', order(pair))
      return (await bot.send({ ...call, headers: { ...call.headers, ...AT_ONCE } })).decision
    }
    expect([await next('BTC/USD'), await next('XETHZUSD'), await next('SOLUSD')]).toEqual([
      'refused',
      'refused',
      'forwarded',
    ])
  })

  // The ceiling of open orders is a level: it does not fall with time, and waiting for it would only delay what brings it down.
  it('for a level closes nothing', async () => {
    const { exchange, weir, bot } = await openScene()
    const post = krakenPoster(exchange.krakenKey('level'))
    for (const level of ['Orders', 'Positions', 'Scheduled orders']) {
      const error = `EOrder:${level} limit exceeded`
      exchange.fault({ ...krakenError(error), path: /AddOrder/ })
      expect((await bot.send(post('AddOrder', order('XBTUSD')))).json).toEqual({ error: [error] })
    }
    const next = await bot.send(post('AddOrder', order('XBTUSD')))
    expect([next.decision, next.headers['x-weir-wait-ms']]).toEqual(['forwarded', '0'])
    const closed = (await levels(weir, 'kraken.engine')).filter((one) => one.closed_for_ms > 0)
    expect([closed, await levels(weir, 'kraken.domain')]).toEqual([[], []])
  })
})
