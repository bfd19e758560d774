// What is on file of a bucket → one recommendation, with its numbers.

import { describe, expect, it } from 'vitest'
import { adviceOn, type BucketFile, type Case } from '../../src/autopsy/advice.ts'
import { anAutopsy } from '../support/autopsy.ts'

const SECOND = 1000
const START = 1_700_000_000_000

const cases = (...changes: readonly Partial<Case>[]): Case[] =>
  changes.map((change, index) => ({
    ...anAutopsy(),
    class: 'kraken.private',
    atWallMs: START + index * 30 * SECOND,
    ...change,
  }))
const three = (change: Partial<Case> = {}) => cases(change, change, change)
const aFile = (found: readonly Case[], change: Partial<BucketFile> = {}): BucketFile => ({
  exchange: 'kraken',
  bucket: 'kraken.private',
  cases: found,
  shortfalls: [],
  passed: new Map([
    ['kraken.private', 20],
    ['kraken.history', 0],
  ]),
  ...change,
})
const pro = {
  capacity: 20,
  refill: 1 / SECOND,
  lowerTiers: [{ name: 'starter', capacity: 15, refill: 0.33 / SECOND }],
}

describe('three refusals of one kind', () => {
  it('with room left say that the key is used outside weir', () => {
    const file = aFile(cases({ room: 4 }, { room: 2.5 }, { room: 9, share: 0.64 }))
    expect(adviceOn(file, 'unexplained')).toEqual({
      advice: 'used_outside',
      exchange: 'kraken',
      bucket: 'kraken.private',
      class: 'kraken.private',
      text:
        "kraken.private: 3 calls (last: kraken.private) were refused in 60 s with 2.5 to 9 left by weir's own count: this key " +
        'is used outside weir. Send that traffic through weir as well, leave it its part (headroom: 36%), or give it a key of its own.',
      count: 3,
      firstAtWallMs: START,
      lastAtWallMs: START + 60 * SECOND,
    })
  })

  it.each([
    [['ip'], 'this address is used outside weir', 'another address'],
    [['account', 'pair'], 'this account is used outside weir', 'a key of its own'],
  ] as const)('say so of who shares the bucket: %j', (scopes, says, remedy) => {
    const text = adviceOn(aFile(three({ scopes })), 'unexplained')?.text
    expect(text).toContain(says)
    expect(text).toContain(remedy)
  })

  it('that hit one class while others pass say that it costs more', () => {
    const passed = new Map([
      ['kraken.private', 4],
      ['kraken.history', 2],
      ['kraken.open_orders', 9],
    ])
    const advice = adviceOn(aFile(three({ class: 'kraken.history', cost: 2 }), { passed }), 'unexplained')
    expect(advice).toMatchObject({ advice: 'raise_cost', class: 'kraken.history' })
    expect(advice?.text).toBe(
      "kraken.private: 3 calls of kraken.history were refused with 4 left by weir's own count, while 13 calls of other classes " +
        'passed: raise the cost of class kraken.history, now 2.',
    )
  })

  it('that hit several classes are no matter of one cost', () => {
    const passed = new Map([['kraken.open_orders', 90]])
    const mixed = [...three(), ...cases({ class: 'kraken.history' })]
    expect(adviceOn(aFile(mixed, { passed }), 'unexplained')).toBeUndefined()
    const again = [...cases({ class: 'kraken.history' }), ...three()]
    expect(adviceOn(aFile(again, { passed }), 'unexplained')).toMatchObject({ advice: 'used_outside', count: 4 })
  })

  it('that fit a lower tier name it', () => {
    expect(adviceOn(aFile(three({ ...pro, room: 4, cause: 'lower_tier' })), 'lower_tier')).toMatchObject({
      advice: 'lower_tier',
      text:
        'kraken.private: 3 calls (last: kraken.private) were refused where 20 with 1/s would have had room: the tier is lower ' +
        'than configured; what passed fits tier: starter (15, 0.33/s).',
    })
  })

  it('soon after the start say that budget was spent before', () => {
    const advice = (coldStart: number) =>
      adviceOn(aFile(three({ knownForMs: 7 * SECOND, coldStart, cause: 'cold_start' })), 'cold_start')
    expect(advice(1)).toMatchObject({
      advice: 'cold_start',
      text:
        'kraken.private: 3 calls (last: kraken.private) were refused within 7 s of the first one that weir saw: budget was ' +
        'spent before weir started (cold_start: half).',
    })
    expect(advice(0.5)?.text).toContain('cold_start: empty')
  })

  it('that were near misses after a rest say that the counter decays in steps', () => {
    expect(adviceOn(aFile(three({ room: 0.4, cause: 'steps' })), 'steps')).toMatchObject({
      advice: 'margin',
      text:
        'kraken.private: 3 calls (last: kraken.private) were refused with 0.4 of 15 left after a rest: the counter decays in ' +
        'steps (set margin: 1).',
    })
    expect(adviceOn(aFile(three({ room: 0.4, margin: 1, cause: 'steps' })), 'steps')?.text).toContain('margin: 2')
  })

  it.each(['gate', 'foreseen', 'echo', 'host'] as const)('of the kind %s say nothing about the limits', (cause) => {
    expect(adviceOn(aFile(three({ cause })), cause)).toBeUndefined()
  })
})

describe('fewer', () => {
  it('say nothing yet, nor do three of different kinds or classes', () => {
    expect(adviceOn(aFile(cases({}, {})), 'unexplained')).toBeUndefined()
    expect(adviceOn(aFile(cases({}, {}, { cause: 'steps' })), 'steps')).toBeUndefined()
    expect(adviceOn(aFile(cases({}, {}, { class: 'kraken.history' })), 'unexplained')).toBeUndefined()
  })
})

describe('answers that tell of less left than weir spent', () => {
  it('say that the limit is used outside, once there are three', () => {
    const shortfall = { atWallMs: START, class: 'coinbase.private', tokens: 4 }
    const file = (count: number) =>
      aFile([], { bucket: 'coinbase.private', shortfalls: Array.from({ length: count }, () => shortfall) })
    expect(adviceOn(file(2), 'unexplained')).toBeUndefined()
    expect(adviceOn(file(3), 'unexplained')).toMatchObject({
      advice: 'used_outside',
      text:
        'coinbase.private: 3 answers told of less left than weir had spent, 12 in all: the limit is used outside weir. Send ' +
        'that traffic through weir as well.',
    })
  })
})
