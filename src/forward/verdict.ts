// What the exchange's answer means, from its status and, where the exchange hides refusals in a 200, from its body.

import { OK, type RawHeaders, type ToldBudget, type Verdict } from '../core/call.ts'
import { field } from '../core/headers.ts'
import type { AnswerRule, Dialect, ExchangeRule } from '../core/rules.ts'
import type { Bytes, Millis } from '../core/units.ts'
import { type Answer, Reading } from './reading.ts'

/** Largest answer body that is read for a verdict; errors are small, and what is larger streams past. */
export const JUDGED_BYTES: Bytes = 16 * 1024
/** A pause that an answer asks for is believed up to here: an absurd time must not close a key for a year. */
const LONGEST_PAUSE_MS: Millis = 15 * 60_000

/** A time to come back at is for a crowd that thins within seconds; a far one is a mistake. */
const LONGEST_UNTIL_MS: Millis = 60_000

/** What an answer tells of the limit that its call took from. */
export const toldBudget = ({ headers: names }: ExchangeRule, headers: RawHeaders): ToldBudget | undefined => {
  if (names === undefined) return undefined
  const limit = numberIn(headers, names.limit)
  const remaining = numberIn(headers, names.remaining)
  return limit === undefined && remaining === undefined ? undefined : { limit, remaining }
}

/**
 * Judges an answer by the exchange's `answers`, first match wins. Never throws.
 * @param reading of this answer, where others read it, too
 */
export const judge = (
  exchange: ExchangeRule,
  answer: Answer,
  wallMs: Millis,
  reading: Reading = new Reading(answer),
): Verdict => {
  const errors = READERS[exchange.dialect](answer, reading)
  if (answer.status < 300 && errors.length === 0) return OK
  for (const rule of exchange.answers) {
    const said = matching(rule, answer, errors, reading)
    if (said !== undefined) return verdictOf(rule, said, answer, wallMs)
  }
  const kind = answer.status >= 400 || errors.length > 0 ? 'client' : 'ok'
  return { ...OK, kind, reason: errors.length > 0 ? 'other error' : `http ${answer.status}` }
}

/** Whether bodies of this dialect are read at all. */
export const readsBodies = (dialect: Dialect): boolean => dialect === 'kraken' || dialect === 'kraken_futures'

/** A number from 0; undefined when the field is not there or holds anything else. */
const numberIn = (headers: RawHeaders, name: string | undefined): number | undefined => {
  const value = name === undefined ? undefined : field(headers, name)?.trim()
  return value !== undefined && /^\d{1,9}(\.\d{1,9})?$/.test(value) ? Number(value) : undefined
}

/** Finds the error strings of a dialect; none when there is nothing to read. */
const READERS: Record<Dialect, (answer: Answer, reading: Reading) => readonly string[]> = {
  kraken: (answer, reading) => krakenErrors(answer, reading),
  kraken_futures: (answer, reading) => futuresErrors(answer, reading),
  coinbase: () => [],
  coinbase_exchange: () => [],
  plain: () => [],
}

/** How most of Kraken's answers begin; spares the parse. */
const NO_ERROR = Buffer.from('"error":[]')
/** Orders of a batch carry errors of their own. */
const ORDER_ERROR = Buffer.from('EOrder:')
const FIRST_BYTES = 64

/** Kraken: `{"error":["EAPI:Rate limit exceeded"]}`, and `result.orders[].error` in answers to batches. */
const krakenErrors = ({ body, headers }: Answer, reading: Reading): readonly string[] => {
  if (body === undefined) return []
  const plain = field(headers, 'content-encoding') === undefined
  const said = plain ? body.indexOf(NO_ERROR) : -1
  if (said >= 0 && said < FIRST_BYTES && !body.includes(ORDER_ERROR)) return []
  const json = reading.json()
  if (!isRecord(json)) return []
  const listed = Array.isArray(json.error) ? json.error : []
  const result = json.result
  const orders = isRecord(result) && Array.isArray(result.orders) ? result.orders : []
  const perOrder = orders.map((order) => (isRecord(order) ? order.error : undefined))
  return [...listed, ...perOrder].filter((error): error is string => typeof error === 'string' && error.startsWith('E'))
}

