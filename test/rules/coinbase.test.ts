// Every endpoint of Coinbase Advanced Trade: which class it is in, what kind it is, and what it costs at Coinbase.

import { describe, expect, it } from 'vitest'
import { classOf, costsOf, shippedRules } from './shipped.ts'

const BASE = '/api/v3/brokerage'
const ID = 'b7a1e2c4-0d1f-4a8e-9a55-3f2f1c7d9e10'
const coinbase = (method: string, path: string) => classOf('api.coinbase.com', method, path)

const ENDPOINTS: readonly (readonly [string, string, string, string, string])[] = [
  ['GET', 'time', 'time', 'read', 'public 1'],
  ['GET', 'market/products', 'products', 'read', 'public 1'],
  ['GET', 'market/products/BTC-USD', 'products', 'read', 'public 1'],
  ['GET', 'market/products/BTC-USD/candles', 'candles', 'read', 'public 1'],
  ['GET', 'market/products/BTC-USD/ticker', 'book', 'read', 'public 1'],
  ['GET', 'market/product_book', 'book', 'read', 'public 1'],
  ['GET', 'accounts', 'private', 'read', 'private 1'],
  ['GET', `accounts/${ID}`, 'private', 'read', 'private 1'],
  ['GET', 'best_bid_ask', 'market', 'read', 'private 1'],
  ['GET', 'product_book', 'market', 'read', 'private 1'],
  ['GET', 'products', 'market', 'read', 'private 1'],
  ['GET', 'products/BTC-USD', 'market', 'read', 'private 1'],
  ['GET', 'products/BTC-USD/candles', 'market', 'read', 'private 1'],
  ['GET', 'products/BTC-USD/ticker', 'market', 'read', 'private 1'],
  ['POST', 'orders', 'orders', 'order', 'private 1'],
  ['POST', 'orders/batch_cancel', 'cancel', 'cancel', 'private 1'],
  ['POST', 'orders/edit', 'orders', 'order', 'private 1'],
  ['POST', 'orders/close_position', 'orders', 'order', 'private 1'],
  ['POST', 'orders/preview', 'preview', 'read', 'private 1'],
  ['POST', 'orders/edit_preview', 'preview', 'read', 'private 1'],
  ['GET', 'orders/historical/batch', 'private', 'read', 'private 1'],
  ['GET', 'orders/historical/fills', 'private', 'read', 'private 1'],
  ['GET', `orders/historical/${ID}`, 'private', 'read', 'private 1'],
  ['GET', 'portfolios', 'private', 'read', 'private 1'],
  ['POST', 'portfolios', 'write', 'write', 'private 1'],
  ['POST', 'portfolios/move_funds', 'write', 'write', 'private 1'],
  ['GET', `portfolios/${ID}`, 'private', 'read', 'private 1'],
  ['PUT', `portfolios/${ID}`, 'write', 'write', 'private 1'],
  ['DELETE', `portfolios/${ID}`, 'write', 'write', 'private 1'],
  ['GET', 'cfm/balance_summary', 'futures', 'read', 'private 1'],
  ['GET', 'cfm/positions', 'futures', 'read', 'private 1'],
  ['GET', 'cfm/positions/BIT-28JUL23-CDE', 'futures', 'read', 'private 1'],
  ['GET', 'cfm/sweeps', 'futures', 'read', 'private 1'],
  ['DELETE', 'cfm/sweeps', 'write', 'write', 'private 1'],
  ['POST', 'cfm/sweeps/schedule', 'write', 'write', 'private 1'],
  ['GET', 'cfm/intraday/margin_setting', 'futures', 'read', 'private 1'],
  ['POST', 'cfm/intraday/margin_setting', 'write', 'write', 'private 1'],
  ['GET', 'cfm/intraday/current_margin_window', 'futures', 'read', 'private 1'],
  ['POST', 'intx/allocate', 'write', 'write', 'private 1'],
  ['POST', 'intx/multi_asset_collateral', 'write', 'write', 'private 1'],
  ['GET', `intx/portfolio/${ID}`, 'futures', 'read', 'private 1'],
  ['GET', `intx/positions/${ID}`, 'futures', 'read', 'private 1'],
  ['GET', `intx/positions/${ID}/BTC-PERP`, 'futures', 'read', 'private 1'],
  ['GET', `intx/balances/${ID}`, 'futures', 'read', 'private 1'],
  ['POST', 'convert/quote', 'write', 'write', 'private 1'],
  ['GET', `convert/trade/${ID}`, 'private', 'read', 'private 1'],
  ['POST', `convert/trade/${ID}`, 'write', 'write', 'private 1'],
  ['GET', 'payment_methods', 'private', 'read', 'private 1'],
  ['GET', `payment_methods/${ID}`, 'private', 'read', 'private 1'],
  ['GET', 'key_permissions', 'private', 'read', 'private 1'],
  ['GET', 'transaction_summary', 'private', 'read', 'private 1'],
  ['GET', 'something_new', 'default', 'write', 'private 1'],
  ['DELETE', 'orders', 'default', 'write', 'private 1'],
]

describe('Coinbase Advanced Trade', () => {
  it.each(ENDPOINTS)('%s %s is %s: a %s that costs %s', (method, path, name, kind, cost) => {
    const found = coinbase(method, `${BASE}/${path}`)
    expect([found.id, found.kind, costsOf(found)]).toEqual([`coinbase.${name}`, kind, cost])
    expect(found.lane).toBe('fair')
  })

  it('allows 30 calls in any second per account and 10 per address', () => {
    expect(coinbase('GET', `${BASE}/accounts`).costs[0]?.bucket).toMatchObject({
      id: 'coinbase.private',
      kind: 'window',
      limit: 30,
      everyMs: 1000,
      scopes: ['account'],
    })
    expect(coinbase('GET', `${BASE}/time`).costs[0]?.bucket).toMatchObject({ limit: 10, everyMs: 1000, scopes: ['ip'] })
  })

  it('holds cancels, which Coinbase would refuse over the limit, and lets them go first', () => {
    const cancel = coinbase('POST', `${BASE}/orders/batch_cancel`)
    expect([cancel.hold, cancel.priority]).toEqual([true, 'critical'])
  })

  it('looks at when a signature expires wherever there is one', () => {
    for (const found of shippedRules().exchanges.find(({ name }) => name === 'coinbase')?.classes ?? []) {
      const isPublic = found.costs.every(({ bucket }) => bucket.name === 'public')
      expect([found.name, found.needs.expiry]).toEqual([found.name, !isPublic])
    }
  })

  it.each(['/', '/oauth/token', '/v3/x', '/v20/time', '/api/v2/time'])('answers for %s, which is nobody’s', (path) => {
    expect(coinbase('GET', path).id).toBe('coinbase.default')
  })

  it.each([
    '/v2/../api/v3/brokerage/accounts',
    '/api/v3/brokerage/market/../accounts',
    '/api/v3/brokerage//time',
    '/api/v3/brokerage/market/products/%2e%2e/%2e%2e/accounts',
    '/api/v3/brokerage/market/products/x%2f..%2f..%2faccounts',
  ])('does not let the spelling %s pass for a cheap call', (path) => {
    expect(coinbase('GET', path).id).toBe('coinbase.default')
  })
})
