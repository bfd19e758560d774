// Prices of Kraken's engine as its documents state them (docs.kraken.com/exchange/guides/general/ratelimits), by the rules
// that ship and the orders that weir has seen.

import { beforeEach, describe, expect, it } from 'vitest'
import { readFacts } from '../../src/classify/facts.ts'
import type { ClassifiedCall } from '../../src/core/call.ts'
import { isGate } from '../../src/core/rules.ts'
import { Pricer } from '../../src/limit/price.ts'
import { Orders } from '../../src/orders/ages.ts'
import { shippedRules } from '../rules/shipped.ts'
import { aCall, type CallChange } from '../support/build.ts'
import { FakeClock } from '../support/fake-clock.ts'

const { hosts } = shippedRules()
let clock: FakeClock
let orders: Orders
let pricer: Pricer

beforeEach(() => {
  clock = new FakeClock()
  orders = new Orders(clock, () => 300_000)
  pricer = new Pricer(orders)
})

const classified = (change: CallChange, account?: string): ClassifiedCall => {
  const call = aCall(change)
  const rule = hosts.get(call.request.host)?.classify(call.request.method, call.request.path)
  if (rule === undefined) throw new Error('no such host')
  const identity = account === undefined ? call.identity : { ...call.identity, account }
  return { ...call, identity, rule, facts: readFacts(call.request, rule) }
}
const kraken = (endpoint: string, body: unknown, credential = 'cred', account?: string): ClassifiedCall => {
  const text = typeof body === 'string' ? body : JSON.stringify(body)
  return classified({ method: 'POST', path: `/0/private/${endpoint}`, body: text, credential }, account)
}
/** `{ '{kraken}engine:cred:XBT/USD': 8 }` */
const priced = (call: ClassifiedCall): Record<string, number> =>
  Object.fromEntries(
    pricer
      .price(call)
      .filter(({ rule }) => !isGate(rule))
      .map(({ key, cost }) => [key, cost]),
  )
const engine = (...sums: [pair: string, cost: number][]): Record<string, number> =>
  Object.fromEntries(sums.map(([pair, cost]) => [`{kraken}engine:cred:${pair}`, cost]))

describe("the engine's table", () => {
  const TABLE = [
    { ageMs: 0, amend: 4, edit: 7, cancel: 8 },
    { ageMs: 4_999, amend: 4, edit: 7, cancel: 8 },
    { ageMs: 5_000, amend: 3, edit: 6, cancel: 6 },
    { ageMs: 9_999, amend: 3, edit: 6, cancel: 6 },
    { ageMs: 10_000, amend: 2, edit: 5, cancel: 5 },
    { ageMs: 14_999, amend: 2, edit: 5, cancel: 5 },
    { ageMs: 15_000, amend: 1, edit: 3, cancel: 4 },
    { ageMs: 44_999, amend: 1, edit: 3, cancel: 4 },
    { ageMs: 45_000, amend: 1, edit: 2, cancel: 2 },
    { ageMs: 89_999, amend: 1, edit: 2, cancel: 2 },
    { ageMs: 90_000, amend: 1, edit: 1, cancel: 1 },
    { ageMs: 299_999, amend: 1, edit: 1, cancel: 1 },
    { ageMs: 300_000, amend: 1, edit: 1, cancel: 0 },
    { ageMs: 86_400_000, amend: 1, edit: 1, cancel: 0 },
  ]

  it.each(TABLE)('holds at an age of $ageMs ms', ({ ageMs, amend, edit, cancel }) => {
    orders.placed('cred', 'XBT/USD', ['TX'])
    clock.advance(ageMs)
    // Another order in between must not make the first one look unknown.
    orders.placed('cred', 'ETH/USD', ['OTHER'])
    expect(priced(kraken('AmendOrder', { txid: 'TX' }))).toEqual(engine(['XBT/USD', amend]))
    expect(priced(kraken('EditOrder', { txid: 'TX', pair: 'XBTUSD' }))).toEqual(engine(['XBT/USD', edit]))
    const expected = cancel === 0 ? {} : engine(['XBT/USD', cancel])
    expect(priced(kraken('CancelOrder', { txid: 'TX' }))).toEqual(expected)
    expect(priced(kraken('CancelOrderBatch', { orders: ['TX'] }))).toEqual(expected)
  })

  it("gives 8 in Kraken's own example: add, amend after 7 s, cancel 36 s later", () => {
    let sum = 0
    const pay = (call: ClassifiedCall) => {
      for (const { cost } of pricer.price(call)) sum += cost
    }
    pay(kraken('AddOrder', 'pair=XBTUSD'))
    orders.placed('cred', 'XBT/USD', ['TX'])
    clock.advance(7_000)
    pay(kraken('AmendOrder', { txid: 'TX' }))
    orders.amended('cred', 'TX')
    clock.advance(36_000)
    pay(kraken('CancelOrder', { txid: 'TX' }))
    expect(sum).toBe(1 + 1 + 2 + 4)
  })

  it('charges half an order for each in a batch', () => {
    const batch = (count: number) =>
      kraken('AddOrderBatch', { pair: 'XBTUSD', orders: Array(count).fill({ type: 'buy' }) })
    expect(priced(batch(2))).toEqual(engine(['XBT/USD', 1]))
    expect(priced(batch(15))).toEqual(engine(['XBT/USD', 7.5]))
  })
})

