import fc from 'fast-check'
import { beforeEach, describe, expect, it } from 'vitest'
import { readFacts } from '../../src/classify/facts.ts'
import { givenNames } from '../../src/classify/given-names.ts'
import { unlistedPairs } from '../../src/classify/pair.ts'
import type { Cancelled, ClassifiedCall, Verdict } from '../../src/core/call.ts'
import { Orders } from '../../src/orders/ages.ts'
import { learnFrom, suppose } from '../../src/orders/learn.ts'
import { classOf } from '../rules/shipped.ts'
import { aCall, aVerdict } from '../support/build.ts'
import { FakeClock } from '../support/fake-clock.ts'

const reader = { normalPair: (name: string | undefined) => unlistedPairs('kraken').normal(name), givenNames }
let clock: FakeClock
let orders: Orders

beforeEach(() => {
  clock = new FakeClock()
  orders = new Orders(clock, () => 300_000)
})

/** Kraken answered `result` to a call that said `body`. */
const answered = (endpoint: string, body: unknown, result: unknown): Cancelled | undefined =>
  heard(endpoint, body, { error: [], result })
const heard = (endpoint: string, body: unknown, json: unknown, verdict?: Verdict): Cancelled | undefined => {
  const call = sent(endpoint, body)
  call.record.verdict = verdict
  return learnFrom(orders, call, json, clock.wall(), reader)
}
const sent = (endpoint: string, body: unknown): ClassifiedCall => {
  const path = `/0/private/${endpoint}`
  const text = typeof body === 'string' ? body : JSON.stringify(body)
  const call = aCall({ method: 'POST', path, body: text, credential: 'main' })
  const rule = classOf('api.kraken.com', 'POST', path)
  return { ...call, rule, facts: readFacts(call.request, rule) }
}
/** Which of these names lead to an order. */
const known = (...names: string[]) => names.filter((name) => orders.find('main', name).length > 0)
const young = (pair = 'XBT/USD') => [{ pair, ageMs: 0 }]

describe('an order that was placed', () => {
  it('is known by its txid and by the names that the bot gave it', () => {
    answered('AddOrder', 'pair=XXBTZUSD&userref=7', { descr: { order: 'buy …' }, txid: ['TX-1'] })
    answered('AddOrder', { pair: 'ETH/USD', cl_ord_id: 'mine' }, { txid: ['TX-2'] })
    for (const id of ['TX-1', '7']) expect(orders.find('main', id)).toEqual(young())
    for (const id of ['TX-2', 'mine']) expect(orders.find('main', id)).toEqual(young('ETH/USD'))
  })

  it('was not, when it was only validated', () => {
    answered('AddOrder', 'pair=XBTUSD&validate=true&userref=7', { descr: { order: 'buy …' } })
    expect(orders.open('main')).toEqual([])
  })

  it('belongs to nobody when the call carried no key', () => {
    const call = aCall({ method: 'POST', path: '/0/private/AddOrder' })
    learnFrom(orders, call, { error: [], result: { txid: ['TX-1'] } }, clock.wall(), reader)
    expect(orders.open('')).toEqual([])
  })

  it('is known of a batch where it was taken, and not where it was refused', () => {
    answered(
      'AddOrderBatch',
      { pair: 'XBTUSD', orders: [{}, {}, {}] },
      {
        orders: [
          { descr: { order: 'buy …' }, txid: 'TX-1' },
          { error: 'EOrder:Insufficient funds' },
          { txid: 'TX-3', cl_ord_id: 'mine' },
        ],
      },
    )
    expect(orders.open('main')).toHaveLength(2)
    for (const id of ['TX-1', 'TX-3', 'mine']) expect(orders.find('main', id)).toEqual(young())
  })
})

