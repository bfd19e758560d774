// Market data as the two Coinbase APIs show it, from the one catalogue. No limits here.

import { ASSETS, type Market, priceAt, quoteAt } from './catalogue.ts'
import { uuid } from './keys.ts'

/** A product of the Advanced Trade API. */
export function advancedProduct(market: Market, wallMs: number): object {
  return {
    product_id: market.product,
    price: quoteAt(market, wallMs).last,
    price_percentage_change_24h: '0.5',
    volume_24h: '1024.2',
    volume_percentage_change_24h: '1.5',
    base_increment: '0.00000001',
    quote_increment: increment(market),
    price_increment: increment(market),
    quote_min_size: '1',
    quote_max_size: '150000000',
    base_min_size: '0.00000001',
    base_max_size: '3400',
    base_name: assetName(market.base),
    quote_name: assetName(market.quote),
    watched: false,
    is_disabled: false,
    new: false,
    status: 'online',
    cancel_only: false,
    limit_only: false,
    post_only: false,
    trading_disabled: false,
    auction_mode: false,
    product_type: 'SPOT',
    quote_currency_id: market.quote,
    base_currency_id: market.base,
    mid_market_price: '',
    alias: '',
    alias_to: [],
    base_display_symbol: market.base,
    quote_display_symbol: market.quote,
    view_only: false,
    display_name: market.product,
    product_venue: 'CBE',
    approximate_quote_24h_volume: '65536000',
  }
}

/** A product of the Exchange API. */
export function exchangeProduct(market: Market): object {
  return {
    id: market.product,
    base_currency: market.base,
    quote_currency: market.quote,
    quote_increment: increment(market),
    base_increment: '0.00000001',
    display_name: `${market.base}/${market.quote}`,
    min_market_funds: '1',
    margin_enabled: false,
    post_only: false,
    limit_only: false,
    cancel_only: false,
    status: 'online',
    status_message: '',
    trading_disabled: false,
    fx_stablecoin: false,
    auction_mode: false,
  }
}

/** Candles between two unix seconds, newest first: start, low, high, open, close, volume as numbers. At most 350. */
export function candles(market: Market, startS: number, endS: number, stepS: number): number[][] {
  const last = Math.floor(endS / stepS) * stepS
  const count = Math.max(0, Math.min(350, Math.floor((last - startS) / stepS) + 1))
  return Array.from({ length: count }, (_, index) => {
    const at = last - index * stepS
    const open = priceAt(market, at * 1000)
    const close = priceAt(market, (at + stepS) * 1000)
    return [at, Math.min(open, close), Math.max(open, close), open, close, 3.1].map((value) => round(market, value))
  })
}

/** Price levels on one side of the book, best first. */
export function levels(
  market: Market,
  wallMs: number,
  side: 'bid' | 'ask',
  count: number,
): { price: string; size: string }[] {
  const sign = side === 'ask' ? 1 : -1
  return Array.from({ length: count }, (_, depth) => ({
    price: (priceAt(market, wallMs) * (1 + sign * 0.0001 * (depth + 1))).toFixed(market.priceDecimals),
    size: (0.5 + depth * 0.1).toFixed(3),
  }))
}

/** Recent trades, newest first. */
export function trades(market: Market, wallMs: number, count: number) {
  return Array.from({ length: count }, (_, index) => {
    const atMs = wallMs - index * 500
    return {
      id: Math.floor(atMs / 500),
      atMs,
      price: priceAt(market, atMs).toFixed(market.priceDecimals),
      size: '0.01',
      side: index % 2 ? ('buy' as const) : ('sell' as const),
    }
  })
}

/** One wallet per asset: enough of everything. */
export function wallets(owner: string) {
  return ASSETS.map((asset) => ({
    asset,
    id: uuid(`${owner} wallet ${asset.code}`),
    amount: (1_000_000 / asset.usd).toFixed(8),
  }))
}

export function increment(market: Market): string {
  return (10 ** -market.priceDecimals).toFixed(market.priceDecimals)
}

function assetName(code: string): string {
  return ASSETS.find((asset) => asset.code === code)?.name ?? code
}

function round(market: Market, value: number): number {
  return Number(value.toFixed(market.priceDecimals))
}