/** Stands in every answer of Kraken Futures that refuses. */
const SAYS_ERROR = Buffer.from('"error')

/**
 * Kraken Futures: `{"result":"error","error":"apiLimitExceeded"}`, elsewhere `{"errors":[{"message":"…"}]}` or their names
 * alone.
 */
const futuresErrors = ({ body, headers }: Answer, reading: Reading): readonly string[] => {
  if (body === undefined) return []
  if (field(headers, 'content-encoding') === undefined && !body.includes(SAYS_ERROR)) return []
  const json = reading.json()
  if (!isRecord(json)) return []
  const listed = Array.isArray(json.errors) ? json.errors : []
  const named = listed.map((error: unknown) => (isRecord(error) ? error.message : error))
  return [json.error, ...named].filter((error): error is string => typeof error === 'string' && error !== '')
}

/** The words that made a rule match; undefined when it does not. */
const matching = (
  rule: AnswerRule,
  answer: Answer,
  errors: readonly string[],
  reading: Reading,
): string | undefined => {
  const { status } = answer
  const { error } = rule
  if (rule.page && !isPage(answer)) return undefined
  if (rule.says.length > 0 && !says(reading, rule.says)) return undefined
  if (error !== undefined) return errors.find((said) => squeeze(said).startsWith(squeeze(error)))
  if (rule.status !== undefined && (status < rule.status.from || status > rule.status.to)) return undefined
  return `http ${status}`
}

/** An exchange answers programs; a page for people comes from the network in front of it. */
const isPage = ({ headers }: Answer): boolean =>
  field(headers, 'content-type')?.trim().toLowerCase().startsWith('text/html') ?? false

const says = (reading: Reading, texts: readonly string[]): boolean => {
  const body = reading.text()?.toLowerCase()
  return body !== undefined && texts.some((text) => body.includes(text))
}

/** Kraken prints some errors with and without a space after the colon. */
const squeeze = (error: string): string => error.replace(': ', ':')

const verdictOf = (rule: AnswerRule, said: string, { headers }: Answer, wallMs: Millis): Verdict => ({
  kind: rule.means,
  reason: rule.error ?? said,
  drains: rule.drains,
  pauseMs: pauseOf(rule, said, headers, wallMs),
  hostWide: rule.hostWide,
  ...(rule.free ? { free: true } : {}),
  ...(rule.untilSuffix || rule.page || rule.means === 'banned' ? { gate: true } : {}),
})

/** The longest of what the answer asks for and what the rule says. */
const pauseOf = (rule: AnswerRule, said: string, headers: RawHeaders, wallMs: Millis): Millis | undefined => {
  const asked = rule.untilSuffix ? untilSuffix(said, wallMs) : retryAfter(headers, wallMs)
  if (asked === undefined) return rule.pauseMs
  if (rule.untilSuffix) return Math.min(LONGEST_UNTIL_MS, asked)
  return Math.min(LONGEST_PAUSE_MS, Math.max(asked, rule.pauseMs ?? 0))
}

/** `EService:Throttled: 1700000000`: closed until that unix second. */
const untilSuffix = (said: string, wallMs: Millis): Millis | undefined => {
  const seconds = Number(said.slice(said.lastIndexOf(':') + 1).trim())
  return Number.isFinite(seconds) && seconds > 0 ? Math.max(0, seconds * 1000 - wallMs) : undefined
}

/** `Retry-After`: seconds, which some write with a fraction, or a date (RFC 9110 §10.2.3). */
const retryAfter = (headers: RawHeaders, wallMs: Millis): Millis | undefined => {
  const value = field(headers, 'retry-after')?.trim()
  if (value === undefined) return undefined
  if (/^\d+(\.\d+)?$/.test(value)) return Number(value) * 1000
  // Date.parse reads almost anything as a date; all three forms of RFC 9110 §5.6.7 begin with the day of the week.
  const ms = /^[A-Z][a-z]{2}/.test(value) ? Date.parse(value) - wallMs : Number.NaN
  return Number.isNaN(ms) ? undefined : Math.max(0, ms)
}

const isRecord = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null
