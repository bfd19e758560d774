// How much of each limit was used: what the exchange served, against what it would have served at the most.

import type { Exchange } from '../support/exchange/exchange.ts'
import type { Call } from '../support/exchange/journal.ts'

export interface Efficiency {
  /** One line per limit. */
  readonly table: string
  /** 0 to 1. */
  of(counter: string): number
}

interface Limit {
  readonly counter: string
  readonly cost: (call: Call) => number
  /** Share of the limit that these calls used. */
  readonly share: (served: readonly Call[]) => number
}

/** The limits that the bots press on. */
const LIMITS: readonly Limit[] = [
  bucket('kraken.private', krakenCost, { capacity: 15, perSecond: 0.33, scopes: 2 }),
  bucket('kraken.public', is('api.kraken.com', /public\/(?!OHLC|Trades)/), { capacity: 5, perSecond: 1 }),
  window('coinbase-advanced.private', is('api.coinbase.com', /brokerage\/(?!market|time)/), 30),
  window('coinbase-advanced.public', is('api.coinbase.com', /brokerage\/(market|time)/), 10),
  bucket('coinbase-exchange.private', is('api.exchange.coinbase.com', /^\/(accounts|orders|fees)/), {
    capacity: 30,
    perSecond: 15,
  }),
  bucket('coinbase-exchange.fills', is('api.exchange.coinbase.com', /^\/fills/), { capacity: 20, perSecond: 10 }),
  bucket('coinbase-exchange.public', is('api.exchange.coinbase.com', /^\/products/), { capacity: 15, perSecond: 10 }),
]

/** As of now. */
export function efficiency(exchange: Exchange): Efficiency {
  const served = exchange.calls.filter(({ verdict }) => verdict === 'served')
  const shares = new Map(
    LIMITS.map(({ counter, cost, share }) => [counter, share(served.filter((call) => cost(call) > 0))] as const),
  )
  return {
    table: [...shares].map(([counter, share]) => `  ${counter.padEnd(28)}${(100 * share).toFixed(1)} %`).join('\n'),
    of: (counter) => shares.get(counter) ?? Number.NaN,
  }
}

/** All that was there at the start, and all that came in until the last call. */
function bucket(
  counter: string,
  cost: Limit['cost'],
  { capacity, perSecond, scopes = 1 }: { capacity: number; perSecond: number; scopes?: number },
): Limit {
  const share = (calls: readonly Call[]) => {
    const spent = calls.reduce((sum, call) => sum + cost(call), 0)
    return spent / (scopes * (capacity + perSecond * secondsTo(calls, calls.length - 1)))
  }
  return { counter, cost, share }
}

/** The call that opens the last full window can not come sooner than one second for each window before it. */
function window(counter: string, cost: Limit['cost'], perSecond: number): Limit {
  const share = (calls: readonly Call[]) => {
    const windows = Math.floor((calls.length - 1) / perSecond)
    return windows / secondsTo(calls, windows * perSecond)
  }
  return { counter, cost, share }
}

const secondsTo = (calls: readonly Call[], index: number): number =>
  ((calls[index]?.timeMs ?? 0) - (calls[0]?.timeMs ?? 0)) / 1000

function is(host: string, path: RegExp): Limit['cost'] {
  return (call) => (call.host === host && path.test(call.path) ? 1 : 0)
}

const KRAKEN_COSTS: Readonly<Record<string, number>> = { OpenOrders: 2, TradesHistory: 4, Ledgers: 4, Balance: 1 }

function krakenCost({ path }: Call): number {
  return KRAKEN_COSTS[path.replace('/0/private/', '')] ?? 0
}