describe('orders of a batch', () => {
  const placed = (...txids: (string | undefined)[]) => ({
    orders: txids.map((txid) => (txid === undefined ? { error: 'EOrder:Insufficient funds' } : { txid })),
  })

  // The names that a bot gave to the orders of a batch were not read, so a cancel by userref was priced as one of a stranger.
  it('are known by the names that the bot gave to each', () => {
    const orders = [{ userref: 7 }, { cl_ord_id: 'mine' }, { userref: '8' }]
    answered('AddOrderBatch', { pair: 'XBTUSD', orders }, placed('TX-1', 'TX-2', 'TX-3'))
    clock.advance(1_000)
    answered('CancelOrder', { txid: 'TX-1' }, { count: 1 })
    expect(known('7', 'mine', '8')).toEqual(['mine', '8'])
  })

  it('are known by them also when the batch came as a form', () => {
    const form = 'pair=XBTUSD&orders[0][userref]=7&orders[0][type]=buy&orders[1][cl_ord_id]=mine&orders[1][type]=buy'
    answered('AddOrderBatch', form, placed('TX-1', 'TX-2'))
    expect(known('TX-1', 'TX-2', '7', 'mine')).toEqual(['TX-1', 'TX-2', '7', 'mine'])
  })

  it('leave the name of a refused one to nobody', () => {
    const orders = [{ userref: 7 }, { userref: 8 }, { userref: 9 }]
    answered('AddOrderBatch', { pair: 'XBTUSD', orders }, placed('TX-1', undefined, 'TX-3'))
    expect(known('7', '8', '9', 'TX-1', 'TX-3')).toEqual(['7', '9', 'TX-1', 'TX-3'])
  })

  it('go without names when there are not as many answers as orders', () => {
    answered('AddOrderBatch', { pair: 'XBTUSD', orders: [{ userref: 7 }, { userref: 8 }] }, placed('TX-1'))
    expect(known('TX-1', '7', '8')).toEqual(['TX-1'])
  })
})

describe('an order that was changed', () => {
  beforeEach(() => {
    answered('AddOrder', { pair: 'XBTUSD', cl_ord_id: 'mine' }, { txid: ['TX-1'] })
    clock.advance(20_000)
  })

  it('is young again after an amend, by either name', () => {
    answered('AmendOrder', { txid: 'TX-1', limit_price: '5' }, { amend_id: 'AM-1' })
    expect(orders.find('main', 'TX-1')).toEqual(young())
    clock.advance(20_000)
    answered('AmendOrder', { cl_ord_id: 'mine' }, { amend_id: 'AM-2' })
    expect(orders.find('main', 'TX-1')).toEqual(young())
  })

  it('has a new txid after an edit', () => {
    answered('EditOrder', { txid: 'TX-1', pair: 'XBTUSD' }, { status: 'ok', txid: 'TX-2', originaltxid: 'TX-1' })
    expect(orders.find('main', 'TX-1')).toEqual([])
    expect(orders.find('main', 'TX-2')).toEqual(young())
  })

  it('goes by the userref that an edit gives it, too', () => {
    answered('EditOrder', { txid: 'TX-1', pair: 'XBTUSD', userref: 9 }, { txid: 'TX-2', originaltxid: 'TX-1' })
    expect(known('TX-1', 'TX-2', '9', 'mine')).toEqual(['TX-2', '9', 'mine'])
  })

  it('is gone after a cancel', () => {
    answered('CancelOrder', { txid: 'TX-1' }, { count: 1 })
    expect(orders.find('main', 'mine')).toEqual([])
  })

  it('is gone after a batch of cancels', () => {
    answered('AddOrder', { pair: 'XBTUSD' }, { txid: ['TX-2'] })
    answered('CancelOrderBatch', { orders: ['TX-1', 'TX-2'] }, { count: 2 })
    expect(orders.open('main')).toEqual([])
  })

  // Orders stayed open in memory after CancelAll, so a bot that renews its quotes with CancelAll paid for each order again
  // with every round of the next five minutes.
  it('is gone after all are cancelled', () => {
    answered('CancelAll', 'nonce=1', { count: 1 })
    expect(orders.open('main')).toEqual([])
  })

  it('is still there after a renewed dead man’s switch, which cancels nothing by itself', () => {
    answered('CancelAllOrdersAfter', 'timeout=60', { currentTime: 'now', triggerTime: 'later' })
    expect(orders.open('main')).toHaveLength(1)
  })
})

