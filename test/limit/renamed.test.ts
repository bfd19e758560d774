import { beforeEach, describe, expect, it } from 'vitest'
import type { BucketRule } from '../../src/core/rules.ts'
import { MemoryStore } from '../../src/limit/memory.ts'
import { moveSpent } from '../../src/limit/renamed.ts'
import type { Take } from '../../src/limit/store.ts'
import { FakeClock } from '../support/fake-clock.ts'
import { bucketRule, windowRule } from './rules.ts'

const SECOND = 1_000
const PAIRS = new Map([['XRPRL/USD', 'XRP/RLUSD']])
const engine: BucketRule = { ...bucketRule(60, 1, 'engine'), scopes: ['account', 'pair'] }
const ofPair = (pair: string, cost = 1, rule = engine): Take => ({ key: `{test}${rule.name}:main:${pair}`, rule, cost })

let clock: FakeClock
let store: MemoryStore

beforeEach(() => {
  clock = new FakeClock()
  store = new MemoryStore(clock, () => 1)
})

const spend = (...takes: Take[]): void => {
  store.charge(takes)
  store.settle(takes, 'spent')
}
const left = (take: Take): number => Math.round(store.level(take).available)

describe('when a pair turns out to be another', () => {
  // Two bots called one pair by two names, and each had the whole engine counter.
  it('what was spent by both names is spent of the one', () => {
    spend(ofPair('XRPRL/USD', 20))
    spend(ofPair('XRP/RLUSD', 30))
    moveSpent(store, clock, 'test', PAIRS)
    expect(left(ofPair('XRP/RLUSD'))).toBe(10)
  })

  it('charges that are not held may leave less than nothing', () => {
    spend(ofPair('XRPRL/USD', 50))
    spend(ofPair('XRP/RLUSD', 50))
    moveSpent(store, clock, 'test', PAIRS)
    expect(left(ofPair('XRP/RLUSD'))).toBe(-40)
  })

  it('a call under way holds its cost until it surely has arrived, and only then does it decay', () => {
    const underWay = ofPair('XRPRL/USD', 20)
    store.charge([underWay])
    moveSpent(store, clock, 'test', PAIRS)
    expect(store.level(ofPair('XRP/RLUSD'))).toMatchObject({ available: 40, inFlight: 20 })
    clock.advance(9 * SECOND)
    store.settle([underWay], 'spent')
    expect(left(ofPair('XRP/RLUSD'))).toBe(40)
    clock.advance(SECOND)
    expect(store.level(ofPair('XRP/RLUSD')).inFlight).toBe(0)
    expect(left(ofPair('XRP/RLUSD'))).toBe(40)
    clock.advance(5 * SECOND)
    expect(left(ofPair('XRP/RLUSD'))).toBe(45)
  })

  it('nothing goes by the wrong name any more, for it would be spent twice', () => {
    spend(ofPair('XRPRL/USD', 20))
    moveSpent(store, clock, 'test', PAIRS)
    expect(store.take([ofPair('XRPRL/USD')])).toMatchObject({ granted: false, waitMs: 10 * SECOND })
    expect(store.take([ofPair('XRP/RLUSD')])).toEqual({ granted: true })
  })

  it('another weir that learns it, too, moves no more than was spent', () => {
    spend(ofPair('XRPRL/USD', 20))
    moveSpent(store, clock, 'test', PAIRS)
    expect(left(ofPair('XRPRL/USD', 0))).toBe(40)
  })

  it('a pause that the exchange has asked for goes on', () => {
    store.drain(ofPair('XRPRL/USD', 0), 3 * SECOND)
    moveSpent(store, clock, 'test', PAIRS)
    expect(store.level(ofPair('XRP/RLUSD')).closedForMs).toBe(3 * SECOND)
  })

  it('windows and scopes in any order are moved as well', () => {
    const trades: BucketRule = { ...windowRule(10, 5 * SECOND, 'trades'), scopes: ['pair', 'ip'] }
    const take = (pair: string): Take => ({ key: `{test}trades:${pair}`, rule: trades, cost: 4 })
    spend(take('XRPRL/USD'))
    moveSpent(store, clock, 'test', PAIRS)
    expect(left(take('XRP/RLUSD'))).toBe(6)
  })

  it('other pairs, other accounts, other buckets and other exchanges keep what they have', () => {
    const other: BucketRule = { ...engine, exchange: 'other' }
    const byKey: BucketRule = { ...bucketRule(15, 1, 'private'), scopes: ['key'] }
    const odd: Take = { key: '{test}private:XRPRL/USD', rule: byKey, cost: 5 }
    const takes = [ofPair('XBT/USD', 7), { ...ofPair('XRPRL/USD', 9, other), key: '{other}engine:main:XRPRL/USD' }, odd]
    spend(...takes)
    moveSpent(store, clock, 'test', PAIRS)
    expect(takes.map(left)).toEqual([53, 51, 10])
    expect(store.levels()).toHaveLength(3)
  })
})
