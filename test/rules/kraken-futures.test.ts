// Every endpoint of Kraken Futures: which class it is in, what kind it is, and what it costs. Written down from
// docs.kraken.com/exchange/guides/futures/ratelimits, not from limits.yaml.

import { describe, expect, it } from 'vitest'
import { classOf, priceOf, shippedRules } from './shipped.ts'

const host = 'futures.kraken.com'
const DERIVATIVES = '/derivatives/api/v3'
const price = (call: string, body?: string): string => priceOf({ host, call, ...(body !== undefined && { body }) })

/** Method, kind, price, and the endpoints under /derivatives/api/v3 that have them. */
const TRADING: readonly (readonly [method: string, kind: string, price: number, endpoints: string])[] = [
  ['POST', 'order', 10, 'sendorder editorder'],
  ['POST', 'cancel', 10, 'cancelorder'],
  ['POST', 'cancel', 25, 'cancelallorders cancelallordersafter'],
  ['GET', 'read', 2, 'accounts openpositions openorders leveragepreferences pnlpreferences self-trade-strategy'],
  ['GET', 'read', 2, 'subaccount/3f0a/trading-enabled'],
  ['PUT', 'write', 2, 'subaccount/3f0a/trading-enabled self-trade-strategy'],
  ['PUT', 'write', 10, 'leveragepreferences pnlpreferences'],
  ['POST', 'read', 1, 'orders/status'],
  ['GET', 'read', 1, 'orders/status'],
  ['GET', 'read', 200, 'unwindqueue'],
  ['POST', 'write', 10, 'transfer transfer/subaccount'],
  ['POST', 'write', 100, 'withdrawal'],
  // Published nowhere: 2 for a read and 10 for a write are assumed.
  ['GET', 'read', 2, 'trading/instruments notifications subaccounts transfers feeschedules/volumes recentorders'],
  ['GET', 'read', 2, 'assignmentprogram/current assignmentprogram/history rfq-assignment/max-leverage'],
  ['GET', 'read', 2, 'portfolio-margining/parameters rfqs/open-offers'],
  ['POST', 'write', 10, 'assignmentprogram/add assignmentprogram/delete portfolio-margining/simulate'],
  ['PUT', 'write', 10, 'rfq-assignment/max-leverage rfqs/7/replace-offer'],
  ['DELETE', 'write', 10, 'rfq-assignment/max-leverage rfqs/7/cancel-offer'],
  ['POST', 'write', 10, 'rfqs/7/place-offer'],
  ['POST', 'write', 10, 'something-new accounts'],
]

const FREE = [
  ...'instruments instruments/status instruments/PF_XBTUSD/status tickers tickers/PF_XBTUSD orderbook history'.split(
    ' ',
  ),
  ...'historical-funding-rates feeschedules rfqs rfqs/7'.split(' '),
].map((endpoint) => `${DERIVATIVES}/${endpoint}`)
const ALSO_FREE = [
  '/derivatives/api/v4/historicalfundingrates',
  ...['orders', 'executions', 'price'].map((what) => `/api/history/v3/market/PF_XBTUSD/${what}`),
  '/api/charts/v1/trade/PF_XBTUSD/1h',
  '/api/charts/v1/analytics/liquidity-pool',
]

const instructions = (count: number): string =>
  JSON.stringify({ batchOrder: Array.from({ length: count }, (_, n) => ({ order: 'cancel', order_id: `o${n}` })) })

