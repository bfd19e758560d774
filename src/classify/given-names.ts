// How a bot names the orders that it places, so that it may touch them by these names later. Read when an answer says that
// they were placed, and not before.

import type { ProxyRequest } from '../core/call.ts'
import { type Params, paramsOf } from './params.ts'

/** Of each order of the call, in the order in which it lists them: its `userref` and `cl_ord_id`, where given. */
export const givenNames = (request: ProxyRequest): readonly (readonly string[])[] => {
  const params = paramsOf(request)
  if (Array.isArray(params.orders)) return params.orders.map((order: unknown) => namesIn(order))
  const indexed = new Map<number, Params>()
  for (const [field, value] of Object.entries(params)) {
    const [, index, name] = INDEXED.exec(field) ?? []
    if (name !== undefined) indexed.set(Number(index), { ...indexed.get(Number(index)), [name]: value })
  }
  if (indexed.size === 0) return [namesIn(params)]
  return [...indexed].toSorted(([a], [b]) => a - b).map(([, order]) => namesIn(order))
}

/** `orders[3][userref]` in a form. */
const INDEXED = /^orders\[(\d+)\]\[(\w+)\]$/

const namesIn = (order: unknown): readonly string[] => {
  if (typeof order !== 'object' || order === null) return []
  const { userref, cl_ord_id: own } = order as Params
  return [userref, own]
    .filter((name) => typeof name === 'string' || typeof name === 'number')
    .map(String)
    .filter(isName)
}

/** A userref of 0 is none. */
const isName = (name: string): boolean => name !== '' && name !== '0'
