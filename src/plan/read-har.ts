// One entry of a HAR 1.2 file, as browsers and intercepting proxies write it.

import type { RawHeaders } from '../core/call.ts'
import type { Item } from './item.ts'
import { askedOf, asObject, asText, broken, objectOf, timeOf } from './record.ts'

/** The request of an entry, when it was made and how long it took. */
export const readHarEntry = (text: string): Item => {
  const entry = objectOf(text)
  const request = asObject(entry?.request)
  if (entry === undefined || request === undefined) return broken('has no request')
  const atMs = timeOf(entry.startedDateTime)
  if (Number.isNaN(atMs)) return broken('"startedDateTime" is not a date')
  const { method, url, headers, postData } = request
  const tookMs = typeof entry.time === 'number' ? Math.max(0, entry.time) : 0
  return askedOf(
    { method, url, headers: pairsOf(headers).flat(), body: bodyOf(postData) },
    { atMs, tookMs, bot: 'trace' },
  )
}

/** Fields by name, from `[{ "name": …, "value": … }]`. */
const pairsOf = (value: unknown): readonly RawHeaders[] =>
  (Array.isArray(value) ? value : []).flatMap((field: unknown) => {
    const { name, value: text } = asObject(field) ?? {}
    return typeof name === 'string' && typeof text === 'string' ? [[name, text]] : []
  })

/** A form may be told as its fields alone. */
const bodyOf = (value: unknown): string | undefined => {
  const { text, params } = asObject(value) ?? {}
  if (asText(text)) return asText(text)
  const fields = pairsOf(params)
  return fields.length === 0
    ? undefined
    : new URLSearchParams(fields.map(([name = '', text = '']) => [name, text])).toString()
}
