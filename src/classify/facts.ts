// What a price, a lane or a deadline depends on, read from a call's query, body and headers. Only what the class needs is read.

import type { Facts, ProxyRequest } from '../core/call.ts'
import { bearerClaims, field } from '../core/headers.ts'
import type { Dialect, EndpointClass } from '../core/rules.ts'
import type { Millis } from '../core/units.ts'
import { normalPair } from './pair.ts'

/** Reads the facts of a call. Never throws: what can not be read is priced on the safe side. */
export const readFacts = (request: ProxyRequest, rule: EndpointClass): Facts => {
  const { needs } = rule
  if (!needs.nonce && !needs.pair && !needs.orders && !needs.expiry) return NONE
  return READERS[rule.exchange.dialect](request, rule)
}

const NONE: Facts = { nonce: undefined, pair: undefined, orderIds: [], orders: 1, expiresAtWallMs: undefined }

const READERS: Record<Dialect, (request: ProxyRequest, rule: EndpointClass) => Facts> = {
  kraken: (request, rule) => krakenFacts(request, rule),
  coinbase: (request, rule) => ({ ...NONE, expiresAtWallMs: signatureEnd(request, rule) }),
  coinbase_exchange: (request, rule) => ({ ...NONE, expiresAtWallMs: signatureEnd(request, rule) }),
  plain: () => NONE,
}

type Params = Readonly<Record<string, unknown>>

const krakenFacts = (request: ProxyRequest, { needs }: EndpointClass): Facts => {
  const params = request.body === undefined ? fromForm(request.query) : bodyParams(request)
  const { nonce, pair } = params
  return {
    nonce: needs.nonce ? asNonce(nonce ?? field(request.headers, 'api-nonce')) : undefined,
    pair: needs.pair ? normalPair(asText(pair)) : undefined,
    orderIds: needs.orders ? orderIds(params) : NONE.orderIds,
    orders: needs.orders ? Math.max(1, batchLength(params)) : 1,
    expiresAtWallMs: needs.expiry ? asDate(params.deadline) : undefined,
  }
}

/** Kraken takes form and JSON bodies alike, whatever the header says about them. */
const bodyParams = ({ body, query }: ProxyRequest): Params => {
  const text = body?.toString('utf8') ?? ''
  if (!text.trimStart().startsWith('{')) return { ...fromForm(query), ...fromForm(text) }
  try {
    // Nonces of 19 digits do not fit a double: they are kept as text before the parser rounds them.
    return JSON.parse(text.replace(BARE_NONCE, '"nonce":"$1"')) as Params
  } catch {
    return {}
  }
}

const BARE_NONCE = /"nonce"\s*:\s*(\d+)(?=\s*[,}])/

const fromForm = (text: string): Params => {
  const params: Record<string, unknown> = {}
  for (const [name, value] of new URLSearchParams(text)) params[name] ??= value
  return params
}

const SINGLE_NAMES = ['txid', 'order_id', 'cl_ord_id', 'userref']

/** Every way to name the orders that a cancel, amend or edit touches. */
const orderIds = (params: Params): readonly string[] => {
  // The surest name alone: beside a txid, a userref is one that an edit gives.
  const named = SINGLE_NAMES.map((name) => asList(params[name])).find((ids) => ids.length > 0) ?? []
  const listed = ['orders', 'cl_ord_ids'].flatMap((name) => asList(params[name]))
  const indexed = Object.keys(params).filter((name) => /^(orders|cl_ord_ids)\[\d+\](\[(txid|cl_ord_id)\])?$/.test(name))
  return [...named, ...listed, ...indexed.flatMap((name) => asList(params[name]))]
}

/** Ids from `"A,B"`, `["A"]`, `[{"txid":"A"}]` or a number. */
const asList = (value: unknown): readonly string[] => {
  if (typeof value === 'string') return value.split(',').filter((id) => id !== '')
  if (typeof value === 'number') return [String(value)]
  if (!Array.isArray(value)) return []
  return value.flatMap((entry: unknown) => {
    if (typeof entry !== 'object' || entry === null) return asList(entry)
    const { txid, cl_ord_id: own } = entry as Record<string, unknown>
    return asList(txid ?? own)
  })
}

/** Orders in a batch: `orders` as a JSON list or as `orders[3][…]` form fields. */
const batchLength = (params: Params): number => {
  const { orders, cl_ord_ids: own } = params
  if (Array.isArray(orders) || Array.isArray(own)) return lengthOf(orders) + lengthOf(own)
  const indexes = Object.keys(params).map((name) => /^(?:orders|cl_ord_ids)\[(\d+)\]/.exec(name)?.[0])
  return new Set(indexes.filter((index) => index !== undefined)).size
}

const lengthOf = (value: unknown): number => (Array.isArray(value) ? value.length : 0)

/** The earlier of a JWT's `exp` and the end of a timestamp header's life. */
const signatureEnd = ({ headers }: ProxyRequest, rule: EndpointClass): Millis | undefined => {
  const exp = bearerClaims(headers)?.exp
  if (typeof exp === 'number') return exp * 1000
  const stamp = Number(field(headers, 'cb-access-timestamp') ?? Number.NaN)
  if (rule.signatureLifeMs === undefined || !Number.isFinite(stamp)) return undefined
  return stamp * 1000 + rule.signatureLifeMs
}

const asText = (value: unknown): string | undefined => (typeof value === 'string' ? value : undefined)

const asNonce = (value: unknown): bigint | undefined => {
  const digits = String(value ?? '').trim()
  return /^\d{1,20}$/.test(digits) ? BigInt(digits) : undefined
}

const asDate = (value: unknown): Millis | undefined => {
  const date = Date.parse(String(value ?? ''))
  return Number.isNaN(date) ? undefined : date
}
