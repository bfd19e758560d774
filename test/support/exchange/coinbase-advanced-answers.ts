// How the Advanced Trade API shows market data, accounts, orders and fills (docs.cdp.coinbase.com, "Advanced Trade REST
// API"). Shapes only: no limits, no state.

import { coinbaseMarket, MARKETS, type Market, quoteAt } from './catalogue.ts'
import { advancedProduct, candles, levels, trades, type wallets } from './coinbase-market.ts'
import type { Call } from './journal.ts'
import { uuid } from './keys.ts'
import type { Order } from './orders.ts'
import { Refusal } from './venue.ts'

const STEPS_S: Readonly<Record<string, number>> = {
  ONE_MINUTE: 60,
  FIVE_MINUTE: 300,
  FIFTEEN_MINUTE: 900,
  THIRTY_MINUTE: 1800,
  ONE_HOUR: 3600,
  TWO_HOUR: 7200,
  SIX_HOUR: 21_600,
  ONE_DAY: 86_400,
}

/** Market data under `products`, `product_book` and `best_bid_ask`, by path parts; the same for public and private. */
export function marketAnswer(call: Call, [group, id, part]: readonly string[]): object {
  const { query, wallMs } = call
  if (group === 'product_book') {
    const traded = known(coinbaseMarket(query.get('product_id') ?? ''))
    return { pricebook: book(traded, wallMs, Number(query.get('limit') ?? 50)) }
  }
  if (group === 'best_bid_ask') {
    const asked = query.getAll('product_ids')
    return {
      pricebooks: MARKETS.filter((one) => asked.length === 0 || asked.includes(one.product)).map((one) =>
        book(one, wallMs, 1),
      ),
    }
  }
  if (group !== 'products') throw notFound()
  if (id === undefined) {
    const type = query.get('product_type')
    const products = type === null || type === 'SPOT' ? MARKETS.map((one) => advancedProduct(one, wallMs)) : []
    return { products, num_products: products.length }
  }
  const traded = known(coinbaseMarket(id))
  if (part === undefined) return advancedProduct(traded, wallMs)
  if (part === 'ticker') return ticker(traded, wallMs, Number(query.get('limit') ?? 100))
  if (part !== 'candles') throw notFound()
  const step = STEPS_S[query.get('granularity') ?? 'ONE_MINUTE'] ?? 60
  const end = Number(query.get('end') ?? wallMs / 1000)
  const start = Number(query.get('start') ?? end - 300 * step)
  const rows = candles(traded, start, end, step).map((row) => row.map(String))
  return {
    candles: rows.map(([at, low, high, open, close, volume]) => ({ start: at, low, high, open, close, volume })),
  }
}

export function timeAnswer(wallMs: number): object {
  const seconds = String(Math.floor(wallMs / 1000))
  return { iso: new Date(wallMs).toISOString(), epochSeconds: seconds, epochMillis: String(Math.floor(wallMs)) }
}

function book(traded: Market, wallMs: number, count: number): object {
  const side = (name: 'bid' | 'ask') => levels(traded, wallMs, name, count)
  return { product_id: traded.product, bids: side('bid'), asks: side('ask'), time: new Date(wallMs).toISOString() }
}

function ticker(traded: Market, wallMs: number, count: number): object {
  const { bid, ask } = quoteAt(traded, wallMs)
  const rows = trades(traded, wallMs, Math.min(count, 1000)).map(({ id, atMs, price, size, side }) => {
    const at = new Date(atMs).toISOString()
    return {
      trade_id: String(id),
      product_id: traded.product,
      price,
      size,
      time: at,
      side: side.toUpperCase(),
      bid: '',
      ask: '',
    }
  })
  return { trades: rows, best_bid: bid, best_ask: ask }
}

export function accountAnswer(wallet: ReturnType<typeof wallets>[number], wallMs: number) {
  const { asset, id, amount } = wallet
  const money = (value: string) => ({ value, currency: asset.code })
  const at = new Date(wallMs).toISOString()
  return {
    uuid: id,
    name: `${asset.code} Wallet`,
    currency: asset.code,
    available_balance: money(amount),
    default: true,
    active: true,
    created_at: at,
    updated_at: at,
    deleted_at: null,
    type: asset.fiat ? 'ACCOUNT_TYPE_FIAT' : 'ACCOUNT_TYPE_CRYPTO',
    ready: true,
    hold: money('0'),
  }
}

export function orderAnswer(order: Order) {
  const filled = order.status === 'filled'
  return {
    order_id: order.id,
    product_id: order.market.product,
    user_id: uuid(order.account),
    order_configuration: order.request.order_configuration,
    side: order.side.toUpperCase(),
    client_order_id: order.clientId,
    status: filled ? 'FILLED' : order.status === 'cancelled' ? 'CANCELLED' : 'OPEN',
    time_in_force: 'GOOD_UNTIL_CANCELLED',
    created_time: new Date(order.createdWallMs).toISOString(),
    completion_percentage: filled ? '100' : '0',
    filled_size: filled ? order.size.toFixed(8) : '0',
    average_filled_price: String(order.fillPrice),
    fee: '',
    number_of_fills: filled ? '1' : '0',
    filled_value: (order.fillPrice * order.size).toFixed(8),
    pending_cancel: false,
    size_in_quote: false,
    total_fees: '0',
    order_type: order.type.toUpperCase(),
    settled: filled,
    product_type: 'SPOT',
  }
}

export function fillAnswer(order: Order): object {
  return {
    entry_id: uuid(`fill ${order.id}`),
    trade_id: uuid(`trade ${order.id}`),
    order_id: order.id,
    trade_time: new Date(order.closedWallMs).toISOString(),
    trade_type: 'FILL',
    price: String(order.fillPrice),
    size: order.size.toFixed(8),
    commission: '0',
    product_id: order.market.product,
    side: order.side.toUpperCase(),
  }
}

export function known<T>(found: T | undefined): T {
  if (found === undefined) throw notFound()
  return found
}

export function notFound(): Refusal {
  const body = { error: 'NOT_FOUND', error_details: 'not found', message: 'not found' }
  return new Refusal('not found', { status: 404, body })
}
