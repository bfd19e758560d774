import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { readFacts } from '../../src/classify/facts.ts'
import type { Facts } from '../../src/core/call.ts'
import { classOf } from '../rules/shipped.ts'
import { aCall } from '../support/build.ts'

const krakenFacts = (endpoint: string, body: string, headers: readonly string[] = []): Facts => {
  const path = `/0/private/${endpoint}`
  const { request } = aCall({ method: 'POST', path, body, headers: ['Host', 'api.kraken.com', ...headers] })
  return readFacts(request, classOf('api.kraken.com', 'POST', path))
}
const json = (value: unknown): string => JSON.stringify(value)

describe("Kraken's nonce", () => {
  it.each([
    ['a form', 'nonce=1700000000000&asset=ZUSD', 1700000000000n],
    ['a form, anywhere in it', 'asset=ZUSD&nonce=5', 5n],
    ['JSON, as text', '{"nonce":"1700000000000"}', 1700000000000n],
    ['JSON, as a number', '{"nonce":1700000000000}', 1700000000000n],
    ['JSON with blanks', '{ "asset" : "ZUSD",\n "nonce" : 12 }', 12n],
    ['JSON, 19 digits, which no double can hold', '{"nonce":1700000000123456789}', 1700000000123456789n],
    ['JSON as text, 19 digits', '{"nonce":"1700000000123456789"}', 1700000000123456789n],
    ['the largest there is', 'nonce=18446744073709551615', 18446744073709551615n],
  ])('is read from %s', (_, body, nonce) => {
    expect(krakenFacts('Balance', body).nonce).toBe(nonce)
  })

  it('is read from the API-Nonce header, with any kind of body', () => {
    for (const body of ['', 'asset=ZUSD', '{"asset":"ZUSD"}']) {
      expect(krakenFacts('Balance', body, ['API-Nonce', '1700000000123456789']).nonce).toBe(1700000000123456789n)
    }
  })

  it('prefers the body, as that is where it is signed', () => {
    expect(krakenFacts('Balance', 'nonce=7', ['API-Nonce', '9']).nonce).toBe(7n)
  })

  it.each([
    '',
    'nonce=',
    'nonce=-5',
    'nonce=abc',
    'nonce=1.5',
    '{"nonce":null}',
    '{"nonce":{}}',
    'nonce=999999999999999999999',
  ])('is none when it can not be one: %j', (body) => {
    expect(krakenFacts('Balance', body).nonce).toBeUndefined()
  })

  it('does not matter to a class without one', () => {
    const { request } = aCall({ query: 'pair=XBTUSD&nonce=5' })
    expect(readFacts(request, classOf('api.kraken.com', 'GET', '/0/public/Ticker')).nonce).toBeUndefined()
  })
})

describe("Kraken's pair", () => {
  it.each([
    ['a form', 'nonce=1&pair=XXBTZUSD&type=buy'],
    ['an escaped form', 'nonce=1&pair=XBT%2FUSD'],
    ['JSON', json({ nonce: '1', pair: 'BTC/USD' })],
  ])('is read from %s, under one name', (_, body) => {
    expect(krakenFacts('AddOrder', body).pair).toBe('XBT/USD')
  })

  it('is read from the query of a public call, and from the form of a public POST', () => {
    const rule = classOf('api.kraken.com', 'GET', '/0/public/Trades')
    expect(readFacts(aCall({ path: '/0/public/Trades', query: 'pair=XBTUSD&since=0' }).request, rule).pair).toBe(
      'XBT/USD',
    )
    const post = aCall({ method: 'POST', path: '/0/public/Trades', body: 'pair=ETHUSD' })
    expect(readFacts(post.request, rule).pair).toBe('ETH/USD')
  })

  it('is none when it is not there', () => {
    expect(krakenFacts('AddOrder', 'nonce=1').pair).toBeUndefined()
    expect(krakenFacts('AddOrder', json({ pair: ['XBTUSD'] })).pair).toBeUndefined()
  })
})