describe('a call of which no answer tells what became of it', () => {
  const TOO_OLD = [{ pair: 'XBT/USD', ageMs: 310_000 }]
  beforeEach(() => {
    answered('AddOrder', { pair: 'XBTUSD', userref: 7 }, { txid: ['TX-1'] })
    clock.advance(310_000)
  })

  // The exchange had amended the order, the answer was lost on the way, and a cancel was priced by the age before.
  it.each([
    ['AmendOrder', { txid: 'TX-1', limit_price: '5' }],
    ['AmendOrder', { txid: '7', limit_price: '5' }],
    ['EditOrder', { txid: 'TX-1', pair: 'XBTUSD' }],
  ])('makes its order young when it was %s of %o', (endpoint, body) => {
    suppose(orders, sent(endpoint, body), givenNames)
    for (const name of ['TX-1', '7']) expect(orders.find('main', name)).toEqual(young())
  })

  it('makes it young, too, when the answer is none, or says that the exchange was unwell', () => {
    heard('AmendOrder', { txid: 'TX-1' }, undefined)
    expect(orders.find('main', 'TX-1')).toEqual(young())
    clock.advance(310_000)
    heard('AmendOrder', { txid: 'TX-1' }, { error: ['EService:Timeout'] }, aVerdict('failing'))
    expect(orders.find('main', 'TX-1')).toEqual(young())
  })

  it('leaves it as old as it is when the exchange says that it changed nothing', () => {
    heard('AmendOrder', { txid: 'TX-1' }, { error: ['EOrder:Insufficient funds'] }, aVerdict('client'))
    expect(orders.find('main', 'TX-1')).toEqual(TOO_OLD)
  })

  it('may have given an order another name', () => {
    suppose(orders, sent('EditOrder', { txid: 'TX-1', pair: 'XBTUSD', userref: 9 }), givenNames)
    expect(known('TX-1', '7', '9')).toEqual(['TX-1', '7', '9'])
  })

  // Beside an old order of the same userref it was not known: a cancel of both cost nothing here, and 8 at the exchange.
  it('may have placed an order by the names that its bot gave it', () => {
    suppose(orders, sent('AddOrder', { pair: 'ETHUSD', userref: 7 }), givenNames)
    expect(orders.find('main', '7')).toEqual(young('ETH/USD'))
    suppose(orders, sent('AddOrderBatch', { pair: 'XBTUSD', orders: [{ cl_ord_id: 'mine' }, {}] }), givenNames)
    expect(orders.find('main', 'mine')).toEqual(young())
    expect(orders.open('main')).toHaveLength(2)
  })

  // A bot asked again and again while the exchange failed: a hundred old orders were believed to be there, and the next hundred
  // that a cancel ended and nobody had seen were charged nothing.
  it('has placed one order at most, however often it was sent', () => {
    const add = sent('AddOrder', { pair: 'XBTUSD', cl_ord_id: 'mine' })
    for (let time = 0; time < 100; time += 1) suppose(orders, add, givenNames)
    expect(orders.open('main')).toHaveLength(1)
    clock.advance(200_000)
    suppose(orders, add, givenNames)
    clock.advance(200_000)
    expect(orders.find('main', 'mine')).toEqual([{ pair: 'XBT/USD', ageMs: 200_000 }])
    clock.advance(310_000)
    expect(orders.open('main')).toEqual([])
    expect(orders.old('main')).toBe(1)
    orders.gone('main', 'mine')
    expect(orders.old('main')).toBe(1)
  })

  it('makes the order young that goes by its name, for there is no other', () => {
    answered('AddOrder', { pair: 'XBTUSD', cl_ord_id: 'mine' }, { txid: ['TX-2'] })
    clock.advance(310_000)
    expect(orders.old('main')).toBe(2)
    suppose(orders, sent('AddOrder', { pair: 'XBTUSD', cl_ord_id: 'mine' }), givenNames)
    expect(orders.find('main', 'TX-2')).toEqual(young())
    expect(orders.old('main')).toBe(1)
  })

  // A userref is a strategy's, and many orders have it.
  it('has placed one for each name of its own', () => {
    for (const own of ['a', 'b', 'a']) {
      suppose(orders, sent('AddOrder', { pair: 'XBTUSD', userref: 8, cl_ord_id: own }), givenNames)
    }
    expect(orders.open('main')).toHaveLength(2)
    clock.advance(310_000)
    expect(orders.old('main')).toBe(1)
  })

  // The order was placed a second time when a list showed it: a cancel of it paid for two.
  it('has placed the order that a list shows by that name', () => {
    suppose(orders, sent('AddOrder', { pair: 'XBTUSD', cl_ord_id: 'mine' }), givenNames)
    clock.advance(20_000)
    const shown = { opentm: clock.wall() / 1000 - 20, descr: { pair: 'XBTUSD' }, cl_ord_id: 'mine' }
    answered('OpenOrders', 'nonce=1', { open: { 'TX-2': shown } })
    // A second younger than the list says, as ever.
    expect(orders.open('main')).toEqual([{ pair: 'XBT/USD', ageMs: 19_000 }])
    expect(known('TX-2', 'mine')).toEqual(['TX-2', 'mine'])
    clock.advance(310_000)
    expect(orders.old('main')).toBe(2)
  })

  it('leaves what it was to cancel as it is', () => {
    suppose(orders, sent('CancelOrder', { txid: 'TX-1' }), givenNames)
    expect(orders.find('main', 'TX-1')).toEqual(TOO_OLD)
  })
})

