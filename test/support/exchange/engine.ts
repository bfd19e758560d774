// Kraken's trading-engine counters in virtual time: one decaying counter per account and pair, charged by what is
// done to an order and by the time since it was created or last amended.
// Source of every number: docs.kraken.com, "Spot trading rate limits"; at exactly 5 s the cheaper band holds.

import { DecayingCounter, PerScope, type Ruling } from './counters.ts'

/** Thresholds of one tier. `maxOpenOrders` is a level, not a rate: it never decays. */
export interface EngineTier {
  readonly max: number
  readonly decayPerSecond: number
  readonly maxOpenOrders: number
}

export const ENGINE_TIERS = {
  starter: { max: 60, decayPerSecond: 1, maxOpenOrders: 60 },
  intermediate: { max: 125, decayPerSecond: 2.34, maxOpenOrders: 80 },
  pro: { max: 180, decayPerSecond: 3.75, maxOpenOrders: 225 },
} as const satisfies Record<string, EngineTier>

const BANDS_BELOW_MS = [5_000, 10_000, 15_000, 45_000, 90_000, 300_000]
const PENALTY = { amend: [3, 2, 1, 0, 0, 0, 0], edit: [6, 5, 4, 2, 1, 0, 0], cancel: [8, 6, 5, 4, 2, 1, 0] }
const FIXED = { amend: 1, edit: 1, cancel: 0 }

/** Price of touching an order of that age: the fixed part plus the penalty of its age band. */
export function engineCost(action: 'amend' | 'edit' | 'cancel', ageMs: number): number {
  const band = BANDS_BELOW_MS.findIndex((below) => ageMs < below)
  return FIXED[action] + (PENALTY[action].at(band) ?? 0)
}

/** Price of a batch of adds: half a unit each; a single add is 1. */
export function batchAddCost(orders: number): number {
  return orders / 2
}

/** The counters of all accounts and pairs. Scopes are told, ages are told, time is told. */
export class EngineCounters {
  readonly #tierOf: (account: string) => EngineTier
  readonly #counters: PerScope<DecayingCounter>

  constructor(tierOf: (account: string) => EngineTier, rule: { readonly chargeRefused?: boolean } = {}) {
    this.#tierOf = tierOf
    this.#counters = new PerScope((scope) => {
      const account = scope.slice(0, scope.lastIndexOf(' '))
      return new DecayingCounter({ ...this.#tierOf(account), ...rule })
    })
  }

  add(account: string, pair: string, atMs: number): Ruling {
    return this.#of(account, pair).arrive(1, atMs)
  }

  addBatch(account: string, pair: string, orders: number, atMs: number): Ruling {
    return this.#of(account, pair).arrive(batchAddCost(orders), atMs)
  }

  /** Amends, edits or cancels one order of that age. */
  touch(action: 'amend' | 'edit' | 'cancel', account: string, pair: string, ageMs: number, atMs: number): Ruling {
    return this.#of(account, pair).arrive(engineCost(action, ageMs), atMs)
  }

  /** A batch cancel is accepted even over the maximum; its sum accumulates only up to the maximum. */
  cancelMany(account: string, pair: string, agesMs: readonly number[], atMs: number): Ruling {
    const cost = agesMs.reduce((sum, ageMs) => sum + engineCost('cancel', ageMs), 0)
    return this.#of(account, pair).accrue(cost, atMs)
  }

  /** A cancel that is taken in whatever the level, and counted in full. */
  cancelInFull(account: string, pair: string, ageMs: number, atMs: number): Ruling {
    return this.#of(account, pair).charge(engineCost('cancel', ageMs), atMs)
  }

  levelAt(account: string, pair: string, atMs: number): number {
    return this.#of(account, pair).levelAt(atMs)
  }

  #of(account: string, pair: string): DecayingCounter {
    return this.#counters.of(`${account} ${pair}`)
  }
}
