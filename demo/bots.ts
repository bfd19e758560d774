// Five bots as people run them. Each paces itself and believes that it is alone. Alone, four of the five stay inside
// every rate limit (the quoter does not, see there); run together they trip each other.

import { setTimeout as sleep } from 'node:timers/promises'
import { coinbaseKey, krakenKey } from '../test/support/exchange/keys.ts'
import type { Client } from './client.ts'

export interface Bot {
  readonly name: string
  readonly does: string
  run(client: Client): Promise<void>
}

/** Names of the keys that the exchange must know. The first two bots were given the same one. */
export const KRAKEN_KEY_NAMES = ['demo shared', 'demo quoter'] as const
export const COINBASE_KEY_NAME = 'demo'

const SHARED_KEY = krakenKey(KRAKEN_KEY_NAMES[0])
const QUOTER_KEY = krakenKey(KRAKEN_KEY_NAMES[1])
const COINBASE_KEY = coinbaseKey(COINBASE_KEY_NAME)

/**
 * Signs ten calls and sends them at once: on the way they overtake each other, and Kraken wants nonces to rise. Even alone
 * it may lock its key that way, for all who use it.
 */
const portfolio: Bot = {
  name: 'portfolio',
  does: 'Kraken: balances, orders and funding, all at once',
  run: (client) => every(8_000, 2, () => Promise.all(HOLDINGS.map((what) => client.krakenPrivate(SHARED_KEY, what)))),
}

/** Was given the same key. Its calls are few, but history costs 4 and ledgers cost 2 of the key's 20. */
const journal: Bot = {
  name: 'journal',
  does: 'Kraken, with the same key: trades and ledgers',
  run: (client) => every(8_000, 2, () => Promise.all(RECORDS.map((what) => client.krakenPrivate(SHARED_KEY, what)))),
}

/** Stays below 30 private and 10 public calls per second. */
const rebalancer: Bot = {
  name: 'rebalancer',
  does: 'Coinbase: prices and new orders for 7 products',
  run: (client) =>
    every(3_000, 4, (round) =>
      Promise.all([
        ...PRODUCTS.map((product) => client.coinbasePublic(`products/${product}/ticker?limit=1`)),
        ...PRODUCTS.map((product) => client.coinbase(COINBASE_KEY, 'GET', `products/${product}`)),
        ...PRODUCTS.map((product) => client.coinbase(COINBASE_KEY, 'POST', 'orders', coinbaseOrder(product, round))),
      ]),
    ),
}

/** Its address has 10 public calls per second at Coinbase and 5 at once, then 1 per second, at Kraken. */
const charts: Bot = {
  name: 'charts',
  does: 'both, without a key: candles and tickers',
  run: (client) =>
    every(6_000, 3, () =>
      Promise.all([
        ...PRODUCTS.map((product) => client.coinbasePublic(`products/${product}/candles?granularity=ONE_MINUTE`)),
        ...PAIRS.map((pair) => client.krakenPublic('Ticker', { pair })),
        ...PAIRS.map((pair) => client.krakenPublic('OHLC', { pair })),
      ]),
    ),
}

/**
 * Looks at the price, pulls its two quotes, places two new ones. Even alone it goes over: Kraken charges 8 for cancelling
 * an order younger than five seconds, which hardly any client library counts.
 */
const quoter: Bot = {
  name: 'quoter',
  does: 'Kraken, with a key of its own: renews two quotes',
  run: async (client) => {
    let quotes: string[] = []
    const pull = async () => {
      if (quotes.length > 0) await client.krakenPrivate(QUOTER_KEY, 'CancelOrderBatch', { orders: quotes })
      quotes = []
    }
    await every(700, 14, async (round) => {
      if (round % 2 === 0) await client.krakenPublic('Ticker', { pair: 'ETHUSD' })
      await pull()
      for (const type of ['buy', 'sell']) {
        const order = { pair: 'ETHUSD', type, ordertype: 'limit', price: type === 'buy' ? 3000 : 3400, volume: 0.1 }
        const placed = (await client.krakenPrivate(QUOTER_KEY, 'AddOrder', order)) as { txid: string[] } | undefined
        quotes.push(...(placed?.txid ?? []))
      }
    })
    await pull()
  },
}

export const BOTS: readonly Bot[] = [portfolio, journal, rebalancer, charts, quoter]

const HOLDINGS = [
  'Balance',
  'BalanceEx',
  'TradeBalance',
  'TradeVolume',
  'OpenOrders',
  'OpenPositions',
  'DepositMethods',
  'DepositStatus',
  'WithdrawMethods',
  'WithdrawStatus',
]
const RECORDS = ['TradesHistory', 'QueryLedgers', 'QueryTrades']
const PAIRS = ['XBTUSD', 'ETHUSD', 'SOLUSD', 'XRPUSD', 'ADAUSD']
const PRODUCTS = ['BTC', 'ETH', 'SOL', 'XRP', 'ADA', 'DOGE', 'LTC'].map((asset) => `${asset}-USD`)

const coinbaseOrder = (product: string, round: number): object => ({
  client_order_id: `${product}-${round}`,
  product_id: product,
  side: 'BUY',
  order_configuration: { limit_limit_gtc: { base_size: '0.01', limit_price: '0.05' } },
})

/** Begins a round every `ms`, or as soon as the one before has ended when that took longer. */
const every = async (ms: number, rounds: number, round: (index: number) => Promise<unknown>): Promise<void> => {
  for (let index = 0; index < rounds; index += 1) {
    await Promise.all([round(index), index < rounds - 1 ? sleep(ms) : undefined])
  }
}
