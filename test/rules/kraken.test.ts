// Every endpoint of Kraken's spot REST API: which class it is in, what kind it is, and what it costs at Kraken.

import { describe, expect, it } from 'vitest'
import { classOf, costsOf, shippedRules } from './shipped.ts'

const HOST = 'api.kraken.com'
const kraken = (method: string, path: string) => classOf(HOST, method, path)

/** Class, kind, cost, and the endpoints it holds for. */
const PRIVATE: readonly (readonly [string, string, string, string])[] = [
  ['private', 'read', 'private 1', 'Balance BalanceEx CreditLines TradeBalance OrderAmends OpenPositions'],
  ['query_orders', 'read', 'private 1', 'QueryOrders'],
  ['private', 'read', 'private 1', 'TradeVolume Level3 GetApiKeyInfo ListWalletAccounts ExportStatus RetrieveExport'],
  ['open_orders', 'read', 'private 2', 'OpenOrders'],
  ['closed_orders', 'read', 'private 4', 'ClosedOrders'],
  ['history', 'read', 'private 4', 'Ledgers TradesHistory'],
  ['query_ledgers', 'read', 'private 2', 'QueryLedgers'],
  ['query_trades', 'read', 'private 2', 'QueryTrades'],
  ['token', 'write', 'private 1', 'GetWebSocketsToken'],
  ['export', 'write', 'private 1', 'AddExport RemoveExport'],
  ['funding', 'read', 'private 1', 'DepositMethods DepositStatus WithdrawMethods WithdrawAddresses WithdrawInfo'],
  ['funding', 'read', 'private 1', 'WithdrawStatus'],
  ['transfer', 'write', 'private 1', 'DepositAddresses Withdraw WithdrawCancel WalletTransfer CreateSubaccount'],
  ['transfer', 'write', 'private 1', 'AccountTransfer'],
  ['earn', 'read', 'private 1', 'Earn/Strategies Earn/Allocations Earn/AllocateStatus Earn/DeallocateStatus'],
  ['allocate', 'write', 'private 1', 'Earn/Allocate Earn/Deallocate'],
  ['staking', 'write', 'private 1', 'Staking/Assets Staking/Pending Staking/Transactions Stake Unstake'],
  ['embed', 'write', 'private 1', 'CreateUser UpdateUser GetUser VerifyUser'],
  ['otc', 'write', 'private 1', 'CreateOtcQuoteRequest UpdateOtcQuote GetOtcPairs GetOtcActiveQuotes'],
  ['otc', 'write', 'private 1', 'GetOtcHistoricalQuotes GetOtcExposures CheckOtcClient'],
  ['custody', 'read', 'custody 1', 'ListCustodyVaults GetCustodyVault ListCustodyTransactions GetCustodyTransaction'],
  ['custody', 'read', 'custody 1', 'ListCustodyTasks GetCustodyTask ListCustodyActivities GetCustodyActivity'],
  ['orders', 'order', 'engine 1', 'AddOrder'],
  ['batch', 'order', 'engine 0.5×orders', 'AddOrderBatch'],
  ['amend', 'order', 'engine 1+3', 'AmendOrder'],
  ['edit', 'order', 'engine 1+6', 'EditOrder'],
  ['cancel', 'cancel', 'engine 0+8', 'CancelOrder'],
  ['cancel_batch', 'cancel', 'engine 0+8', 'CancelOrderBatch'],
  ['cancel_all', 'cancel', 'private 1, engine 0+8', 'CancelAll'],
  ['cancel_after', 'cancel', 'private 1', 'CancelAllOrdersAfter'],
  ['default', 'write', 'private 1', 'SomethingNew Earn/SomethingNew balance'],
]

const PUBLIC: readonly (readonly [string, string, string])[] = [
  ['time', 'public 1', 'Time'],
  ['status', 'public 1', 'SystemStatus MaintenanceSchedule'],
  ['assets', 'public 1', 'Assets AssetPairs'],
  ['ticker', 'public 1', 'Ticker'],
  ['ohlc', 'ohlc 1', 'OHLC'],
  ['trades', 'trades 1', 'Trades'],
  ['book', 'public 1', 'Depth GroupedBook Spread'],
  ['public', 'public 1', 'PreTrade PostTrade SomethingNew'],
]

