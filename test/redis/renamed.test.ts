// Two weirs whose bots call one pair by two names, in virtual time around the real script.

import { beforeEach, describe, expect, it } from 'vitest'
import type { BucketRule } from '../../src/core/rules.ts'
import { moveSpent } from '../../src/limit/renamed.ts'
import { spend, type Take } from '../../src/limit/store.ts'
import { bucketRule } from '../limit/rules.ts'
import { ownRedis } from './own-redis.ts'
import { Stage, type Weir } from './stage.ts'

const PAIRS = new Map([['XRPRL/USD', 'XRP/RLUSD']])
const engine: BucketRule = { ...bucketRule(60, 0.1, 'engine'), margin: 10, scopes: ['account', 'pair'] }

const redis = ownRedis()
let stage: Stage
let one: Weir
let other: Weir

beforeEach(async () => {
  stage = new Stage({ redis: redis(), rule: engine, chance: () => 0.5 })
  one = stage.weir(0)
  other = stage.weir(0)
  await stage.pass(1000)
})

const ofPair = (pair: string, cost = 0): Take => ({
  key: `{${stage.name}}engine:main:${pair}`,
  rule: stage.rule,
  cost,
})
const learn = (weir: Weir): void => moveSpent(weir.store, weir.clock, stage.name, PAIRS)
const left = ({ store }: Weir): number => Math.round(store.level(ofPair('XRP/RLUSD')).available)

describe('when a pair turns out to be another', { timeout: 20_000 }, () => {
  // Each of two weirs moved what both had spent, and an account was refused for half a minute.
  it('what the fleet spent by the wrong name is moved once, however many weirs learn it', async () => {
    spend(one.store, ofPair('XRPRL/USD', 10))
    spend(other.store, ofPair('XRPRL/USD', 10))
    await stage.pass(300)
    for (const weir of [one, other]) learn(weir)
    await stage.pass(500)
    expect([left(one), left(other)]).toEqual([30, 30])
    learn(one)
    await stage.pass(500)
    expect(left(one)).toBe(30)
  })

  // For up to a fifth of a second others went by a promise that had been made before what was spent was known.
  it('those who count on the right name hear of it at once', async () => {
    spend(one.store, ofPair('XRPRL/USD', 30))
    spend(other.store, ofPair('XRP/RLUSD', 0))
    await stage.pass(1000)
    learn(one)
    await stage.pass(20)
    expect(left(other)).toBe(20)
  })

  // Two wrong names were learned together, and only what was spent by the last was moved.
  it('what was spent by each of several wrong names is moved', async () => {
    spend(one.store, ofPair('XRPRL/USD', 10))
    spend(other.store, ofPair('XRPRL/EUR', 15))
    spend(one.store, ofPair('XRPRL/EUR', 0))
    await stage.pass(300)
    const pairs = new Map([...PAIRS, ['XRPRL/EUR', 'XRP/RLUSD']])
    moveSpent(one.store, one.clock, stage.name, pairs)
    await stage.pass(500)
    expect(left(one)).toBe(25)
  })

  it('what is spent by the wrong name after that is moved by whoever learns later', async () => {
    spend(one.store, ofPair('XRPRL/USD', 10))
    await stage.pass(300)
    learn(one)
    await stage.pass(500)
    spend(other.store, ofPair('XRPRL/USD', 5))
    await stage.pass(300)
    learn(other)
    await stage.pass(500)
    expect([left(one), left(other)]).toEqual([35, 35])
  })

  it('what the store has not heard of yet is moved as well', async () => {
    spend(one.store, ofPair('XRP/RLUSD', 1))
    spend(one.store, ofPair('XRPRL/USD', 10))
    learn(one)
    await stage.pass(500)
    expect(left(one)).toBe(39)
  })

  it('a pause that the exchange asked for goes on by the right name, and ends with it', async () => {
    one.store.drain(ofPair('XRPRL/USD'), 3000)
    spend(other.store, ofPair('XRPRL/USD', 1))
    await stage.pass(300)
    for (const weir of [one, other]) learn(weir)
    await stage.pass(500)
    const pause = one.store.level(ofPair('XRP/RLUSD')).closedForMs
    expect(pause).toBeGreaterThan(2000)
    expect(pause).toBeLessThan(3000)
  })

  it('each weir holds what it has under way itself', async () => {
    const takes = [ofPair('XRPRL/USD', 5)]
    const grant = one.store.charge(takes)
    spend(other.store, ofPair('XRPRL/USD', 1))
    await stage.pass(300)
    for (const weir of [one, other]) learn(weir)
    await stage.pass(500)
    expect([left(one), left(other)]).toEqual([44, 44])
    one.store.settle(takes, 'spent', grant)
    await stage.pass(11_000)
    expect(left(other)).toBe(45)
  })

  it('a weir that is alone moves what it spent of its share', async () => {
    stage.down()
    spend(one.store, ofPair('XRPRL/USD', 0))
    spend(one.store, ofPair('XRP/RLUSD', 0))
    await stage.pass(2000)
    const before = left(one)
    spend(one.store, ofPair('XRPRL/USD', 3))
    learn(one)
    expect(before - left(one)).toBe(3)
  })

  // A weir that learned it while Redis was away moved its share's spending, and never what all had spent before.
  it('a weir that is alone has moved what it does not know as soon as it is back', async () => {
    spend(one.store, ofPair('XRPRL/USD', 10))
    spend(other.store, ofPair('XRPRL/USD', 10))
    spend(one.store, ofPair('XRP/RLUSD', 0))
    await stage.pass(300)
    stage.down()
    await stage.pass(2000)
    learn(one)
    stage.up()
    await stage.pass(1000)
    expect(one.standing?.together).toBe(true)
    // Of 50; what it spent alone may be charged twice.
    expect(left(one)).toBeLessThanOrEqual(30)
  })
})
