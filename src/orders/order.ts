// One order, and what an account has of them.

import type { Millis } from '../core/units.ts'

/** What is known of one order; all its names (txid, userref, cl_ord_id) lead to it. */
export interface Order {
  pair: string
  /** When it was placed or last amended; `GONE` once it is no longer open. */
  bornAt: Millis
  /** Nobody knows whether it was placed: the answer was lost. */
  supposed: boolean
}

/** What is known of one account. */
export interface Account {
  /** Open orders, in the order in which they were placed or amended. Those that grew old are dropped in passing. */
  readonly young: Set<Order>
  /** How many were dropped there and have not ended, as far as anybody has told; without those that are supposed. */
  old: number
  /** Every pair it has traded, also those of orders that are gone. */
  pairs: Set<string>
}

/** Born so long ago that it is no longer there. */
export const GONE: Millis = Number.NEGATIVE_INFINITY
/** What the names of orders that ended lead to. */
export const ENDED: Order = { pair: '', bornAt: GONE, supposed: false }

/** It is no longer among the young, or the old, of its account. */
export const leave = (own: Account, order: Order): void => {
  if (!own.young.delete(order) && !order.supposed) own.old = Math.max(0, own.old - 1)
}

/** It is young again. */
export const renew = (own: Account, order: Order, bornAt: Millis): void => {
  leave(own, order)
  order.bornAt = bornAt
  own.young.add(order)
}

/** The orders that a name leads to. */
export const listed = (named: Order | Set<Order>): readonly Order[] => (named instanceof Set ? [...named] : [named])
