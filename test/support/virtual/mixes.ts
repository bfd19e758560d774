// The mixes of calls by which limit efficiency is told, for Kraken and Coinbase; every call is signed the moment it is made.

import { advancedGet, exchangeGet, krakenPoster, type Post } from '../../system/sign.ts'
import type { Asked } from '../asked.ts'
import { krakenKey } from '../exchange/keys.ts'
import type { KrakenTier } from '../exchange/kraken-limits.ts'
import type { Errand } from './errands.ts'
import type { VirtualExchange } from './exchange.ts'
import { shippedBut } from './settings.ts'

/** A mix: how its exchange is set up, what weir is told, and what is asked. */
export interface Mix {
  readonly name: string
  readonly tier: KrakenTier
  /** ccxt's name for the exchange. */
  readonly ccxt: 'kraken' | 'coinbaseexchange' | 'coinbase'
  /** limits.yaml: the shipped one, but for what a batch of calls asks to be otherwise. */
  readonly config: string
  /** @param wall the bots' own date, in ms since the epoch */
  readonly errands: (exchange: VirtualExchange, wall: () => number) => readonly Errand[]
}

/** Traders of one account, each with a key of its own as Kraken advises; reads have their own key, too. */
const TRADERS = [
  { key: 'trader-1', pair: 'XBTUSD' },
  { key: 'trader-2', pair: 'XBTUSD' },
  { key: 'trader-3', pair: 'ETHUSD' },
  { key: 'trader-4', pair: 'ETHUSD' },
]

/** Kraken's spot API: four kinds of calls, all offered at once. */
const kraken = (
  name: string,
  tier: KrakenTier,
  calls: { readonly public: number; readonly balance: number; readonly history: number; readonly orders: number },
): Mix => ({
  name,
  tier,
  ccxt: 'kraken',
  config: shippedBut('kraken', '15m', { tier, costs: 'documented', accounts: { main: keyIds() } }),
  errands: (exchange, wall) => {
    const poster = (key: string) => krakenPoster(exchange.krakenKey(key), wall)
    const read = poster('reader')
    const all = (bot: string, count: number, spends: Spends, ask: () => Asked): Errand => {
      return { bot, count, atOnce: count, ask, ...spends }
    }
    const own = (method: string, cost: number): Spends => {
      return { counter: 'kraken.private reader', cost, ccxt: ['private', 'post', method] }
    }
    const open = { counter: 'kraken.public', cost: 1, ccxt: ['public', 'get', 'Ticker'] }
    return [
      all('watcher', calls.public, open, () => ticker('XBTUSD')),
      all('reader', calls.balance, own('Balance', 1), () => read('Balance')),
      all('reader', calls.history, own('TradesHistory', 2), () => read('TradesHistory')),
      ...TRADERS.map(({ key, pair }) => {
        const post = poster(key)
        const order = { counter: `kraken.engine main ${pair}`, cost: 1, ccxt: ['private', 'post', 'AddOrder'] }
        return all(key, calls.orders / TRADERS.length, order, () => passingOrder(post, pair))
      }),
    ]
  },
})

type Spends = Pick<Errand, 'counter' | 'cost' | 'ccxt'>

/** Engine counters are the account's: weir is told which keys belong to one. */
const keyIds = (): string[] => ['reader', ...TRADERS.map(({ key }) => key)].map((name) => krakenKey(name).key)

export const K_STARTER = kraken('K-starter', 'starter', { public: 60, balance: 40, history: 20, orders: 60 })
export const K_PRO = kraken('K-pro', 'pro', { public: 200, balance: 100, history: 50, orders: 400 })

/** Coinbase Exchange: its signatures live 30 s, so a hundred bots of each kind make one call after the other. */
export const CB: Mix = {
  name: 'CB',
  tier: 'starter',
  ccxt: 'coinbaseexchange',
  config: shippedBut('coinbase_exchange', '29s'),
  errands: (exchange, wall) => {
    const key = exchange.coinbaseExchange.key('profile')
    const hundred = (bot: string, count: number, kind: string, path: string, ask: () => Asked): Errand => {
      const [verb, name] = kind === 'public' ? ['public', 'products/{id}/ticker'] : ['private', path.slice(1)]
      return { bot, count, atOnce: 100, ask, counter: `coinbase-exchange.${kind}`, cost: 1, ccxt: [verb, 'get', name] }
    }
    const signed = (path: string) => () => exchangeGet(key, path, wall)
    const market = '/products/BTC-USD/ticker'
    return [
      hundred('watcher', 1000, 'public', market, () => uncached(market)),
      hundred('reader', 1500, 'private', '/accounts', signed('/accounts')),
      hundred('auditor', 500, 'fills', '/fills', signed('/fills')),
    ]
  },
}

/** Coinbase Advanced Trade: true windows of one second. */
export const CB_ADVANCED: Mix = {
  name: 'CB Advanced',
  tier: 'starter',
  ccxt: 'coinbase',
  config: shippedBut('coinbase', '29s'),
  errands: (exchange, wall) => {
    const key = exchange.advancedKey('user')
    const spends = {
      counter: 'coinbase-advanced.private',
      cost: 1,
      ccxt: ['v3', 'private', 'get', 'brokerage/accounts'],
    }
    return [{ bot: 'reader', count: 1500, atOnce: 100, ask: () => advancedGet(key, 'accounts', wall), ...spends }]
  },
}

/** The limits are on trial, not the cache. */
const NO_CACHE = { 'X-Weir-Cache': 'skip' }

export const ticker = (pair: string): Asked => ({ path: `/0/public/Ticker?pair=${pair}`, headers: NO_CACHE })

const uncached = (path: string): Asked => ({ host: 'api.exchange.coinbase.com', path, headers: NO_CACHE })

/** Far from the price; it rests in the book. */
export const restingOrder = (post: Post, pair: string): Asked =>
  post('AddOrder', { pair, type: 'buy', ordertype: 'limit', price: '0.01', volume: '1' })

/** Does not rest: how many orders may be open is a limit that no waiting helps. */
const passingOrder = (post: Post, pair: string): Asked =>
  post('AddOrder', { pair, type: 'buy', ordertype: 'limit', price: '0.01', volume: '1', timeinforce: 'IOC' })
