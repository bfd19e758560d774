// An unchanged ccxt bot at the exchange named first, with the options (JSON) given second; then one that asks for too
// much. Prints what it saw.

import ccxt, { type Exchange } from 'ccxt'
import type { Credentials, TourSeen } from '../errand.ts'

const TOO_MUCH = 40
const SYMBOL = 'BTC/USD'
const [, , id = '', options = '{}'] = process.argv
const { kraken, coinbase, coinbaseexchange } = JSON.parse(process.env.CREDENTIALS ?? '{}') as Credentials
const settings = { ...(JSON.parse(options) as object), enableRateLimit: false }
const makers: Readonly<Record<string, () => Exchange>> = {
  kraken: () => new ccxt.kraken({ apiKey: kraken.key, secret: kraken.secret, ...settings }),
  coinbase: () => new ccxt.coinbase({ apiKey: coinbase.key, secret: coinbase.secret, ...settings }),
  coinbaseexchange: () => {
    const { key: apiKey, secret, passphrase: password } = coinbaseexchange
    return new ccxt.coinbaseexchange({ apiKey, secret, password, ...settings })
  },
}
const bot = makers[id]?.()
if (bot === undefined) throw new Error('which exchange?')

await bot.loadMarkets()
const balance = await bot.fetchBalance()
const { 'X-Weir-Class': className, 'X-Weir-Decision': decision } = bot.last_response_headers as Record<string, string>
const order = await bot.createOrder(SYMBOL, 'limit', 'buy', 0.01, 100)
await bot.cancelOrder(String(order.id), SYMBOL)

// More than there is, as a bot with a bug would.
let served = 0
let refusal: unknown
while (refusal === undefined && served < TOO_MUCH) {
  await (id === 'kraken' ? bot.fetchLedger() : bot.fetchOpenOrders(SYMBOL)).then(
    () => {
      served += 1
    },
    (error: unknown) => {
      refusal = error
    },
  )
}

const seen: TourSeen = {
  markets: bot.symbols.length,
  btc: balance.BTC?.free,
  balance: { class: className, decision },
  ordered: typeof order.id === 'string',
  served,
  refusal: ancestry(refusal),
}
process.stdout.write(`${JSON.stringify(seen)}\n`)

/** Names of its class and of those that this extends, up to ccxt's own root. */
function ancestry(error: unknown): string[] {
  if (!(error instanceof ccxt.BaseError)) return []
  const names: string[] = []
  for (let kind = error.constructor; kind !== Error; kind = Object.getPrototypeOf(kind)) names.push(kind.name)
  return names
}
