// What a request says: its query and its body as one set of parameters, whatever form they came in. Never throws: what can
// not be read is not there, and a list that can not be read is taken to be as long as it could be.

import type { Facts, ProxyRequest } from '../core/call.ts'
import type { EndpointClass } from '../core/rules.ts'

/** Parameters by name: text from forms, anything from JSON. */
export type Params = Readonly<Record<string, unknown>>

/** Query and body together; the body wins. Exchanges take forms and JSON alike, whatever the header says about them. */
export const paramsOf = ({ body, query }: ProxyRequest): Params => {
  const given = fromForm(query)
  if (body === undefined) return given
  const text = body.toString('utf8')
  return { ...given, ...(text.trimStart().startsWith('{') ? fromJson(text) : fromForm(text)) }
}

/** An object in JSON; empty when it is none. */
export const fromJson = (text: string): Params => {
  try {
    // Nonces of 19 digits do not fit a double: they are kept as text before the parser rounds them.
    const value: unknown = JSON.parse(text.replace(BARE_NONCE, '"nonce":"$1"'))
    return typeof value === 'object' && value !== null ? (value as Params) : {}
  } catch {
    return {}
  }
}

/** What the price of a class needs to know of the parameters: the entries of some, the value of others. */
export const pricedParams = ({ needs }: EndpointClass, params: Params, request: ProxyRequest): Facts['params'] =>
  new Map(
    needs.params.map(({ name, each, byParam }) => [
      name,
      {
        value: byParam ? asText(params[name]) : undefined,
        entries: each ? entriesOf(name, params, request) : undefined,
      },
    ]),
  )

const BARE_NONCE = /"nonce"\s*:\s*(\d+)(?=\s*[,}])/

const fromForm = (text: string): Params => {
  const params: Record<string, unknown> = {}
  for (const [name, value] of new URLSearchParams(text)) params[name] ??= value
  return params
}

const asText = (value: unknown): string | undefined => {
  if (value === undefined || value === null) return undefined
  return typeof value === 'string' ? value : JSON.stringify(value)
}

/** A list in JSON, or `name[3][…]` in a form. Any other has at most as many entries as braces, less the outer one. */
const entriesOf = (name: string, params: Params, request: ProxyRequest): number => {
  const list = params[name]
  if (Array.isArray(list)) return Math.max(1, list.length)
  const fields = Object.keys(params).filter((field) => field.startsWith(`${name}[`))
  if (fields.length > 0) return new Set(fields.map((field) => field.slice(0, field.indexOf(']')))).size
  const text = `${request.query} ${request.body?.toString('latin1') ?? ''}`
  const braces = text.match(OPEN_BRACE)?.length ?? 0
  const isOuter = FIRST_OPENING.exec(text)?.groups?.bracket === undefined
  return Math.max(1, isOuter ? braces - 1 : braces)
}

const OPEN_BRACE = /\{|%7b/gi
/** Entries come after the bracket that opens their list: a brace before any bracket is around the list. */
const FIRST_OPENING = /(?<bracket>\[|%5b)|\{|%7b/i