describe('an order that nobody knows', () => {
  it('costs as the youngest of the pair that the call names', () => {
    expect(priced(kraken('EditOrder', { txid: 'TX', pair: 'XBTUSD' }))).toEqual(engine(['XBT/USD', 7]))
  })

  it('costs as the youngest on every pair that the account has traded, as it may be of any', () => {
    orders.placed('cred', 'XBT/USD', ['A'])
    orders.placed('cred', 'ETH/USD', ['B'])
    expect(priced(kraken('CancelOrder', { txid: 'TX' }))).toEqual(engine(['XBT/USD', 8], ['ETH/USD', 8]))
  })

  it('costs as the youngest somewhere, when the account has traded nothing', () => {
    expect(priced(kraken('CancelOrder', { txid: 'TX' }))).toEqual(engine(['?', 8]))
    expect(priced(kraken('AmendOrder', { txid: 'TX' }))).toEqual(engine(['?', 4]))
  })

  // An amend whose order could not be read was charged its fixed part alone.
  it('costs as the youngest, too, when its name can not be read', () => {
    expect(priced(kraken('AmendOrder', 'nonce=1'))).toEqual(engine(['?', 4]))
    expect(priced(kraken('EditOrder', '{"pair":"XBTUSD"'))).toEqual(engine(['?', 7]))
  })

  it('is not known by what another account placed', () => {
    orders.placed('other', 'XBT/USD', ['TX'])
    clock.advance(400_000)
    expect(priced(kraken('CancelOrder', { txid: 'TX' }))).toEqual(engine(['?', 8]))
  })
})

describe('a cancel', () => {
  beforeEach(() => {
    orders.placed('cred', 'XBT/USD', ['A', '7'])
    clock.advance(40_000)
    orders.placed('cred', 'ETH/USD', ['B', '7'])
    clock.advance(6_000)
    orders.placed('cred', 'XBT/USD', ['C', 'mine'])
    // A is 46 s old (2), B 6 s (6), C is new (8).
  })

  it('by userref pays for every order under it', () => {
    expect(priced(kraken('CancelOrder', { txid: 7 }))).toEqual(engine(['XBT/USD', 2], ['ETH/USD', 6]))
    expect(priced(kraken('CancelOrder', 'txid=7'))).toEqual(engine(['XBT/USD', 2], ['ETH/USD', 6]))
  })

  it('by own id is a cancel like any other', () => {
    expect(priced(kraken('CancelOrder', { cl_ord_id: 'mine' }))).toEqual(engine(['XBT/USD', 8]))
  })

  it('of a batch pays for each by its age and pair', () => {
    const batch = kraken('CancelOrderBatch', { orders: ['A', 'B'], cl_ord_ids: ['mine'] })
    expect(priced(batch)).toEqual(engine(['XBT/USD', 10], ['ETH/USD', 6]))
  })

  it('of a batch with a stranger in it pays for the stranger everywhere', () => {
    const batch = kraken('CancelOrderBatch', { orders: ['A', 'X'] })
    expect(priced(batch)).toEqual(engine(['XBT/USD', 2 + 8], ['ETH/USD', 8]))
  })

  it('of an order that ended pays nothing, alone or among others', () => {
    const ended = 'OQCLML-BW3P3-BUCMWZ'
    orders.gone('cred', ended)
    expect(priced(kraken('CancelOrder', { txid: ended }))).toEqual({})
    expect(priced(kraken('CancelOrderBatch', { orders: [ended, 'B', ended] }))).toEqual(engine(['ETH/USD', 6]))
    // An amend pays a fixed part all the same, on the pair of the order, whichever that was.
    expect(priced(kraken('AmendOrder', { txid: ended }))).toEqual(engine(['XBT/USD', 4], ['ETH/USD', 3]))
  })

  it('of all pays for all, and 1 on the private counter', () => {
    expect(priced(kraken('CancelAll', 'nonce=1'))).toEqual({
      '{kraken}private:cred': 1,
      ...engine(['XBT/USD', 10], ['ETH/USD', 6]),
    })
  })

  it('of all pays nothing to the engine when nothing is open', () => {
    orders.allGone('cred')
    expect(priced(kraken('CancelAll', 'nonce=1'))).toEqual({ '{kraken}private:cred': 1 })
  })

  it("of nothing but old orders takes nothing, and so can not be held by another's debt", () => {
    clock.advance(300_000)
    expect(pricer.price(kraken('CancelOrderBatch', { orders: ['A', 'B', 'C'] }))).toEqual([])
  })

  it('is the same for every key of the account', () => {
    const first = kraken('CancelOrder', { txid: 'C' }, 'key1', 'cred')
    const second = kraken('CancelOrder', { txid: 'C' }, 'key2', 'cred')
    expect(priced(first)).toEqual(engine(['XBT/USD', 8]))
    expect(priced(second)).toEqual(engine(['XBT/USD', 8]))
  })
})

