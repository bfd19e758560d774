// Every endpoint of Coinbase Exchange: which class it is in, what kind it is, and what it costs at Coinbase.

import { describe, expect, it } from 'vitest'
import { classOf, type EndpointRow, expectRow } from './shipped.ts'

const ID = '8e6bfcb4-0d1f-4a8e-9a55-3f2f1c7d9e10'
const host = 'api.exchange.coinbase.com'
const exchange = (method: string, path: string) => classOf(host, method, path)

/** `ID` stands for an id. */
const ENDPOINTS: readonly EndpointRow[] = [
  ['GET', 'time', 'read', 'public 1', '/time'],
  ['GET', 'products', 'read', 'public 1', '/currencies /currencies/BTC /products /products/BTC-USD'],
  ['GET', 'products', 'read', 'public 1', '/products/volume-summary /products/spark-lines'],
  [
    'GET',
    'products',
    'read',
    'public 1',
    '/wrapped-assets /wrapped-assets/CBETH /wrapped-assets/CBETH/conversion-rate',
  ],
  ['GET', 'book', 'read', 'public 1', '/products/BTC-USD/book /products/BTC-USD/ticker /products/BTC-USD/trades'],
  ['GET', 'candles', 'read', 'public 1', '/products/BTC-USD/candles /products/BTC-USD/stats'],
  ['GET', 'loan_assets', 'read', '', '/loans/assets'],
  ['GET', 'private', 'read', 'private 1', '/accounts /accounts/ID /accounts/ID/holds /accounts/ID/ledger'],
  ['GET', 'private', 'read', 'private 1', '/accounts/ID/transfers /orders /orders/ID /orders/client:my-order'],
  [
    'GET',
    'private',
    'read',
    'private 1',
    '/fees /oracle /payment-methods /coinbase-accounts /conversions /conversions/ID',
  ],
  ['GET', 'private', 'read', 'private 1', '/conversions/fees /withdrawals/fee-estimate /transfers /transfers/ID'],
  ['GET', 'private', 'read', 'private 1', '/travel-rules /address-book /address-book/counterparty'],
  ['GET', 'private', 'read', 'private 1', '/profiles /profiles/ID /reports /reports/ID /users/ID/exchange-limits'],
  ['GET', 'private', 'read', 'private 1', '/users/ID/trading-volumes /users/self/hold-balances'],
  ['GET', 'private', 'read', 'private 1', '/users/self/trailing-volume /wrapped-assets/stake-wrap'],
  [
    'GET',
    'private',
    'read',
    'private 1',
    '/wrapped-assets/stake-wrap/ID /wrapped-assets/redeem /wrapped-assets/redeem/ID',
  ],
  ['GET', 'private', 'read', 'private 1', '/funding /margin/profile_information /position /otc/orders'],
  ['GET', 'fills', 'read', 'fills 1', '/fills'],
  ['GET', 'loans', 'read', 'loans 1', '/loans /loans/interest /loans/interest/ID /loans/interest/history/ID'],
  ['GET', 'loans', 'read', 'loans 1', '/loans/lending-overview /loans/lending-overview-xm /loans/options'],
  ['GET', 'loans', 'read', 'loans 1', '/loans/loan-preview /loans/loan-preview-xm'],
  ['GET', 'loans', 'read', 'loans 1', '/loans/repayment-preview /loans/repayment-preview-xm'],
  ['POST', 'lend', 'write', 'loans 1', '/loans/open /loans/repay-interest /loans/repay-principal'],
  ['POST', 'orders', 'order', 'private 1', '/orders /otc/orders'],
  ['DELETE', 'cancel', 'cancel', 'private 1', '/orders /orders/ID /orders/client:my-order'],
  ['POST', 'write', 'write', 'private 1', '/coinbase-accounts/ID/addresses /conversions /deposits/coinbase-account'],
  ['POST', 'write', 'write', 'private 1', '/deposits/payment-method /withdrawals/coinbase-account /withdrawals/crypto'],
  [
    'POST',
    'write',
    'write',
    'private 1',
    '/withdrawals/payment-method /withdrawals/counterparty /withdrawals/coinbase',
  ],
  ['POST', 'write', 'write', 'private 1', '/transfers/ID/travel-rules /travel-rules /address-book'],
  ['POST', 'write', 'write', 'private 1', '/address-book/counterparty /profiles /profiles/transfer'],
  ['POST', 'write', 'write', 'private 1', '/profiles/margin-transfer /reports /users/ID/settlement-preferences'],
  ['POST', 'write', 'write', 'private 1', '/wrapped-assets/stake-wrap /wrapped-assets/redeem /funding/repay'],
  ['POST', 'write', 'write', 'private 1', '/position/close /margin/x'],
  ['PUT', 'write', 'write', 'private 1', '/address-book/ID /profiles/ID /profiles/ID/deactivate'],
  ['DELETE', 'write', 'write', 'private 1', '/travel-rules/ID /address-book/ID'],
  ['GET', 'default', 'write', 'private 1', '/ /something-new /products/BTC-USD/something-new'],
  ['PATCH', 'default', 'write', 'private 1', '/orders /time'],
]

describe('Coinbase Exchange', () => {
  it.each(ENDPOINTS)('%s is %s, a %s that costs “%s”: %s', (method, name, kind, cost, paths) => {
    const row: EndpointRow = [method, name, kind, cost, paths.replaceAll('ID', ID)]
    expectRow({ host, exchange: 'coinbase_exchange', base: '' }, row)
  })

  it('has the documented lazy-fill buckets', () => {
    const numbers = (method: string, path: string) =>
      exchange(method, path).costs.map(({ bucket }) =>
        bucket.kind === 'bucket' ? [bucket.scopes.join(), bucket.capacity, bucket.refill * 1000] : [],
      )
    expect(numbers('GET', '/time')).toEqual([['ip', 15, 10]])
    expect(numbers('GET', '/orders')).toEqual([['account', 30, 15]])
    expect(numbers('GET', '/fills')[0]).toEqual(['account', 20, 10])
    expect(numbers('GET', '/loans')[0]).toEqual(['account', 10, 10])
  })

  it('knows that a timestamp header lives 30 seconds, and waits less', () => {
    const orders = exchange('POST', '/orders')
    expect(orders.signatureLifeMs).toBe(30_000)
    expect(orders.needs.expiry).toBe(true)
    expect(orders.maxWaitMs).toBeLessThan(30_000)
    expect(exchange('GET', '/time').signatureLifeMs).toBeUndefined()
  })

  it.each(['/loans/assets/../open', '/loans//assets', '/%6coans/assets', '/time/../orders'])(
    'does not let the spelling %s pass for a free call',
    (path) => {
      expect(exchange('GET', path).id).toBe('coinbase_exchange.default')
    },
  )
})
