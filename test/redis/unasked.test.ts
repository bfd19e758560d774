// What a weir learns while others, or the store, count on something else, in virtual time around the real script.

import { describe, expect, it } from 'vitest'
import { spend } from '../../src/limit/store.ts'
import { bucketRule } from '../limit/rules.ts'
import { ownRedis } from './own-redis.ts'
import { Stage } from './stage.ts'

const redis = ownRedis()

describe('what is spent without asking', { timeout: 20_000 }, () => {
  // For up to a fifth of a second another weir went by what it had been told, and would have gone away with it.
  it.each([
    ['a bucket that the weir has used before', 1],
    ['one that is new to it', 0],
  ])('is known at once where others count on it: %s', async (_name, before) => {
    const stage = new Stage({ redis: redis(), rule: bucketRule(30, 0.01), chance: () => 0.5 })
    const [one, other] = [stage.weir(0), stage.weir(0)]
    await stage.pass(1000)
    if (before > 0) spend(one.store, { ...stage.take, cost: before })
    spend(other.store, stage.take)
    await stage.pass(1000)
    const { available } = other.store.level(stage.take)
    spend(one.store, { ...stage.take, cost: 20 })
    await stage.pass(110)
    const told = other.store.level(stage.take).available
    expect(available - told).toBeGreaterThan(19)
  })
})

describe('a bucket that the exchange closes', { timeout: 20_000 }, () => {
  // The answer that closed it came in while the leave for another call was on its way here, and that call went all the same.
  it('lets nothing go that the store granted before it knew', async () => {
    const stage = new Stage({ redis: redis(), rule: bucketRule(30, 50), chance: () => 0.5 })
    const { store } = stage.weir(0)
    await stage.pass(2000)
    const taken = store.take([stage.take], { held: true })
    await stage.pass(2)
    store.close(stage.take, 5000)
    await stage.pass(10)
    expect(await taken).toMatchObject({ granted: false })
    await stage.pass(5500)
    expect(store.level(stage.take)).toMatchObject({ available: 30, inFlight: 0 })
    const later = store.take([stage.take], { held: true })
    await stage.pass(10)
    expect(await later).toMatchObject({ granted: true })
  })
})