describe('a cancel of orders that are gone', () => {
  const TXID = 'OQCLML-BW3P3-BUCMWZ'
  const OTHER = 'OAAAAA-BW3P3-BUCMWZ'
  const all = (count: number) => ({ count, isAll: true })

  // Kraken answers a batch of cancels with how many orders there were; one that cancelled none was charged for each of its
  // names, on every pair of the account.
  it.each([
    ['CancelOrder', { txid: TXID }, { count: 0 }, all(0)],
    ['CancelOrder', { txid: '7' }, { count: 3, pending: false }, all(3)],
    ['CancelOrderBatch', { orders: [TXID, OTHER] }, { count: 1 }, all(1)],
    ['CancelOrderBatch', { orders: [TXID, OTHER] }, {}, undefined],
    ['CancelOrderBatch', { orders: [TXID, OTHER] }, { count: '0' }, undefined],
    ['CancelAll', 'nonce=1', { count: 0 }, all(0)],
    ['CancelAllOrdersAfter', 'timeout=60', { count: 0 }, undefined],
    ['AddOrder', 'pair=XBTUSD', { count: 0 }, undefined],
  ])('%s of %o, answered %o, has cancelled %o', (endpoint, body, result, cancelled) => {
    expect(answered(endpoint, body, result)).toEqual(cancelled)
  })

  // An order whose cancel is still under way was taken for one that was not there, and its penalty was given back.
  it.each([true, [7], 'yes'])('says how many at least while some are pending: %o', (pending) => {
    expect(answered('CancelOrder', { txid: TXID }, { count: 0, pending })).toEqual({ count: 0, isAll: false })
  })

  it('leaves them known to be gone', () => {
    answered('CancelOrderBatch', { orders: [TXID, OTHER] }, { count: 1 })
    expect([TXID, OTHER].map((id) => orders.isGone('main', id))).toEqual([true, true])
  })

  it('leaves it known to be gone when the exchange does not know it', () => {
    answered('AddOrder', { pair: 'XBTUSD', cl_ord_id: 'mine' }, { txid: [TXID] })
    const unknown = { error: ['EOrder:Unknown order'] }
    expect(heard('CancelOrder', { cl_ord_id: 'mine' }, unknown)).toBeUndefined()
    expect(orders.isGone('main', TXID)).toBe(false)
    heard('CancelOrder', { txid: TXID }, { error: ['EOrder:Rate limit exceeded'] })
    expect(orders.isGone('main', TXID)).toBe(false)
    heard('CancelOrder', { txid: TXID }, unknown)
    expect(orders.isGone('main', TXID)).toBe(true)
  })

  it('has no order left that a list shows as closed', () => {
    answered('QueryOrders', 'nonce=1', { [TXID]: { status: 'closed' }, [OTHER]: { status: 'open' } })
    expect([TXID, OTHER].map((id) => orders.isGone('main', id))).toEqual([true, false])
  })

  it('is not undone by a list that was asked for before it', () => {
    answered('CancelOrder', { txid: TXID }, { count: 1 })
    const open = { [TXID]: { opentm: clock.wall() / 1000 - 60, descr: { pair: 'XBTUSD' } } }
    answered('OpenOrders', 'nonce=1', { open })
    expect(orders.open('main')).toEqual([])
  })
})