describe('how many orders a batch holds', () => {
  const order = { ordertype: 'limit', price: '40000', type: 'buy', volume: '1' }
  const batch = (body: string): number | undefined => krakenFacts('AddOrderBatch', body).params.get('orders')?.entries

  it('is the length of the list in JSON', () => {
    expect(batch(json({ nonce: 1, pair: 'XBTUSD', orders: Array(15).fill(order) }))).toBe(15)
  })

  it('is the number of indexes in a form', () => {
    const body = [0, 1, 2].map((n) => `orders[${n}][ordertype]=limit&orders[${n}][price]=1`).join('&')
    expect(batch(`nonce=1&pair=XBTUSD&${body}`)).toBe(3)
    expect(batch(`nonce=1&${body.replaceAll('[', '%5B').replaceAll(']', '%5D')}`)).toBe(3)
  })

  it('is 1 where there is no list', () => {
    expect(batch('nonce=1&pair=XBTUSD')).toBe(1)
    expect(batch(json({ orders: [] }))).toBe(1)
    expect(batch('')).toBe(1)
  })

  it('is as many as there can be where the list can not be read', () => {
    expect(batch('{"orders":[{"type":"buy"},{"type":"buy"},{"type":"buy"}],}')).toBe(3)
    expect(batch(json({ orders: { 0: order, 1: order } }))).toBe(3)
  })

  // A list as JSON in a field of a form was counted by its braces less one, as if the form were inside a brace of its own: a
  // batch of two orders was charged as one.
  it('is as many as there are braces where no brace is around the list', () => {
    const orders = json([order, order, order])
    expect(batch(`nonce=1&pair=XBTUSD&orders=${orders}`)).toBe(3)
    expect(batch(`nonce=1&pair=XBTUSD&orders=${encodeURIComponent(orders)}`)).toBe(3)
    expect(batch(`orders=${orders}&nonce=1`)).toBe(3)
  })

  it('is not asked of any other call', () => {
    expect(krakenFacts('AddOrder', 'nonce=1&pair=XBTUSD').params.size).toBe(0)
  })
})

describe('what Kraken Futures prices by', () => {
  const futures = (method: string, path: string, query: string, body?: string): Facts => {
    const { request } = aCall({ method, host: 'futures.kraken.com', path, query, ...(body !== undefined && { body }) })
    return readFacts(request, classOf('futures.kraken.com', method, path))
  }
  const batch = (body: string, query = ''): number | undefined =>
    futures('POST', '/derivatives/api/v3/batchorder', query, body).params.get('batchOrder')?.entries
  const send = { order: 'send', orderType: 'lmt', symbol: 'PF_XBTUSD', side: 'buy', size: 1, limitPrice: 1 }
  const instructions = json({ batchOrder: [send, send, { order: 'cancel', order_id: 'e35d61dd' }] })

  it.each([
    ['JSON in a form, as ccxt sends it', `json=${instructions}`],
    ['the same, encoded', `json=${encodeURIComponent(instructions)}`],
    ['the same, with other fields', `processBefore=2026-11-22T12%3A00%3A00Z&json=${encodeURIComponent(instructions)}`],
    ['JSON alone', instructions],
  ])('is the number of instructions in a batch: %s', (_, body) => {
    expect(batch(body)).toBe(3)
  })

  it('is the same where they stand in the query', () => {
    expect(batch('', `json=${encodeURIComponent(instructions)}`)).toBe(3)
  })

  // python-kraken-sdk prints a dict where JSON is meant, and Kraken takes it: such batches must not pass for one instruction.
  it('is the number of instructions in a batch that is not quite JSON', () => {
    const quoted = "{'batchOrder': [{'order': 'send'}, {'order': 'send'}, {'order': 'cancel'}]}"
    expect(batch(`json=${quoted}`)).toBe(3)
    expect(batch(`json=${encodeURIComponent(quoted)}`)).toBe(3)
  })

  it('is lastFillTime of fills, and the count of the account log', () => {
    const fills = (query: string) =>
      futures('GET', '/derivatives/api/v3/fills', query).params.get('lastFillTime')?.value
    expect(fills('')).toBeUndefined()
    expect(fills('lastFillTime=')).toBe('')
    expect(fills('x=1&lastFillTime=2026-11-22T12%3A00%3A00.000Z')).toBe('2026-11-22T12:00:00.000Z')
    const count = futures('GET', '/api/history/v3/account-log', 'since=1&count=50').params.get('count')
    expect(count?.value).toBe('50')
  })

  // The entries of every parameter were counted, over all of the body, also of those that are priced by their value.
  it('is not counted where the value is what it costs by, nor read where the entries are', () => {
    const path = '/api/history/v3/account-log'
    expect(futures('GET', path, 'count=50').params.get('count')).toEqual({ value: '50', entries: undefined })
    const order = `json=${instructions}`
    const sent = futures('POST', '/derivatives/api/v3/batchorder', '', order).params.get('batchOrder')
    expect(sent).toEqual({ value: undefined, entries: 3 })
  })

  it('is not read where the price is one number', () => {
    expect(futures('POST', '/derivatives/api/v3/orders/status', '', 'orderIds=a&orderIds=b').params.size).toBe(0)
  })

  it('ends where processBefore says, for an order and for a cancel', () => {
    const at = Date.UTC(2026, 10, 22, 12, 0, 5)
    const before = `processBefore=${encodeURIComponent('2026-11-22T12:00:05.000Z')}`
    for (const endpoint of ['sendorder', 'editorder', 'batchorder', 'cancelorder']) {
      const path = `/derivatives/api/v3/${endpoint}`
      expect(futures('POST', path, before).expiresAtWallMs).toBe(at)
      expect(futures('POST', path, '', `${before}&x=1`).expiresAtWallMs).toBe(at)
      expect(futures('POST', path, '').expiresAtWallMs).toBeUndefined()
    }
  })
})