describe('Kraken Futures', () => {
  it.each(TRADING)('charges a %s (%s) %d: %s', (method, kind, cost, endpoints) => {
    for (const endpoint of endpoints.split(' ')) {
      const path = `${DERIVATIVES}/${endpoint}`
      const found = [endpoint, classOf(host, method, path).kind, price(`${method} ${path}`)]
      expect(found).toEqual([endpoint, kind, `derivatives ${cost}`])
    }
  })

  it.each([...FREE, ...ALSO_FREE])('charges nothing for %s, which is public, but knows it for a read', (path) => {
    expect(price(`GET ${path}`)).toBe('')
    expect(classOf(host, 'GET', path)).toMatchObject({ kind: 'read', lane: 'fair' })
    expect(classOf(host, 'GET', path).name).not.toBe('default')
  })

  it.each([1, 2, 3, 10, 100])('charges a batch 9 and 1 for each of its %d instructions', (count) => {
    const call = `POST ${DERIVATIVES}/batchorder`
    for (const json of [instructions(count), encodeURIComponent(instructions(count))]) {
      expect(price(call, `json=${json}`)).toBe(`derivatives ${9 + count}`)
    }
    expect(price(`${call}?json=${encodeURIComponent(instructions(count))}`)).toBe(`derivatives ${9 + count}`)
  })

  it('charges fills 2, and 25 when they are asked for from a time on', () => {
    expect(price(`GET ${DERIVATIVES}/fills`)).toBe('derivatives 2')
    expect(price(`GET ${DERIVATIVES}/fills?symbol=PF_XBTUSD`)).toBe('derivatives 2')
    for (const time of ['2026-11-22T12%3A00%3A00.000Z', '1', '']) {
      expect(price(`GET ${DERIVATIVES}/fills?lastFillTime=${time}`)).toBe('derivatives 25')
    }
  })

  it.each([
    ['1', 1],
    ['25', 1],
    ['26', 2],
    ['50', 2],
    ['51', 3],
    ['500', 3],
    ['1000', 3],
    ['1001', 6],
    ['5000', 6],
    ['5001', 10],
    ['100000', 10],
    // Whatever Kraken makes of these, it is no more than that.
    ['100001', 10],
    ['many', 10],
    ['', 10],
  ])('charges an account log of count=%s %d', (count, cost) => {
    for (const version of ['v2', 'v3']) {
      expect(price(`GET /api/history/${version}/account-log?since=1&count=${count}`)).toBe(`history ${cost}`)
    }
  })

  it('charges an account log without count for the 500 that Kraken then gives', () => {
    expect(price('GET /api/history/v2/account-log')).toBe('history 3')
  })

  it.each([
    ['orders', 1],
    ['triggers', 1],
    ['executions', 1],
    ['positions', 1],
    ['accountlogcsv', 6],
  ])('charges the history of %s %d, and takes it for a read', (endpoint, cost) => {
    const path = `/api/history/v2/${endpoint}`
    expect([price(`GET ${path}`), classOf(host, 'GET', path).kind]).toEqual([`history ${cost}`, 'read'])
  })

  it('allows 500 in any 10 seconds, and a history of 100 that fills by one in 6 seconds, each per key', () => {
    const futures = shippedRules().exchanges.find(({ name }) => name === 'kraken_futures')
    expect(futures?.buckets).toMatchObject([
      { name: 'derivatives', kind: 'window', limit: 500, everyMs: 10_000, scopes: ['key'] },
      { name: 'history', kind: 'bucket', capacity: 100, refill: 1 / 6_000, scopes: ['key'] },
    ])
  })

  it('holds cancels too, which it refuses over the limit, and lets them go first', () => {
    for (const endpoint of ['cancelorder', 'cancelallorders', 'cancelallordersafter']) {
      const { hold, priority } = classOf(host, 'POST', `${DERIVATIVES}/${endpoint}`)
      expect([endpoint, hold, priority]).toEqual([endpoint, true, 'critical'])
    }
  })

  it('answers for the demo as well', () => {
    expect(classOf('demo-futures.kraken.com', 'POST', `${DERIVATIVES}/sendorder`).id).toBe('kraken_futures.orders')
  })

  it.each([
    `${DERIVATIVES}/tickers/../unwindqueue`,
    `${DERIVATIVES}//tickers`,
    `${DERIVATIVES}/%74ickers`,
    '/api/charts/../history/v2/accountlogcsv',
  ])('does not let the spelling %s pass for a free call', (path) => {
    expect(classOf(host, 'GET', path).id).toBe('kraken_futures.default')
  })
})
