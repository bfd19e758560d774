import { describe, expect, it } from 'vitest'
import {
  ageSeconds,
  arrivalAge,
  freshness,
  shareable,
  troubleIn,
  troubleOf,
  ttlSeconds,
} from '../../src/cache/freshness.ts'
import type { Entry } from '../../src/cache/store.ts'
import type { BodyStream } from '../../src/core/call.ts'
import { OK } from '../../src/core/call.ts'
import { BotLeft } from '../../src/core/departure.ts'
import { WeirError } from '../../src/core/errors.ts'
import { aCacheRule, aReply, aVerdict } from '../support/build.ts'

const RULE = aCacheRule({ freshMs: 1_000, staleMs: 9_000, maxEntryBytes: 100 })
const entryAt = (storedAt: number, ageOnArrival = 0): Entry => {
  const reply = shareable(aReply(), OK, RULE)
  if (reply === undefined) throw new Error('not shareable')
  return { reply, storedAt, ageOnArrival, owner: undefined }
}

describe('an answer', () => {
  it.each([
    [0, 'fresh'],
    [999, 'fresh'],
    [1_000, 'stale'],
    [9_999, 'stale'],
    [10_000, 'expired'],
  ])('of %d ms is %s', (age, state) => {
    expect(freshness(entryAt(5_000), RULE, 5_000 + age)).toBe(state)
  })

  it('that is not there is nothing', () => {
    expect(freshness(undefined, RULE, 0)).toBe('nothing')
  })

  it('is as old as it was on arrival, and the time since', () => {
    expect(arrivalAge(['Date', 'x', 'AGE', '7'])).toBe(7)
    expect(arrivalAge(['Age', 'soon'])).toBe(0)
    expect(ageSeconds(entryAt(0, 7), 2_999)).toBe(9)
    expect(ttlSeconds(entryAt(0), RULE, 36_000)).toBe(-35)
  })
})

describe('what may be given to others', () => {
  const stream: BodyStream = { pipe() {}, cancel() {} }
  const header = (...fields: string[]) => aReply('{}', { headers: fields })

  it.each([
    ['a refusal in a 200, as Kraken words it', aReply('{"error":["EAPI:Rate limit exceeded"]}'), aVerdict('throttled')],
    ['the bot’s own mistake in a 200', aReply('{"error":["EQuery:Unknown asset pair"]}'), aVerdict('client')],
    ['what nobody judged', aReply(), undefined],
    ['another status', aReply('', { status: 204 }), OK],
    ['a stream', aReply(stream), OK],
    ['a large body', aReply('x'.repeat(101)), OK],
    ['a session', header('Set-Cookie', 'session=1'), OK],
    ['a session among others', header('Set-Cookie', '__cf_bm=1; path=/', 'set-cookie', 'sid=2'), OK],
    ['what varies by more than the key holds', header('Vary', 'Accept-Encoding, User-Agent'), OK],
    ['what varies by everything', header('Vary', '*'), OK],
  ])('is never %s', (_what, reply, verdict) => {
    expect(shareable(reply, verdict, RULE)).toBeUndefined()
  })

  it('is everything as it came, Date and Cache-Control included', () => {
    const reply = header('Date', 'today', 'Cache-Control', 'no-store', 'Vary', 'Accept-Encoding, Origin', 'Age', '1')
    expect(shareable(reply, OK, RULE)).toEqual(reply)
  })

  it('is all but the cookies of the delivery network, which are for one bot', () => {
    const reply = header('Date', 'today', 'Set-Cookie', '__cf_bm=abc; path=/; Secure', 'Set-Cookie', '_cfuvid=1')
    expect(shareable(reply, OK, RULE)?.headers).toEqual(['Date', 'today'])
  })
})

it('tells trouble by its name, and takes no hang-up or mistake for trouble', () => {
  const codes = ['circuit_open', 'upstream_unreachable', 'upstream_timeout', 'limit_reached', 'queue_full'] as const
  expect(codes.map((code) => troubleOf(new WeirError(code)))).toEqual([
    'breaker_open',
    'error',
    'error',
    'queue',
    'queue',
  ])
  expect(troubleOf(new WeirError('deadline_too_short'))).toBe('queue')
  for (const other of [
    new BotLeft(),
    new Error('a bug'),
    new WeirError('shutting_down'),
    new WeirError('bad_request'),
  ]) {
    expect(troubleOf(other)).toBeUndefined()
  }
  expect(['ok', 'client', 'auth'].map((kind) => troubleIn(aVerdict(kind as 'ok')))).toEqual(Array(3).fill(undefined))
  expect(['failing', 'throttled', 'banned'].map((kind) => troubleIn(aVerdict(kind as 'ok')))).toEqual(
    Array(3).fill('error'),
  )
})