describe('the orders that a call names', () => {
  it.each([
    ['one txid', 'CancelOrder', 'nonce=1&txid=OAAAAA-BBBBB-CCCCCC', ['OAAAAA-BBBBB-CCCCCC']],
    ['txids in one field', 'CancelOrder', 'txid=A,B', ['A', 'B']],
    ['a userref as a number', 'CancelOrder', json({ txid: 7 }), ['7']],
    ['a userref in a form', 'AddOrder', 'pair=XBTUSD&userref=7', ['7']],
    ['an own id', 'CancelOrder', json({ cl_ord_id: 'mine' }), ['mine']],
    ['an own id in a form', 'AmendOrder', 'cl_ord_id=mine&limit_price=5', ['mine']],
    ['a list of txids', 'CancelOrderBatch', json({ orders: ['A', 'B'] }), ['A', 'B']],
    ['a list of userrefs', 'CancelOrderBatch', json({ orders: [1, 2] }), ['1', '2']],
    ['a list of objects', 'CancelOrderBatch', json({ orders: [{ txid: 'A' }, { cl_ord_id: 'b' }] }), ['A', 'b']],
    ['both lists', 'CancelOrderBatch', json({ orders: ['A'], cl_ord_ids: ['b'] }), ['A', 'b']],
    ['lists in a form', 'CancelOrderBatch', 'orders[0]=A&orders[1]=B&cl_ord_ids[0]=c', ['A', 'B', 'c']],
    ['lists of objects in a form', 'CancelOrderBatch', 'orders[0][txid]=A&orders[1][txid]=B', ['A', 'B']],
  ])('are read: %s', (_, endpoint, body, ids) => {
    expect(krakenFacts(endpoint, body).orderIds).toEqual(ids)
  })

  it('are none for a call that cancels all', () => {
    expect(krakenFacts('CancelAll', 'nonce=1').orderIds).toEqual([])
  })

  // EditOrder takes a userref for the edited order beside the txid of the old one. Both were taken for orders, so every such
  // edit was charged for two, the second as the youngest: up to 13 in place of 7.
  it('do not include the userref that an edit gives', () => {
    expect(krakenFacts('EditOrder', 'txid=OLD&userref=7&pair=XBTUSD&price=1').orderIds).toEqual(['OLD'])
    expect(krakenFacts('EditOrder', json({ txid: 'OLD', userref: 7 })).orderIds).toEqual(['OLD'])
  })
})

