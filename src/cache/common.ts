// Answers that several weirs share: which go out to the others, how they are written, and how one that another weir has
// kept comes in here. Only what was asked without a credential; a private answer never leaves this process.

import type { ClassifiedCall, RawHeaders } from '../core/call.ts'
import type { Bytes, Millis } from '../core/units.ts'
import type { CacheStore, Entry } from './store.ts'

/** Where weirs keep answers for each other. Neither throws nor rejects; an answer that can not be had soon is not there. */
export interface CommonStore {
  find(exchange: string, key: string): Promise<{ readonly text: string; readonly bornAt: Millis } | undefined>
  keep(exchange: string, key: string, answer: CommonAnswer): void
}

/** An answer for other weirs, until `lifeMs` after `bornAt`. */
export interface CommonAnswer {
  /** The length of its body. */
  readonly bytes: Bytes
  /** All of it, in the writing of `textOf`; made only for a store that takes it. */
  readonly text: () => string
  readonly bornAt: Millis
  readonly lifeMs: Millis
}

/** Whether the answer to `call` may be another weir's as well. */
export const isCommon = ({ rule, identity }: ClassifiedCall): boolean =>
  rule.cache?.shared === true && identity.credential === undefined

/** The newest answer of any weir; from now on it is in `own` as well. */
export const newest = async (
  common: CommonStore,
  own: CacheStore,
  exchange: string,
  key: string,
): Promise<Entry | undefined> => {
  const found = await common.find(exchange, key)
  // Looked up only now: it may have been renewed meanwhile.
  const mine = own.get(key)
  if (found === undefined || (mine !== undefined && mine.storedAt >= found.bornAt)) return mine
  const entry = entryFrom(found.text, found.bornAt)
  if (entry !== undefined) own.put(key, entry)
  return entry ?? mine
}

/** What is kept, in one text: a line that says what it is, then the body, a character for each byte. */
export const textOf = ({ reply, ageOnArrival }: Entry): string => {
  const { statusText, headers, trailers, body } = reply
  const head: Head = { statusText, headers, age: ageOnArrival, ...(trailers === undefined ? {} : { trailers }) }
  return `${JSON.stringify(head)}\n${body.toString('latin1')}`
}

interface Head {
  readonly statusText: string
  readonly headers: RawHeaders
  readonly age: number
  readonly trailers?: RawHeaders
}

/** Undefined when it is not as weirs write it. */
const entryFrom = (text: string, bornAt: Millis): Entry | undefined => {
  const end = text.indexOf('\n')
  const head = headFrom(text.slice(0, Math.max(0, end)))
  if (head === undefined) return undefined
  const { statusText, headers, trailers, age } = head
  const body = Buffer.from(text.slice(end + 1), 'latin1')
  return {
    reply: { status: 200, statusText, headers, body, trailers },
    storedAt: bornAt,
    ageOnArrival: age,
    owner: undefined,
  }
}

const headFrom = (line: string): Head | undefined => {
  let head: Partial<Record<keyof Head, unknown>> | null
  try {
    head = JSON.parse(line)
  } catch {
    return undefined
  }
  if (typeof head !== 'object' || head === null) return undefined
  const { statusText, headers, trailers, age } = head
  const isWhole =
    typeof statusText === 'string' &&
    typeof age === 'number' &&
    age >= 0 &&
    areFields(headers) &&
    (trailers === undefined || areFields(trailers))
  return isWhole ? (head as Head) : undefined
}

const areFields = (value: unknown): value is RawHeaders =>
  Array.isArray(value) && value.length % 2 === 0 && value.every((one) => typeof one === 'string')
