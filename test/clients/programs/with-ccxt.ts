// An unchanged ccxt bot at one exchange, then one that asks for too much. Told by TOUR what to be; prints what it saw.

import ccxt, { type Exchange } from 'ccxt'
import type { Tour, TourSeen } from '../errand.ts'

const { exchange, credentials, wiring, tooMuch } = JSON.parse(process.env.TOUR ?? '{}') as Tour
const makers = { kraken: ccxt.kraken, coinbase: ccxt.coinbase, coinbaseexchange: ccxt.coinbaseexchange }
const bot: Exchange = new makers[exchange]({ ...credentials, ...wiring, enableRateLimit: false })

const SYMBOL = 'BTC/USD'
await bot.loadMarkets()
const tickers = await bot.fetchTickers([SYMBOL, 'ETH/USD'])
const balance = await bot.fetchBalance()
const { 'X-Weir-Class': className, 'X-Weir-Decision': decision } = bot.last_response_headers as Record<string, string>
const order = await bot.createOrder(SYMBOL, 'limit', 'buy', 0.01, 100)
await bot.cancelOrder(String(order.id), SYMBOL)

// More than there is, as a bot with a bug would.
let served = 0
let refusal: Error | undefined
while (refusal === undefined && served < tooMuch) {
  refusal = await ask().then(
    () => undefined,
    (error: unknown) => error as Error,
  )
  if (refusal === undefined) served += 1
}

const seen: TourSeen = {
  markets: bot.symbols.length,
  tickers: Object.keys(tickers).sort(),
  btc: balance.BTC?.free,
  balance: { class: className, decision },
  ordered: typeof order.id === 'string',
  served,
  refusal: refusal?.constructor.name,
}
process.stdout.write(`${JSON.stringify(seen)}\n`)

function ask(): Promise<unknown> {
  return exchange === 'kraken' ? bot.fetchLedger() : bot.fetchOpenOrders(SYMBOL)
}