describe('when a signature ends', () => {
  const expiryOf = (host: string, method: string, path: string, headers: readonly string[]) =>
    readFacts(aCall({ host, method, path, headers }).request, classOf(host, method, path)).expiresAtWallMs
  const token = (payload: unknown) => `h.${Buffer.from(json(payload)).toString('base64url')}.s`
  const ACCOUNTS = ['api.coinbase.com', 'GET', '/api/v3/brokerage/accounts'] as const

  it('is what a JWT says', () => {
    expect(expiryOf(...ACCOUNTS, ['Authorization', `Bearer ${token({ sub: 'k', exp: 1_700_000_120 })}`])).toBe(
      1_700_000_120_000,
    )
    expect(expiryOf(...ACCOUNTS, ['Authorization', `Bearer ${token({ sub: 'k' })}`])).toBeUndefined()
  })

  it.each([
    ['1700000000', 1_700_000_030_000],
    ['1700000000.25', 1_700_000_030_250],
  ])('is 30 s after CB-ACCESS-TIMESTAMP %s', (stamp, end) => {
    const call = ['api.exchange.coinbase.com', 'GET', '/accounts'] as const
    expect(expiryOf(...call, ['CB-ACCESS-TIMESTAMP', stamp])).toBe(end)
    expect(expiryOf(...ACCOUNTS, ['CB-ACCESS-TIMESTAMP', stamp])).toBe(end)
  })

  it('is 5 s after it where Coinbase says 5 s', () => {
    const call = ['api.international.coinbase.com', 'POST', '/api/v1/orders'] as const
    expect(expiryOf(...call, ['CB-ACCESS-TIMESTAMP', '1700000000'])).toBe(1_700_000_005_000)
  })

  it('is unknown without a timestamp, or with one that is none', () => {
    for (const headers of [[], ['CB-ACCESS-TIMESTAMP', 'soon'], ['Authorization', 'Bearer opaque']]) {
      expect(expiryOf('api.exchange.coinbase.com', 'GET', '/accounts', headers)).toBeUndefined()
    }
  })

  it("is the deadline of a Kraken order, also to the nanosecond and in another's time zone", () => {
    const at = Date.UTC(2026, 10, 22, 12, 0, 5)
    for (const text of ['2026-11-22T12:00:05Z', '2026-11-22T12:00:05.000000000Z', '2026-11-22T13:00:05+01:00']) {
      expect(krakenFacts('AddOrder', `nonce=1&pair=XBTUSD&deadline=${encodeURIComponent(text)}`).expiresAtWallMs).toBe(
        at,
      )
      expect(krakenFacts('AddOrderBatch', json({ orders: [], deadline: text })).expiresAtWallMs).toBe(at)
    }
    expect(krakenFacts('AddOrder', 'nonce=1&pair=XBTUSD').expiresAtWallMs).toBeUndefined()
    expect(krakenFacts('AddOrder', 'nonce=1&deadline=soon').expiresAtWallMs).toBeUndefined()
  })
})

describe('a body that is not what it should be', () => {
  it('never makes the reader throw', () => {
    const endpoint = fc.constantFrom(
      'Balance',
      'AddOrder',
      'AddOrderBatch',
      'CancelOrderBatch',
      'EditOrder',
      'CancelAll',
    )
    const body = fc.oneof(fc.string(), fc.json(), fc.object().map(json), fc.webQueryParameters())
    fc.assert(
      fc.property(endpoint, body, (name, text) => {
        for (const { entries } of krakenFacts(name, text).params.values()) expect(entries).toBeGreaterThanOrEqual(1)
      }),
      { numRuns: 500 },
    )
  })

  it('is not taken for the names that every object has', () => {
    expect(krakenFacts('AddOrder', 'constructor=x&__proto__=y&pair=XBTUSD').pair).toBe('XBT/USD')
    expect(krakenFacts('CancelOrderBatch', '{"__proto__":{"orders":["A"]}}').orderIds).toEqual([])
  })

  // A nonce like 1.7e18 was quoted up to the dot, which left JSON that nothing could be read from: a batch of 15 orders was
  // charged as one.
  it.each(['1.7e18', '1e3', '17.5'])('is read in spite of the nonce %s', (nonce) => {
    const orders = Array(15).fill({ type: 'buy' })
    const facts = krakenFacts('AddOrderBatch', `{"nonce":${nonce},"pair":"XBTUSD","orders":${json(orders)}}`)
    expect([facts.pair, facts.params.get('orders')?.entries]).toEqual(['XBT/USD', 15])
  })
})
