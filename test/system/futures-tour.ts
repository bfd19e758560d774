// Run as a child process: an unchanged ccxt bot at Kraken Futures, by HTTPS_PROXY. It visits what there is, then hammers for a
// while in several loops at once, and prints what it saw as JSON. The key is in TOUR_KEY and TOUR_SECRET.

import { setTimeout as sleep } from 'node:timers/promises'
import ccxt from 'ccxt'

const bot = new ccxt.krakenfutures({
  apiKey: process.env.TOUR_KEY ?? '',
  secret: process.env.TOUR_SECRET ?? '',
  httpsProxy: process.env.HTTPS_PROXY ?? '',
  headers: { 'X-Weir-Max-Wait': '1s' },
  enableRateLimit: false,
})
const HAMMER_MS = 5_000
const symbol = 'BTC/USD:USD'
const prices: Record<string, string> = {}
const told = (name: string): void => {
  const headers = bot.last_response_headers as Record<string, string> | undefined
  prices[name] = `${headers?.['X-Weir-Class']} ${headers?.['X-Weir-Cost']}`
}
const limit = (id: string) => ({
  symbol,
  type: 'limit' as const,
  side: 'buy' as const,
  amount: 1,
  price: 100,
  params: { cliOrdId: id },
})

await bot.loadMarkets()
const tickers = await bot.fetchTickers([symbol, 'ETH/USD:USD'])
told('tickers')
const balance = await bot.fetchBalance()
told('balance')
const order = await bot.createOrder(symbol, 'limit', 'buy', 1, 100)
told('order')
const open = await bot.fetchOpenOrders(symbol)
await bot.editOrder(String(order.id), symbol, 'limit', 'buy', 2, 101)
told('edit')
await bot.cancelOrder(String(order.id), symbol)
told('cancel')
await bot.createOrder(symbol, 'market', 'sell', 1)
const trades = await bot.fetchMyTrades(symbol)
told('fills')
await bot.fetchMyTrades(symbol, undefined, undefined, { lastFillTime: new Date().toISOString() })
told('fills since')
const batch = await bot.createOrders([limit('a'), limit('b'), limit('c')])
told('batch')
await bot.cancelAllOrders()
told('cancel all')
const left = await bot.fetchOpenOrders(symbol)
await bot.fetchPositions()
await bot.fetchLedger()
told('account log')
await bot.fetchLedger(undefined, undefined, 10)
told('account log of 20')

const quit = new AbortController()
let served = 0
const refusals: Record<string, number> = {}
const hammer = async (strike: () => Promise<unknown>): Promise<void> => {
  while (!quit.signal.aborted) {
    try {
      await strike()
      served += 1
    } catch (error) {
      const name = (error as Error).constructor.name
      refusals[name] = (refusals[name] ?? 0) + 1
      await sleep(50)
    }
  }
}
const loops = [
  hammer(async () => bot.cancelOrder(String((await bot.createOrder(symbol, 'limit', 'buy', 1, 100)).id), symbol)),
  hammer(async () => bot.cancelOrder(String((await bot.createOrder(symbol, 'limit', 'sell', 1, 1e6)).id), symbol)),
  hammer(() => bot.createOrders(['d', 'e', 'f', 'g'].map(limit))),
  hammer(() => bot.fetchMyTrades(symbol, undefined, undefined, { lastFillTime: '2026-11-22T00:00:00.000Z' })),
  hammer(() => bot.fetchBalance()),
  hammer(() => bot.fetchOpenOrders(symbol)),
  hammer(() => bot.fetchLedger(undefined, undefined, 5_000)),
]
await sleep(HAMMER_MS)
quit.abort()
await Promise.all(loops)

const seen = {
  markets: bot.symbols.length,
  tickers: Object.keys(tickers).sort(),
  btc: balance.BTC?.free,
  open: open.map((one) => [one.id === order.id, one.side, one.amount]),
  trades: trades.length,
  batch: batch.map(({ status }) => status),
  left: left.length,
  prices,
  served,
  refusals,
}
process.stdout.write(`${JSON.stringify(seen)}\n`)
