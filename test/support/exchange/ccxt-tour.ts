// Run as a child process: an unchanged ccxt bot visits one exchange through HTTPS_PROXY and prints what it saw as JSON.
// Usage: node ccxt-tour.ts kraken|coinbase|coinbaseexchange, credentials in TOUR_KEY, TOUR_SECRET, TOUR_PASSWORD.

import ccxt from 'ccxt'

const id = process.argv[2]
const credentials = {
  apiKey: process.env.TOUR_KEY ?? '',
  secret: process.env.TOUR_SECRET ?? '',
  password: process.env.TOUR_PASSWORD ?? '',
  httpsProxy: process.env.HTTPS_PROXY ?? '',
  enableRateLimit: false,
}
const makers = { kraken: ccxt.kraken, coinbase: ccxt.coinbase, coinbaseexchange: ccxt.coinbaseexchange }
if (id !== 'kraken' && id !== 'coinbase' && id !== 'coinbaseexchange') throw new Error('which exchange?')
const bot = new makers[id](credentials)

const symbol = 'BTC/USD'
await bot.loadMarkets()
const ticker = await bot.fetchTicker(symbol)
const tickers = await bot.fetchTickers([symbol, 'ETH/USD'])
const candles = await bot.fetchOHLCV(symbol, '1h', undefined, 10)
const book = await bot.fetchOrderBook(symbol)
const trades = await bot.fetchTrades(symbol, undefined, 10)
const balance = await bot.fetchBalance()
const order = await bot.createOrder(symbol, 'limit', 'buy', 0.01, 100)
const orderId = String(order.id)
const open = await bot.fetchOpenOrders(symbol)
const found = await bot.fetchOrder(orderId, symbol)
await bot.cancelOrder(orderId, symbol)
const left = await bot.fetchOpenOrders(symbol)
const bought = await bot.createOrder(symbol, 'market', 'sell', 0.01)
const closed = await bot.fetchClosedOrders(symbol)
const mine = await bot.fetchMyTrades(symbol)

const seen = {
  markets: bot.symbols.length,
  bid: ticker.bid,
  last: ticker.last,
  tickers: Object.keys(tickers).sort(),
  candles: candles.length,
  bids: book.bids.length,
  trades: trades.length,
  btc: balance.BTC?.free,
  open: open.map((one) => [one.id === orderId, one.status, one.price, one.amount]),
  found: [found.status, found.symbol, found.side],
  left: left.length,
  bought: bought.id !== undefined,
  closed: closed.map((one) => one.status),
  mine: mine.length,
}
process.stdout.write(`${JSON.stringify(seen)}\n`)