describe('Kraken', () => {
  it.each(PRIVATE)('puts into %s (%s, %s): %s', (name, kind, cost, endpoints) => {
    for (const endpoint of endpoints.split(' ')) {
      const found = kraken('POST', `/0/private/${endpoint}`)
      expect([endpoint, found.id, found.kind, costsOf(found)]).toEqual([endpoint, `kraken.${name}`, kind, cost])
      expect(found.lane).toBe('nonce')
    }
  })

  it.each(PUBLIC)('puts into %s (%s): %s', (name, cost, endpoints) => {
    for (const endpoint of endpoints.split(' ')) {
      for (const method of ['GET', 'POST', 'HEAD']) {
        const found = kraken(method, `/0/public/${endpoint}`)
        expect([endpoint, found.id, found.kind, costsOf(found)]).toEqual([endpoint, `kraken.${name}`, 'read', cost])
        expect(found.lane).toBe('fair')
      }
    }
  })

  it('counts OHLC and Trades per address and pair, everything else public per address', () => {
    expect(kraken('GET', '/0/public/OHLC').costs[0]?.bucket.scopes).toEqual(['ip', 'pair'])
    expect(kraken('GET', '/0/public/Trades').costs[0]?.bucket.scopes).toEqual(['ip', 'pair'])
    expect(kraken('GET', '/0/public/Ticker').costs[0]?.bucket.scopes).toEqual(['ip'])
  })

  it('counts orders per account and pair, everything else private per key', () => {
    expect(kraken('POST', '/0/private/AddOrder').costs[0]?.bucket.scopes).toEqual(['account', 'pair'])
    expect(kraken('POST', '/0/private/Balance').costs[0]?.bucket.scopes).toEqual(['key'])
  })

  it('counts a cancel by the age of the order as Kraken’s table does, and never holds it back', () => {
    const cancel = kraken('POST', '/0/private/CancelOrder')
    expect(cancel.hold).toBe(false)
    expect(cancel.costs[0]?.byAge).toEqual([
      { underMs: 5_000, cost: 8 },
      { underMs: 10_000, cost: 6 },
      { underMs: 15_000, cost: 5 },
      { underMs: 45_000, cost: 4 },
      { underMs: 90_000, cost: 2 },
      { underMs: 300_000, cost: 1 },
    ])
  })

  it('reads only what a price or a lane depends on', () => {
    const nothing = { nonce: false, pair: false, orders: false, expiry: false, params: [] }
    expect(kraken('GET', '/0/public/Ticker').needs).toEqual(nothing)
    expect(kraken('POST', '/0/private/Balance').needs).toEqual({ ...nothing, nonce: true })
    const amend = { nonce: true, pair: true, orders: true, expiry: true }
    expect(kraken('POST', '/0/private/AmendOrder').needs).toEqual({ ...nothing, ...amend })
    expect(kraken('POST', '/0/private/AddOrderBatch').needs.params).toEqual([
      { name: 'orders', each: true, byParam: false },
    ])
  })

  it('learns ids, pairs and ages of orders from the answers that tell of them, and from no others', () => {
    const learning = shippedRules()
      .exchanges[0]?.classes.filter(({ learns }) => learns)
      .map(({ name }) => name)
    expect(learning).toEqual([
      'query_orders',
      'open_orders',
      'orders',
      'batch',
      'amend',
      'edit',
      'cancel',
      'cancel_batch',
      'cancel_all',
      'cancel_after',
    ])
  })

  it('counts partner endpoints, which have no API key, per address', () => {
    for (const path of [
      '/oauth/token',
      '/oauth/userinfo',
      '/oauth/fast-api-key',
      '/oauth/fast-api-keys',
      '/b2b/users/1',
    ]) {
      expect(kraken('POST', path).id).toBe('kraken.partner')
    }
  })

  it('takes a private path by GET, or a path it has never heard of, for a write', () => {
    for (const path of ['/0/private/Balance', '/0/private', '/', '/1/public/Ticker', '/0']) {
      expect(kraken('GET', path).id).toBe('kraken.default')
    }
  })

  it.each([
    '/0/private/../public/Time',
    '/0/public/../private/Balance',
    '/0//public/Time',
    '//0/public/Time',
    '/0/./public/Time',
    '/0/public/%54ime',
    '/0/public/%2e%2e/private/Balance',
    '/0/public/..%2fprivate/Balance',
    '/0/public/Time;x',
    '\\0\\public\\Time',
    '/0/public/..\\private\\Balance',
    '/0/PUBLIC/Time',
  ])('does not let the spelling %s pass for a cheap call', (path) => {
    expect(kraken('GET', path).id).toBe('kraken.default')
  })

  it('overlooks one slash at the end', () => {
    expect(kraken('GET', '/0/public/Ticker/').id).toBe('kraken.ticker')
    expect(kraken('POST', '/0/private/Ledgers/').id).toBe('kraken.history')
    expect(kraken('GET', '/0/public/Ticker//').id).toBe('kraken.default')
  })

  it.each(['ws.kraken.com', 'ws-auth.kraken.com', 'ws-l3.kraken.com'])('answers for %s too', (host) => {
    expect(shippedRules().hosts.get(host)?.exchange.name).toBe('kraken')
  })
})
