// Every endpoint of Coinbase International: which class it is in, what kind it is, and what it costs. Its signatures live for
// five seconds only (docs.cdp.coinbase.com, International Exchange, authentication).

import { describe, expect, it } from 'vitest'
import { classOf, type EndpointRow, expectRow, shippedRules } from './shipped.ts'

const host = 'api.international.coinbase.com'
const at = (method: string, path: string) => classOf(host, method, `/api/v1/${path}`)

const ENDPOINTS: readonly EndpointRow[] = [
  ['GET', 'markets', 'read', 'public 1', 'assets assets/BTC assets/BTC/networks fee-rate-tiers position-offsets'],
  ['GET', 'markets', 'read', 'public 1', 'instruments instruments/BTC-PERP instruments/BTC-PERP/funding'],
  ['GET', 'markets', 'read', 'public 1', 'instruments/BTC-PERP/candles instruments/volumes/daily rankings/statistics'],
  ['GET', 'markets', 'read', 'public 1', 'index/X/composition index/X/composition-history index/X/candles'],
  ['GET', 'quotes', 'read', 'public 1', 'instruments/BTC-PERP/quote index/X/price'],
  ['GET', 'private', 'read', 'private 1', 'orders orders/7 portfolios portfolios/p transfers transfers/7 address-book'],
  ['GET', 'private', 'read', 'private 1', 'portfolios/p/detail portfolios/p/summary portfolios/p/balances'],
  ['GET', 'private', 'read', 'private 1', 'portfolios/p/balances/BTC portfolios/p/positions portfolios/p/positions/x'],
  [
    'GET',
    'private',
    'read',
    'private 1',
    'portfolios/p/fills portfolios/fills portfolios/fee-rates portfolios/p/loans',
  ],
  ['GET', 'private', 'read', 'private 1', 'portfolios/p/loans/BTC portfolios/p/loans/BTC/availability'],
  ['GET', 'private', 'read', 'private 1', 'portfolios/p/position-limits portfolios/p/margin-call-status'],
  ['GET', 'private', 'read', 'private 1', 'portfolios/p/position-limits/positions'],
  ['GET', 'private', 'read', 'private 1', 'transfers/withdraw/p/BTC/counterparty-withdrawal-limit'],
  [
    'POST',
    'write',
    'write',
    'private 1',
    'portfolios portfolios/margin portfolios/transfer portfolios/transfer-position',
  ],
  ['POST', 'write', 'write', 'private 1', 'portfolios/p/cross-collateral-enabled portfolios/p/auto-margin-enabled'],
  ['POST', 'write', 'write', 'private 1', 'portfolios/p/loans/BTC portfolios/p/loans/BTC/preview transfers/withdraw'],
  ['POST', 'write', 'write', 'private 1', 'transfers/address transfers/create-counterparty-id'],
  ['POST', 'write', 'write', 'private 1', 'transfers/validate-counterparty-id transfers/withdraw/counterparty'],
  ['PUT', 'write', 'write', 'private 1', 'portfolios/p'],
  ['PATCH', 'write', 'write', 'private 1', 'portfolios/p'],
  ['POST', 'orders', 'order', 'private 1', 'orders'],
  ['PUT', 'orders', 'order', 'private 1', 'orders/7'],
  ['DELETE', 'cancel', 'cancel', 'private 1', 'orders orders/7'],
  ['GET', 'default', 'write', 'private 1', 'something-new index/X'],
]

describe('Coinbase International', () => {
  it.each(ENDPOINTS)('%s is %s, a %s that costs “%s”: %s', (...row) => {
    expectRow({ host, exchange: 'coinbase_international', base: '/api/v1/' }, row)
  })

  it('allows 40 calls in any second per key', () => {
    const { bucket } = at('POST', 'orders').costs[0] ?? {}
    expect(bucket).toMatchObject({ kind: 'window', limit: 40, everyMs: 1_000, scopes: ['key'] })
  })

  it('knows that a signature lives 5 seconds, and waits less wherever there is one', () => {
    const exchange = shippedRules().exchanges.find(({ name }) => name === 'coinbase_international')
    const signed = exchange?.classes.filter(({ costs }) => costs.some(({ bucket }) => bucket.name === 'private')) ?? []
    expect(signed.length).toBeGreaterThan(4)
    for (const { name, signatureLifeMs, needs, maxWaitMs } of signed) {
      expect([name, signatureLifeMs, needs.expiry]).toEqual([name, 5_000, true])
      expect(maxWaitMs).toBeLessThan(5_000)
    }
  })
})
