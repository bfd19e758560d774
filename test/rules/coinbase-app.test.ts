// Every endpoint of the Coinbase App API, which shares its host with Advanced Trade but not its limits.

import { describe, expect, it } from 'vitest'
import { classOf, costsOf } from './shipped.ts'

const ID = '2bbf394c-193b-5b2a-9155-3b4732659ede'
const app = (method: string, path: string) => classOf('api.coinbase.com', method, `/v2/${path}`)

const LISTS = ['deposits', 'withdrawals', 'buys', 'sells']

const ENDPOINTS: readonly (readonly [string, string, string, string, string])[] = [
  ['GET', 'time', 'time', 'read', 'public 1'],
  ['GET', 'currencies', 'currencies', 'read', 'public 1'],
  ['GET', 'currencies/crypto', 'currencies', 'read', 'public 1'],
  ['GET', 'exchange-rates', 'prices', 'read', 'public 1'],
  ['GET', 'prices/BTC-USD/buy', 'prices', 'read', 'public 1'],
  ['GET', 'prices/BTC-USD/sell', 'prices', 'read', 'public 1'],
  ['GET', 'prices/BTC-USD/spot', 'prices', 'read', 'public 1'],
  ['GET', 'user', 'private', 'read', 'private 1'],
  ['GET', 'user/auth', 'private', 'read', 'private 1'],
  ['PUT', 'user', 'write', 'write', 'private 1'],
  ['GET', `users/${ID}`, 'private', 'read', 'private 1'],
  ['GET', 'accounts', 'private', 'read', 'private 1'],
  ['POST', 'accounts', 'write', 'write', 'private 1'],
  ['GET', 'accounts/BTC', 'private', 'read', 'private 1'],
  ['PUT', `accounts/${ID}`, 'write', 'write', 'private 1'],
  ['DELETE', `accounts/${ID}`, 'write', 'write', 'private 1'],
  ['POST', `accounts/${ID}/primary`, 'write', 'write', 'private 1'],
  ['GET', `accounts/${ID}/addresses`, 'private', 'read', 'private 1'],
  ['POST', `accounts/${ID}/addresses`, 'write', 'write', 'private 1'],
  ['GET', `accounts/${ID}/addresses/${ID}`, 'private', 'read', 'private 1'],
  ['GET', `accounts/${ID}/addresses/${ID}/transactions`, 'private', 'read', 'private 1'],
  ['GET', `accounts/${ID}/transactions`, 'private', 'read', 'private 1'],
  ['POST', `accounts/${ID}/transactions`, 'write', 'write', 'private 1'],
  ['GET', `accounts/${ID}/transactions/${ID}`, 'private', 'read', 'private 1'],
  ['DELETE', `accounts/${ID}/transactions/${ID}`, 'write', 'write', 'private 1'],
  ['POST', `accounts/${ID}/transactions/${ID}/complete`, 'write', 'write', 'private 1'],
  ['POST', `accounts/${ID}/transactions/${ID}/resend`, 'write', 'write', 'private 1'],
  ...LISTS.flatMap(
    (list) =>
      [
        ['GET', `accounts/${ID}/${list}`, 'private', 'read', 'private 1'],
        ['POST', `accounts/${ID}/${list}`, 'write', 'write', 'private 1'],
        ['GET', `accounts/${ID}/${list}/${ID}`, 'private', 'read', 'private 1'],
        ['POST', `accounts/${ID}/${list}/${ID}/commit`, 'write', 'write', 'private 1'],
      ] as const,
  ),
  ['GET', 'payment-methods', 'private', 'read', 'private 1'],
  ['GET', `payment-methods/${ID}`, 'private', 'read', 'private 1'],
  ['GET', 'subscriptions/coinbase-one', 'private', 'read', 'private 1'],
  ['GET', 'something-new', 'default', 'write', 'private 1'],
  ['PATCH', 'accounts', 'default', 'write', 'private 1'],
]

describe('Coinbase App', () => {
  it.each(ENDPOINTS)('%s %s is %s: a %s that costs %s', (method, path, name, kind, cost) => {
    const found = app(method, path)
    expect([found.id, found.kind, costsOf(found)]).toEqual([`coinbase_app.${name}`, kind, cost])
  })

  it('allows 10,000 calls in any hour per key', () => {
    expect(app('GET', 'accounts').costs[0]?.bucket).toMatchObject({
      kind: 'window',
      limit: 10_000,
      everyMs: 3_600_000,
      scopes: ['key'],
    })
  })

  it('has the prefix itself and all under it, and nothing beside it', () => {
    expect(classOf('api.coinbase.com', 'GET', '/v2').id).toBe('coinbase_app.default')
    expect(classOf('api.coinbase.com', 'GET', '/v2/').id).toBe('coinbase_app.default')
    expect(classOf('api.coinbase.com', 'GET', '/v2time').id).toBe('coinbase.default')
  })
})
