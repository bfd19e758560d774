// What calls cost at Kraken spot, by tier and by whose costs, for every endpoint. The tables are written down from the pages
// of Kraken and its Rust SDK (docs.kraken.com/exchange/guides/rest/ratelimits and .../general/ratelimits,
// support.kraken.com/articles/206548367, github.com/krakenfx/kraken-api-sdk), not from limits.yaml.

import { describe, expect, it } from 'vitest'
import { priceOf, shippedRules } from './shipped.ts'

/** Endpoints by what they add to the private counter: documented, conservative. */
const PRIVATE: readonly (readonly [documented: number, conservative: number, endpoints: string])[] = [
  [1, 1, 'Level3 Balance BalanceEx CreditLines TradeBalance QueryOrders OrderAmends OpenPositions TradeVolume'],
  [1, 1, 'AddExport RemoveExport ExportStatus RetrieveExport GetApiKeyInfo ListWalletAccounts GetWebSocketsToken'],
  [1, 1, 'DepositMethods DepositStatus WithdrawMethods WithdrawAddresses WithdrawInfo WithdrawStatus DepositAddresses'],
  [1, 1, 'Withdraw WithdrawCancel WalletTransfer CreateSubaccount AccountTransfer'],
  [1, 1, 'Earn/Allocate Earn/Deallocate Earn/AllocateStatus Earn/DeallocateStatus Earn/Strategies Earn/Allocations'],
  [1, 1, 'Staking/Assets Stake Unstake Staking/Pending Staking/Transactions CreateUser UpdateUser GetUser VerifyUser'],
  [1, 1, 'CreateOtcQuoteRequest UpdateOtcQuote GetOtcPairs GetOtcActiveQuotes GetOtcHistoricalQuotes GetOtcExposures'],
  [1, 1, 'CheckOtcClient AnythingElse'],
  [1, 2, 'OpenOrders QueryTrades'],
  [1, 4, 'ClosedOrders'],
  [2, 4, 'TradesHistory Ledgers'],
  [2, 2, 'QueryLedgers'],
]

const ORDERS = '"orders":[{"type":"buy"},{"type":"buy"},{"type":"sell"}]'

/** Trading endpoints: what they add to the engine's counter of the pair, where the order is unknown, hence the youngest. */
const ENGINE: readonly (readonly [endpoint: string, body: string, price: string])[] = [
  ['AddOrder', 'pair=XBTUSD', 'engine 1'],
  ['AddOrderBatch', `{"pair":"XBTUSD",${ORDERS}}`, 'engine 1.5'],
  ['AddOrderBatch', 'pair=XBTUSD&orders[0][type]=buy&orders[1][type]=sell', 'engine 1'],
  ['AddOrderBatch', `{"pair":"XBTUSD","orders":[${Array(15).fill('{}').join()}]}`, 'engine 7.5'],
  ['AmendOrder', 'txid=A&pair=XBTUSD', 'engine 4'],
  ['EditOrder', 'txid=A&pair=XBTUSD', 'engine 7'],
  ['CancelOrder', 'txid=A', 'engine 8'],
  ['CancelOrder', 'txid=A,B', 'engine 16'],
  ['CancelOrderBatch', '{"orders":["A","B"],"cl_ord_ids":["c"]}', 'engine 24'],
  ['CancelOrderBatch', 'orders[0]=A&orders[1]=B', 'engine 16'],
]

const CUSTODY =
  'ListCustodyVaults GetCustodyVault ListCustodyTransactions GetCustodyTransaction ListCustodyTasks GetCustodyTask ' +
  'ListCustodyActivities GetCustodyActivity'

const PUBLIC = [
  [
    'public',
    'Time SystemStatus MaintenanceSchedule Assets AssetPairs Ticker Depth GroupedBook Spread PreTrade PostTrade',
  ],
  ['ohlc', 'OHLC'],
  ['trades', 'Trades'],
] as const

const TIERS = [
  ['starter', { private: [15, 0.33], engine: [60, 1] }],
  ['intermediate', { private: [20, 0.5], engine: [125, 2.34] }],
  ['pro', { private: [20, 1], engine: [180, 3.75] }],
] as const
const COSTS = ['documented', 'conservative'] as const
const host = 'api.kraken.com'

describe.each(TIERS)('at Kraken, tier %s', (tier, numbers) => {
  describe.each(COSTS)('by %s costs', (costs) => {
    const rules = shippedRules({}, { 'tier: starter': `tier: ${tier}`, 'costs: conservative ': `costs: ${costs} ` })
    const price = (endpoint: string, body = 'nonce=1') =>
      priceOf({ host, call: `POST /0/private/${endpoint}`, body }, rules)

    it.each(PRIVATE)('a private call costs %d or %d: %s', (documented, conservative, endpoints) => {
      for (const endpoint of endpoints.split(' ')) {
        const expected = costs === 'documented' ? documented : conservative
        expect([endpoint, price(endpoint)]).toEqual([endpoint, `private ${expected}`])
      }
    })

    it.each(ENGINE)('%s %s costs “%s”, and nothing on the private counter', (endpoint, body, expected) => {
      expect(price(endpoint, body)).toBe(expected)
    })

    it('cancels that name no order cost 1 on the private counter at most', () => {
      const expected = costs === 'documented' ? '' : 'private 1'
      expect([price('CancelAll'), price('CancelAllOrdersAfter', 'timeout=60')]).toEqual([expected, expected])
    })

    it('custody calls cost 1 on a counter of their own', () => {
      for (const endpoint of CUSTODY.split(' ')) expect([endpoint, price(endpoint)]).toEqual([endpoint, 'custody 1'])
    })

    it.each(PUBLIC)('public calls cost 1 of %s: %s', (bucket, endpoints) => {
      for (const endpoint of endpoints.split(' ')) {
        const call = `GET /0/public/${endpoint}?pair=XBTUSD`
        expect([endpoint, priceOf({ host, call }, rules)]).toEqual([endpoint, `${bucket} 1`])
      }
    })

    it('counters have the maximum and the decay of the tier', () => {
      const kraken = rules.exchanges.find(({ name }) => name === 'kraken')
      for (const name of ['private', 'engine'] as const) {
        const bucket = kraken?.buckets.find((one) => one.name === name)
        const [capacity, perSecond] = numbers[name]
        expect(bucket).toMatchObject({ kind: 'bucket', capacity, refill: perSecond / 1000 })
      }
    })
  })
})
