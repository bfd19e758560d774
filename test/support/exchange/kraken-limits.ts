// Kraken's published limits for spot REST: the private counter by tier, what each call adds to it, and the public
// buckets. Sources: docs.kraken.com "Spot REST rate limits"; support.kraken.com "What are the API rate limits".

import type { Call } from './journal.ts'

export type KrakenTier = 'starter' | 'intermediate' | 'pro'
export type KrakenCosts = 'documented' | 'conservative'

export const PRIVATE_TIERS = {
  starter: { max: 15, decayPerSecond: 0.33 },
  intermediate: { max: 20, decayPerSecond: 0.5 },
  pro: { max: 20, decayPerSecond: 1 },
} as const

/** Where the two readings of the exchange's pages differ from 1 per call: [documented, conservative]. */
const COSTS: Readonly<Record<string, readonly [number, number]>> = {
  Ledgers: [2, 4],
  TradesHistory: [2, 4],
  ClosedOrders: [1, 4],
  QueryLedgers: [2, 2],
  QueryTrades: [1, 2],
  OpenOrders: [1, 2],
  AddOrder: [0, 0],
  AddOrderBatch: [0, 0],
  AmendOrder: [0, 0],
  EditOrder: [0, 0],
  CancelOrder: [0, 0],
  CancelOrderBatch: [0, 0],
  CancelAll: [0, 1],
  CancelAllOrdersAfter: [0, 1],
}

/** What a private call adds to the counter of its key; calls that no page names cost 1. */
export function privateCost(method: string, costs: KrakenCosts): number {
  return COSTS[method]?.[costs === 'documented' ? 0 : 1] ?? 1
}

/** Which public bucket a call drains: OHLC and Trades count per address and pair, the rest per address. */
export function publicScope(method: string, call: Call, pair: string): { counter: string; scope: string } {
  if (method === 'OHLC') return { counter: 'kraken.ohlc', scope: `${call.ip} ${pair}` }
  if (method === 'Trades') return { counter: 'kraken.trades', scope: `${call.ip} ${pair}` }
  return { counter: 'kraken.public', scope: call.ip }
}

/** Everything about Kraken that a test may set. */
export interface KrakenOptions {
  readonly tier?: KrakenTier
  readonly costs?: KrakenCosts
  /** A refused call adds its cost too. Off by default. */
  readonly chargeRefused?: boolean
  readonly public?: { readonly capacity: number; readonly refillPerSecond: number }
  readonly ohlc?: { readonly capacity: number; readonly refillPerSecond: number }
  readonly trades?: { readonly capacity: number; readonly refillPerSecond: number }
  /**
   * What a single cancel meets when the engine counter is full: it is refused, or accepted and counted up to the maximum,
   * or accepted and counted in full. The documents exempt only batch cancels.
   */
  readonly cancelOverMax?: 'refuse' | 'accept' | 'charge'
  /** Bad keys, signatures and nonces in a row before the key is locked, and for how long. */
  readonly lockout?: { readonly after: number; readonly forMs: number }
  /** False: neither signature nor nonce is looked at (for load tests). */
  readonly verify?: boolean
}