describe('a list of open orders', () => {
  const listed = (opened: number, more: object = {}) => ({ opentm: opened, descr: { pair: 'XBTUSD' }, ...more })
  const wallSeconds = () => clock.wall() / 1000

  it('tells pairs, ages and names of orders that weir has not seen', () => {
    const open = {
      'TX-1': listed(wallSeconds() - 42.5, { userref: 7 }),
      'TX-2': listed(wallSeconds(), { cl_ord_id: 'mine' }),
    }
    answered('OpenOrders', 'nonce=1', { open })
    // A second younger than the list says: the exchange's clock may be behind ours.
    expect(orders.find('main', '7')[0]?.ageMs).toBeCloseTo(41_500)
    expect(orders.find('main', 'mine')).toEqual(young())
  })

  it('takes a userref of 0 for none', () => {
    answered('OpenOrders', 'nonce=1', { open: { 'TX-1': listed(wallSeconds(), { userref: 0, cl_ord_id: null }) } })
    expect(known('TX-1', '0')).toEqual(['TX-1'])
  })

  it('passes over orders that are no longer open', () => {
    answered('QueryOrders', 'nonce=1', { 'TX-1': { ...listed(wallSeconds()), status: 'closed' } })
    expect(orders.find('main', 'TX-1')).toEqual([])
  })

  it('never makes an order older than weir itself has seen: a list says nothing of amendments', () => {
    answered('AddOrder', 'pair=XBTUSD', { txid: ['TX-1'] })
    answered('OpenOrders', 'nonce=1', { open: { 'TX-1': listed(wallSeconds() - 600) } })
    expect(orders.find('main', 'TX-1')).toEqual(young())
  })

  it('never makes an order younger than nothing, when clocks differ', () => {
    answered('OpenOrders', 'nonce=1', { open: { 'TX-1': listed(wallSeconds() + 60) } })
    expect(orders.find('main', 'TX-1')).toEqual(young())
  })

  it('passes over what it can not read', () => {
    const open = { a: null, b: {}, c: { opentm: 'then', descr: { pair: 'XBTUSD' } }, d: { opentm: 5, descr: {} } }
    answered('OpenOrders', 'nonce=1', { open })
    expect(orders.open('main')).toEqual([])
  })
})

it('never throws, whatever an answer holds', () => {
  const endpoint = fc.constantFrom(
    'AddOrder',
    'AddOrderBatch',
    'EditOrder',
    'CancelOrderBatch',
    'OpenOrders',
    'Balance',
  )
  fc.assert(fc.property(endpoint, fc.jsonValue(), (name, result) => void answered(name, 'pair=XBTUSD&txid=A', result)))
})
