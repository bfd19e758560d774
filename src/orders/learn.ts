// What Kraken's answers tell about orders: ids, pairs, births. Read from answers that were accepted.

import type { Cancelled, ClassifiedCall, ProxyRequest } from '../core/call.ts'
import type { Millis } from '../core/units.ts'
import type { Orders } from './ages.ts'

/** How calls are read. */
export interface Reader {
  readonly normalPair: (name: string | undefined) => string | undefined
  /** The names that the bot gives to each order of the call, in their order. */
  readonly givenNames: (request: ProxyRequest) => readonly (readonly string[])[]
}

/**
 * Remembers what one answer tells. Anything that is not as documented is passed over.
 * @returns how many orders were cancelled, where it says so
 */
export const learnFrom = (
  orders: Orders,
  call: ClassifiedCall,
  json: unknown,
  wallMs: Millis,
  { normalPair, givenNames }: Reader,
): Cancelled | undefined => {
  const account = call.identity.account
  const result = record(record(json)?.result)
  const endpoint = endpointOf(call)
  const { facts, request } = call
  if (account === undefined) return undefined
  if (result === undefined) {
    if (json === undefined || call.record.verdict?.kind === 'failing') suppose(orders, call, givenNames)
    const [only, ...others] = facts.orderIds
    const unknown = texts(record(json)?.error).some((error) => error.startsWith(UNKNOWN))
    if (unknown && only !== undefined && others.length === 0) orders.unknown(account, only)
    return undefined
  }
  const pair = facts.pair ?? '?'
  switch (endpoint) {
    case 'AddOrder': {
      const given = givenNames(request)[0] ?? []
      for (const txid of texts(result.txid)) orders.placed(account, pair, distinct([txid, ...given]))
      return undefined
    }
    case 'AddOrderBatch': {
      const placed = list(result.orders)
      const given = givenNames(request)
      for (const [index, order] of placed.entries()) {
        const own = [...texts(order.txid), ...texts(order.cl_ord_id)]
        // Orders are answered one by one, those that were refused as well; otherwise nobody knows whose names these are.
        const names = placed.length === given.length ? (given[index] ?? []) : []
        if (own.length > 0) orders.placed(account, pair, distinct([...own, ...names]))
      }
      return undefined
    }
    case 'AmendOrder':
      for (const id of facts.orderIds) orders.amended(account, id)
      return undefined
    case 'EditOrder':
      for (const id of facts.orderIds) {
        const [renamed = id] = texts(result.txid)
        orders.amended(account, id, distinct([renamed, ...(givenNames(request)[0] ?? [])]))
      }
      return undefined
    case 'CancelOrder':
    case 'CancelOrderBatch': {
      const cancelled = cancelledBy(result)
      const count = facts.orderIds.length === 1 ? cancelled?.count : undefined
      for (const id of facts.orderIds) orders.gone(account, id, count)
      return cancelled
    }
    case 'CancelAll':
      orders.allGone(account)
      return cancelledBy(result)
    case 'OpenOrders':
    case 'QueryOrders':
      for (const [txid, order] of Object.entries(record(result.open) ?? result)) {
        listed(orders, account, txid, record(order), wallMs, normalPair)
      }
      return undefined
    default:
      return undefined
  }
}

/**
 * Takes what was sent, and has no answer that tells what became of it, for done where that makes orders younger: the exchange
 * may have done it. An order that was not known stays unknown, and is priced as the youngest anyway.
 */
export const suppose = (orders: Orders, call: ClassifiedCall, givenNames: Reader['givenNames']): void => {
  const { facts, request, identity } = call
  const { account } = identity
  if (account === undefined) return
  switch (endpointOf(call)) {
    case 'AddOrder':
    case 'AddOrderBatch':
      // Without a name of its own nobody can ask for it; a cancel of all tells how many there were.
      for (const names of givenNames(request)) {
        if (names.length > 0) orders.supposed(account, facts.pair ?? '?', distinct(names))
      }
      return
    case 'AmendOrder':
      for (const id of facts.orderIds) orders.amended(account, id)
      return
    case 'EditOrder':
      for (const id of facts.orderIds) orders.amended(account, id, distinct([id, ...(givenNames(request)[0] ?? [])]))
      return
    default:
  }
}

const endpointOf = ({ request: { path } }: ClassifiedCall): string => path.slice(path.lastIndexOf('/') + 1)

/** While cancels are pending, `count` may not be all of it (docs.kraken.com/api/docs/rest-api/cancel-order). */
const cancelledBy = ({ count, pending }: Readonly<Record<string, unknown>>): Cancelled | undefined => {
  const isPending = Array.isArray(pending) ? pending.length > 0 : pending !== undefined && pending !== false
  return typeof count === 'number' && count >= 0 ? { count, isAll: !isPending } : undefined
}

/** An order as OpenOrders and QueryOrders show it: `opentm` in unix seconds, `descr.pair`. */
const listed = (
  orders: Orders,
  account: string,
  txid: string,
  order: Readonly<Record<string, unknown>> | undefined,
  wallMs: Millis,
  normalPair: Reader['normalPair'],
): void => {
  const pair = normalPair(texts(record(order?.descr)?.pair)[0])
  const opened = order?.opentm
  if (CLOSED.has(String(order?.status))) orders.unknown(account, txid)
  else if (order !== undefined && pair !== undefined && typeof opened === 'number') {
    // What weir saw itself is surer: the list says nothing of amendments, and may be older than an end.
    if (orders.find(account, txid).length > 0 || orders.isGone(account, txid)) return
    const { userref } = order
    const ref = typeof userref === 'number' && userref !== 0 ? [String(userref)] : []
    const names = [txid, ...texts(order.cl_ord_id), ...ref]
    const agoMs = Math.max(0, wallMs - opened * 1000 - BIAS_MS)
    // The answer to it was lost, and here it is; no other open order has its cl_ord_id.
    const [given] = texts(order.cl_ord_id)
    const supposedMs = given === undefined ? undefined : orders.supposedAgeMs(account, pair, given)
    if (given === undefined || supposedMs === undefined) orders.placed(account, pair, names, agoMs)
    else orders.amended(account, given, names, Math.min(supposedMs, agoMs))
  }
}

/** Filled or cancelled, or never there. */
const UNKNOWN = 'EOrder:Unknown order'

/** In QueryOrders also those that are no longer open are listed. */
const CLOSED = new Set(['closed', 'canceled', 'expired'])
/** Their clock may be behind ours: an order counts as a little younger than it looks, which costs more, never less. */
const BIAS_MS: Millis = 1000

const distinct = (names: readonly string[]): readonly string[] => [...new Set(names)]

const record = (value: unknown): Readonly<Record<string, unknown>> | undefined =>
  typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Record<string, unknown>) : undefined

const list = (value: unknown): readonly Readonly<Record<string, unknown>>[] =>
  Array.isArray(value) ? value.map((entry) => record(entry) ?? {}) : []

const texts = (value: unknown): readonly string[] => {
  if (typeof value === 'string') return [value]
  return Array.isArray(value) ? value.filter((entry): entry is string => typeof entry === 'string') : []
}
