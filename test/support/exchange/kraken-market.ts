// Kraken's public answers: the shapes of docs.kraken.com "Market data", filled from the catalogue. No limits here.

import { ASSETS, krakenMarket, MARKETS, type Market, priceAt, quoteAt } from './catalogue.ts'

type Query = URLSearchParams

/** Thrown with Kraken's own error text. */
export class KrakenError extends Error {}

/** The market a parameter names; throws Kraken's error for an unknown one. */
export function wantedMarket(pair: string): Market {
  const market = krakenMarket(pair)
  if (!market) throw new KrakenError('EQuery:Unknown asset pair')
  return market
}

/** Every public method by name: the `result` of its answer at a wall-clock time. */
export const PUBLIC_METHODS: Readonly<Record<string, (query: Query, wallMs: number) => unknown>> = {
  Time: (_query, wallMs) => ({ unixtime: Math.floor(wallMs / 1000), rfc1123: new Date(wallMs).toUTCString() }),
  SystemStatus: (_query, wallMs) => ({ status: 'online', timestamp: new Date(wallMs).toISOString() }),
  Assets: (query) =>
    Object.fromEntries(
      ASSETS.filter((asset) => wanted(query, 'asset', [asset.krakenId, asset.krakenAlt])).map((asset) => [
        asset.krakenId,
        {
          aclass: 'currency',
          altname: asset.krakenAlt,
          decimals: asset.fiat ? 4 : 10,
          display_decimals: asset.fiat ? 2 : 5,
          status: 'enabled',
        },
      ]),
    ),
  AssetPairs: (query) =>
    Object.fromEntries(selected(query).map((market) => [market.krakenId, pairDescription(market)])),
  Ticker: (query, wallMs) =>
    Object.fromEntries(selected(query).map((market) => [market.krakenId, ticker(market, wallMs)])),
  OHLC: (query, wallMs) => {
    const market = wantedMarket(query.get('pair') ?? '')
    const stepMs = Number(query.get('interval') ?? 1) * 60_000
    const current = Math.floor(wallMs / stepMs) * stepMs
    const rows = Array.from({ length: 720 }, (_, index) => candle(market, current - (719 - index) * stepMs, stepMs))
    return { [market.krakenId]: rows, last: (current - stepMs) / 1000 }
  },
  Depth: (query, wallMs) => {
    const market = wantedMarket(query.get('pair') ?? '')
    const count = Math.min(500, Number(query.get('count') ?? 100))
    return { [market.krakenId]: { asks: levels(market, wallMs, 1, count), bids: levels(market, wallMs, -1, count) } }
  },
  Trades: (query, wallMs) => {
    const market = wantedMarket(query.get('pair') ?? '')
    const count = Math.min(1000, Number(query.get('count') ?? 1000))
    const rows = Array.from({ length: count }, (_, index) => {
      const atMs = wallMs - (count - index) * 500
      const price = priceAt(market, atMs).toFixed(market.priceDecimals)
      return [price, '0.01000000', atMs / 1000, index % 2 ? 'b' : 's', 'l', '', Math.floor(atMs / 500)]
    })
    return { [market.krakenId]: rows, last: `${Math.floor(wallMs)}000000` }
  },
  Spread: (query, wallMs) => {
    const market = wantedMarket(query.get('pair') ?? '')
    const { bid, ask } = quoteAt(market, wallMs)
    const second = Math.floor(wallMs / 1000)
    return { [market.krakenId]: [[second, bid, ask]], last: second }
  },
}

function selected(query: Query): readonly Market[] {
  const pairs = query.get('pair')
  return pairs === null || pairs === '' ? MARKETS : pairs.split(',').map(wantedMarket)
}

function wanted(query: Query, name: string, names: readonly string[]): boolean {
  const asked = query.get(name)?.split(',')
  return asked === undefined || names.some((known) => asked.includes(known))
}

function ticker(market: Market, wallMs: number): object {
  const { bid, ask, last } = quoteAt(market, wallMs)
  const low = (market.anchor * 0.99).toFixed(market.priceDecimals)
  const high = (market.anchor * 1.01).toFixed(market.priceDecimals)
  const vwap = market.anchor.toFixed(market.priceDecimals)
  return {
    a: [ask, '1', '1.000'],
    b: [bid, '2', '2.000'],
    c: [last, '0.01000000'],
    v: ['512.10000000', '1024.20000000'],
    p: [vwap, vwap],
    t: [4_000, 8_000],
    l: [low, low],
    h: [high, high],
    o: vwap,
  }
}

function candle(market: Market, startMs: number, stepMs: number): unknown[] {
  const write = (price: number) => price.toFixed(market.priceDecimals)
  const open = priceAt(market, startMs)
  const close = priceAt(market, startMs + stepMs)
  const [low, high] = open < close ? [open, close] : [close, open]
  return [
    startMs / 1000,
    write(open),
    write(high),
    write(low),
    write(close),
    write((open + close) / 2),
    '3.10000000',
    42,
  ]
}

function levels(market: Market, wallMs: number, side: 1 | -1, count: number): unknown[] {
  const mid = priceAt(market, wallMs)
  const second = Math.floor(wallMs / 1000)
  return Array.from({ length: count }, (_, depth) => {
    const price = mid * (1 + side * 0.0001 * (depth + 1))
    return [price.toFixed(market.priceDecimals), (0.5 + depth * 0.1).toFixed(3), second]
  })
}

function pairDescription(market: Market): object {
  const code = (name: string) => ASSETS.find((asset) => asset.code === name)?.krakenId ?? name
  return {
    altname: market.altname,
    wsname: market.wsname,
    aclass_base: 'currency',
    base: code(market.base),
    aclass_quote: 'currency',
    quote: code(market.quote),
    lot: 'unit',
    cost_decimals: 5,
    pair_decimals: market.priceDecimals,
    lot_decimals: 8,
    lot_multiplier: 1,
    leverage_buy: [2, 3],
    leverage_sell: [2, 3],
    fees: [[0, 0.4]],
    fees_maker: [[0, 0.25]],
    fee_volume_currency: 'ZUSD',
    margin_call: 80,
    margin_stop: 40,
    ordermin: '0.0001',
    costmin: '0.5',
    tick_size: (10 ** -market.priceDecimals).toFixed(market.priceDecimals),
    status: 'online',
  }
}