describe('the gate of the account', () => {
  const gates = (endpoint: string, body: unknown) =>
    pricer
      .price(kraken(endpoint, body))
      .filter(({ rule }) => isGate(rule))
      .map(({ key, cost }) => [key, cost])

  it.each([
    ['AddOrder', 'pair=XBTUSD'],
    ['AddOrderBatch', { pair: 'ETHUSD', orders: [{}, {}] }],
    ['AmendOrder', { txid: 'TX' }],
    ['EditOrder', { txid: 'TX', pair: 'XBTUSD' }],
  ])('stands before %s of every pair, at no price', (endpoint, body) => {
    expect(gates(endpoint, body)).toEqual([['{kraken}domain:cred', 0]])
  })

  it.each([
    ['CancelOrder', { txid: 'TX' }],
    ['CancelAll', 'nonce=1'],
    ['Balance', 'nonce=1'],
  ])('does not stand before %s', (endpoint, body) => {
    expect(gates(endpoint, body)).toEqual([])
  })
})

describe('a plan that is remembered', () => {
  it('never mixes keys', () => {
    const keys = ['k1', 'k2', 'k1'].map((key) => Object.keys(priced(kraken('Balance', 'nonce=1', key))))
    expect(keys).toEqual([['{kraken}private:k1'], ['{kraken}private:k2'], ['{kraken}private:k1']])
  })

  it('never mixes pairs', () => {
    const trades = (pair: string) => classified({ path: '/0/public/Trades', query: `pair=${pair}` })
    const keys = ['XBTUSD', 'ETHUSD', 'BTC/USD'].map((pair) => Object.keys(priced(trades(pair)))[0])
    expect(keys).toEqual(['{kraken}trades:XBT/USD', '{kraken}trades:ETH/USD', '{kraken}trades:XBT/USD'])
  })

  it('never mixes classes: what OHLC takes is not taken from Trades', () => {
    const keys = ['OHLC', 'Trades', 'Ticker'].map(
      (name) => Object.keys(priced(classified({ path: `/0/public/${name}`, query: 'pair=XBTUSD' })))[0],
    )
    expect(keys).toEqual(['{kraken}ohlc:XBT/USD', '{kraken}trades:XBT/USD', '{kraken}public'])
  })

  it('never mixes a call with a key and one without', () => {
    const host = 'api.exchange.coinbase.com'
    const path = '/accounts'
    const keys = ['k1', undefined].map((credential) => {
      const change = credential === undefined ? { host, path } : { host, path, credential }
      return Object.keys(priced(classified(change)))[0]
    })
    expect(keys).toEqual(['{coinbase_exchange}private:k1', '{coinbase_exchange}private:anonymous'])
  })

  it('is made once per key', () => {
    const [first, second] = [1, 2].map(() => pricer.price(kraken('Balance', 'nonce=1')))
    expect(first).toBe(second)
  })

  it('is right also after more keys than are remembered', () => {
    for (let index = 0; index < 5_000; index += 1) pricer.price(kraken('Balance', 'nonce=1', `k${index}`))
    expect(priced(kraken('Balance', 'nonce=1', 'k0'))).toEqual({ '{kraken}private:k0': 1 })
  })
})

describe('whom a refusal speaks for', () => {
  const meant = (call: ClassifiedCall, name: string | undefined) =>
    pricer.meant(call, pricer.price(call), name).map(({ key }) => key)

  it('is what the call took from, when it names no bucket', () => {
    expect(meant(classified({ path: '/0/public/Ticker' }), undefined)).toEqual(['{kraken}public'])
  })

  it('is the named one alone, when the call took from several', () => {
    orders.placed('cred', 'XBT/USD', ['A'])
    const call = kraken('CancelAll', 'nonce=1')
    expect(meant(call, 'private')).toEqual(['{kraken}private:cred'])
    expect(meant(call, 'engine')).toEqual(['{kraken}engine:cred:XBT/USD'])
  })

  it('is the counter of the key, when Kraken tells of it on an order', () => {
    expect(meant(kraken('AddOrder', 'pair=XBTUSD'), 'private')).toEqual(['{kraken}private:cred'])
  })

  it('is that pair alone, when Kraken tells of a rate of orders', () => {
    expect(meant(kraken('AddOrder', 'pair=XBTUSD'), 'engine')).toEqual(['{kraken}engine:cred:XBT/USD'])
  })

  it('is the account with all its pairs, when Kraken tells of the domain', () => {
    for (const call of [kraken('AddOrder', 'pair=XBTUSD'), kraken('CancelAll', 'nonce=1')]) {
      expect(meant(call, 'domain')).toEqual(['{kraken}domain:cred'])
    }
  })

  it('is what the call took from, when it has no key to speak of', () => {
    expect(meant(classified({ path: '/0/public/Ticker' }), 'private')).toEqual(['{kraken}public'])
  })
})
