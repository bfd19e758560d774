// Which fields of an answer go on to the bot, and its reason phrase. Fields of requests are chosen on the way in (inbound/request.ts).

import type { RawHeaders } from '../core/call.ts'
import { HOP_BY_HOP } from '../core/headers.ts'
import { bySpelling } from '../core/spellings.ts'

type Kind = 'relay' | 'drop' | 'connection'

const kindOf = bySpelling((name): Kind => {
  if (name === 'connection') return 'connection'
  return HOP_BY_HOP.has(name) ? 'drop' : 'relay'
})

/**
 * Decodes raw fields and drops those of the connection. Bytes above 0x7f are latin1 (RFC 9110 §5.5): read as UTF-8 they
 * could not be written again.
 */
export const endToEnd = (raw: readonly Buffer[] | RawHeaders): string[] => {
  const fields = isText(raw) ? raw : decoded(raw)
  const headers: string[] = []
  let named: Set<string> | undefined
  for (let index = 0; index + 1 < fields.length; index += 2) {
    const name = fields[index] ?? ''
    const value = fields[index + 1] ?? ''
    const kind = kindOf(name)
    if (kind === 'relay') headers.push(name, value)
    else if (kind === 'connection') named = namedBy(value, named)
  }
  return named === undefined ? headers : without(headers, named)
}

/**
 * The reason phrase as latin1, like the fields; empty when it holds what RFC 9112 §4 does not allow, or bytes that were lost:
 * undici reads it as UTF-8, and it could not be written again.
 */
export const reasonPhrase = (text: string): string => {
  if (PLAIN.test(text)) return text
  const bytes = Buffer.from(text).toString('latin1')
  return ALLOWED.test(bytes) && !text.includes(LOST) ? bytes : ''
}

const PLAIN = /^[\t -~]*$/
const ALLOWED = /^[\t -~\x80-\xff]*$/
/** What stands for bytes that are no UTF-8. */
const LOST = '\ufffd'

/** Options of a `Connection` field that say more than how long the connection lives. */
const namedBy = (value: string, known: Set<string> | undefined): Set<string> | undefined => {
  // Nearly always.
  if (value === 'keep-alive') return known
  let named = known
  for (const option of value.toLowerCase().split(',')) {
    const name = option.trim()
    if (name === '' || name === 'keep-alive' || name === 'close') continue
    named ??= new Set()
    named.add(name)
  }
  return named
}

const without = (headers: readonly string[], names: ReadonlySet<string>): string[] => {
  const kept: string[] = []
  for (let index = 0; index + 1 < headers.length; index += 2) {
    const name = headers[index] ?? ''
    if (!names.has(name.toLowerCase())) kept.push(name, headers[index + 1] ?? '')
  }
  return kept
}

const isText = (raw: readonly Buffer[] | RawHeaders): raw is RawHeaders => typeof raw[0] !== 'object'

/** Names and values mostly lie in the bytes of one read: those are decoded once, and the text is cut, which halves the time. */
const decoded = (raw: readonly Buffer[]): RawHeaders => {
  const from = raw[0]?.byteOffset ?? 0
  const bytes = raw[0]?.buffer
  const last = raw.at(-1)
  const length = last === undefined || last.buffer !== bytes ? 0 : last.byteOffset + last.length - from
  const whole = bytes !== undefined && length > 0 ? Buffer.from(bytes, from, length).toString('latin1') : ''
  return raw.map((field) => {
    const at = field.byteOffset - from
    const within = field.buffer === bytes && at >= 0 && at + field.length <= whole.length
    return within ? whole.slice(at, at + field.length) : field.toString('latin1')
  })
}
