// What a price, a lane or a deadline depends on, read from a call's query, body and headers. Only what the class needs is read.

import { type Facts, NO_FACTS, type ProxyRequest } from '../core/call.ts'
import { bearerClaims, field } from '../core/headers.ts'
import type { Dialect, EndpointClass } from '../core/rules.ts'
import type { Millis } from '../core/units.ts'
import { type PairsOf, unlistedPairs } from './pair.ts'
import { fromJson, type Params, paramsOf, pricedParams } from './params.ts'

type Reader = (request: ProxyRequest, rule: EndpointClass, pairsOf: PairsOf) => Facts

/**
 * Reads the facts of a call. Never throws: what can not be read is priced on the safe side.
 * @param pairsOf what is known of the names of pairs; without it, rules of thumb alone
 */
export const readFacts = (request: ProxyRequest, rule: EndpointClass, pairsOf: PairsOf = unlistedPairs): Facts => {
  const { needs } = rule
  if (!needs.nonce && !needs.pair && !needs.orders && !needs.expiry && needs.params.length === 0) return NO_FACTS
  return READERS[rule.exchange.dialect](request, rule, pairsOf)
}

const READERS: Record<Dialect, Reader> = {
  kraken: (request, rule, pairsOf) => krakenFacts(request, rule, pairsOf),
  kraken_futures: (request, rule, pairsOf) => futuresFacts(request, rule, pairsOf),
  coinbase: (request, rule, pairsOf) => signedFacts(request, rule, pairsOf),
  coinbase_exchange: (request, rule, pairsOf) => signedFacts(request, rule, pairsOf),
  plain: (request, rule, pairsOf) => signedFacts(request, rule, pairsOf),
}

const krakenFacts: Reader = (request, rule, pairsOf) => {
  const { needs, exchange } = rule
  const params = paramsOf(request)
  const { nonce, pair } = params
  return {
    nonce: needs.nonce ? asNonce(nonce ?? field(request.headers, 'api-nonce')) : undefined,
    pair: needs.pair ? pairsOf(exchange.name).normal(asText(pair)) : undefined,
    orderIds: needs.orders ? orderIds(params) : NO_FACTS.orderIds,
    params: priced(rule, params, request),
    expiresAtWallMs: needs.expiry ? asDate(params.deadline) : undefined,
  }
}

/**
 * Kraken Futures takes its parameters from the query or a form, a batch as JSON in the field `json`, and orders may say
 * until when they are wanted (docs.kraken.com/api/docs/futures-api/trading/send-order).
 */
const futuresFacts: Reader = (request, rule) => {
  const given = paramsOf(request)
  const params = typeof given.json === 'string' ? { ...given, ...fromJson(given.json) } : given
  return {
    ...NO_FACTS,
    params: priced(rule, params, request),
    expiresAtWallMs: rule.needs.expiry ? asDate(params.processBefore) : undefined,
  }
}

/** Where only a signature expires. */
const signedFacts: Reader = (request, rule) => ({
  ...NO_FACTS,
  params: rule.needs.params.length === 0 ? NO_FACTS.params : priced(rule, paramsOf(request), request),
  expiresAtWallMs: rule.needs.expiry ? signatureEnd(request, rule) : undefined,
})

const priced = (rule: EndpointClass, params: Params, request: ProxyRequest): Facts['params'] =>
  rule.needs.params.length === 0 ? NO_FACTS.params : pricedParams(rule, params, request)

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
