// One call as a line of JSON: { "method", "url", "body", "headers", "at", "bot" }, all but `url` optional. `at` is a date in
// ISO 8601 or milliseconds. A trace that anybody can write.

import type { RawHeaders } from '../core/call.ts'
import type { Item } from './item.ts'
import { askedOf, asObject, asText, broken, objectOf, timeOf } from './record.ts'

/** Undefined for an empty line. */
export const readJsonLine = (text: string): Item | undefined => {
  if (text.trim() === '') return undefined
  const line = objectOf(text)
  if (line === undefined) return broken('is not a JSON object; a call is one object on one line')
  const { method = 'GET', url, body, at, bot } = line
  const atMs = at === undefined ? undefined : timeOf(at)
  if (Number.isNaN(atMs)) return broken('"at" is neither a date nor milliseconds')
  const headers = headersOf(line.headers)
  if (headers === undefined) return broken('"headers" is not an object of texts')
  const bodyText =
    body === undefined || body === null || typeof body === 'string' ? (body ?? undefined) : JSON.stringify(body)
  return askedOf({ method, url, headers, body: bodyText }, { atMs, tookMs: 0, bot: asText(bot) ?? 'trace' })
}

const headersOf = (value: unknown): RawHeaders | undefined => {
  if (value === undefined) return []
  const entries = Object.entries(asObject(value) ?? { none: undefined })
  return entries.every(([, text]) => typeof text === 'string')
    ? entries.flatMap(([name, text]) => [name, String(text)])
    : undefined
}
