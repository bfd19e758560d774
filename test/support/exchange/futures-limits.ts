// What Kraken Futures counts: 500 cost units per 10 seconds on /derivatives, in the strictest reading a rolling window, and a
// pool of 100 for the history, filled at 100 per 10 minutes (docs.kraken.com, "Futures rate limits").

import { isRecord } from './form.ts'
import type { Call } from './journal.ts'

export const FUTURES_RULES = {
  derivatives: { max: 500, windowMs: 10_000 },
  history: { capacity: 100, refillPerSecond: 100 / 600 },
}

export type FuturesOptions = Partial<typeof FUTURES_RULES>

/** A price, and which of the two budgets pays it. */
export interface FuturesPrice {
  readonly budget: keyof typeof FUTURES_RULES
  readonly cost: number
}

const PRICES: Readonly<Record<string, number>> = {
  'POST sendorder': 10,
  'POST editorder': 10,
  'POST cancelorder': 10,
  'POST cancelallorders': 25,
  'POST cancelallordersafter': 25,
  'GET accounts': 2,
  'GET openpositions': 2,
  'GET openorders': 2,
  'POST orders/status': 1,
  'GET unwindqueue': 200,
  'GET leveragepreferences': 2,
  'PUT leveragepreferences': 10,
  'GET pnlpreferences': 2,
  'PUT pnlpreferences': 10,
  'POST transfer': 10,
  'POST transfer/subaccount': 10,
  'POST withdrawal': 100,
}

const PUBLIC =
  /^\/derivatives\/api\/v[34]\/(instruments|tickers|orderbook|history|historical-?fundingrates|feeschedules)(\/|$)/

/** The price of a call; undefined for public ones, which are outside every budget. What no page names costs 10. */
export function futuresPrice(call: Call): FuturesPrice | undefined {
  if (PUBLIC.test(call.path) || call.path.startsWith('/api/charts/') || call.path.includes('/market/')) return undefined
  const history = /^\/api\/history\/v\d\/(.+)$/.exec(call.path)?.[1]
  if (history !== undefined) return { budget: 'history', cost: historyCost(history, call) }
  const endpoint = call.path.replace(/^\/derivatives\/api\/v3\//, '')
  if (endpoint === 'batchorder') return { budget: 'derivatives', cost: 9 + instructions(call).length }
  if (endpoint === 'fills') return { budget: 'derivatives', cost: call.query.has('lastFillTime') ? 25 : 2 }
  return { budget: 'derivatives', cost: PRICES[`${call.method} ${endpoint}`] ?? 10 }
}

function historyCost(endpoint: string, call: Call): number {
  if (endpoint === 'accountlogcsv') return 6
  if (endpoint !== 'account-log') return 1
  const count = Number(call.query.get('count') ?? 500)
  if (count <= 25) return 1
  if (count <= 50) return 2
  if (count <= 1000) return 3
  return count <= 5000 ? 6 : 10
}

/** The instructions of a batch: JSON in the form field `json`. */
export function instructions(call: Call): readonly Readonly<Record<string, unknown>>[] {
  const text = new URLSearchParams(call.body.toString('utf8')).get('json') ?? call.query.get('json') ?? ''
  try {
    const value: unknown = JSON.parse(text)
    const list = isRecord(value) ? value.batchOrder : undefined
    return Array.isArray(list) ? list.filter(isRecord) : []
  } catch {
    return []
  }
}
