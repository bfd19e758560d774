// What is traded at the simulated exchanges: a few assets, their names at Kraken and Coinbase, and a price that is
// a pure function of the time, so that every answer is plausible and a run can be repeated.

/** A tradable pair under all its names; prices carry `priceDecimals`, sizes 8. */
export interface Market {
  readonly base: string
  readonly quote: string
  /** Coinbase's product id, such as BTC-USD. */
  readonly product: string
  /** Kraken's result key, such as XXBTZUSD, and its other names. */
  readonly krakenId: string
  readonly altname: string
  readonly wsname: string
  readonly priceDecimals: number
  readonly anchor: number
}

export interface Asset {
  readonly code: string
  readonly name: string
  readonly krakenId: string
  readonly krakenAlt: string
  readonly fiat: boolean
  readonly usd: number
}

export const ASSETS: readonly Asset[] = [
  asset('BTC', 'Bitcoin', 'XXBT', 'XBT', 64_000),
  asset('ETH', 'Ethereum', 'XETH', 'ETH', 3_200),
  asset('SOL', 'Solana', 'SOL', 'SOL', 145),
  asset('XRP', 'XRP', 'XXRP', 'XRP', 0.62),
  asset('ADA', 'Cardano', 'ADA', 'ADA', 0.45),
  asset('DOGE', 'Dogecoin', 'XXDG', 'XDG', 0.13),
  asset('LTC', 'Litecoin', 'XLTC', 'LTC', 82),
  asset('USDC', 'USD Coin', 'USDC', 'USDC', 1),
  asset('RLUSD', 'Ripple USD', 'RLUSD', 'RLUSD', 1),
  asset('USD', 'US Dollar', 'ZUSD', 'USD', 1, true),
  asset('EUR', 'Euro', 'ZEUR', 'EUR', 1.08, true),
]

const STABLE = ['USDC', 'RLUSD']
/** XRPRLUSD can not be told from XRPRL/USD by its letters. */
const ODD = ['XRP', 'RLUSD']

export const MARKETS: readonly Market[] = ASSETS.filter((base) => !base.fiat && !STABLE.includes(base.code)).flatMap(
  (base) => ASSETS.filter((quote) => isTraded(base, quote)).map((quote) => market(base, quote)),
)

const byKrakenName = new Map(
  MARKETS.flatMap((found) =>
    [
      found.krakenId,
      found.altname,
      found.wsname,
      `${found.base}/${found.quote}`,
      `${found.base}${found.quote}`,
      found.altname.replace('XBT', 'BTC').replace('XDG', 'DOGE'),
    ].map((name) => [name, found] as const),
  ),
)
const byProduct = new Map(MARKETS.map((found) => [found.product, found]))

/** The market that a Kraken `pair` parameter means, by any of its aliases (XBTUSD, XXBTZUSD, XBT/USD, BTC/USD). */
export function krakenMarket(pair: string): Market | undefined {
  return byKrakenName.get(pair.toUpperCase())
}

/** The market of a Coinbase product id. */
export function coinbaseMarket(product: string): Market | undefined {
  return byProduct.get(product)
}

/** The mid price at a wall-clock time: the anchor and a slow wave of one percent. */
export function priceAt(traded: Market, wallMs: number): number {
  return traded.anchor * (1 + 0.01 * Math.sin(wallMs / 600_000 + traded.base.charCodeAt(0)))
}

/** Bid and ask around the mid, as decimal strings. */
export function quoteAt(traded: Market, wallMs: number): { bid: string; ask: string; last: string } {
  const mid = priceAt(traded, wallMs)
  const write = (price: number) => price.toFixed(traded.priceDecimals)
  return { bid: write(mid * 0.9999), ask: write(mid * 1.0001), last: write(mid) }
}

function isTraded(base: Asset, quote: Asset): boolean {
  return quote.fiat || quote.code === 'USDC' || (base.code === ODD[0] && quote.code === ODD[1])
}

function asset(code: string, name: string, krakenId: string, krakenAlt: string, usd: number, fiat = false): Asset {
  return { code, name, krakenId, krakenAlt, fiat, usd }
}

function market(base: Asset, quote: Asset): Market {
  const legacy = base.krakenId.startsWith('X') && quote.krakenId.startsWith('Z')
  const altname = base.krakenAlt + quote.krakenAlt
  const anchor = base.usd / quote.usd
  return {
    base: base.code,
    quote: quote.code,
    product: `${base.code}-${quote.code}`,
    krakenId: legacy ? base.krakenId + quote.krakenId : altname,
    altname,
    wsname: `${base.krakenAlt}/${quote.krakenAlt}`,
    priceDecimals: anchor > 1000 ? 1 : anchor > 10 ? 2 : 5,
    anchor,
  }
}
