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

describe('a call that must wait', { timeout: 20_000 }, () => {
  // Its place in the future made those wait for whom there was enough.
  it('does not keep back what is there from those who need less', async () => {
    const stage = new Stage({ redis: redis(), rule: bucketRule(30, 1), chance: () => 0.5 })
    const [one, other] = [stage.weir(0).store, stage.weir(0).store]
    await stage.pass(1000)
    spend(one, { ...stage.take, cost: 25 })
    await stage.pass(500)
    const dear = one.take([{ ...stage.take, cost: 20 }], { held: true })
    await stage.pass(20)
    expect(await dear).toMatchObject({ granted: false })
    const cheap = other.take([stage.take], { held: true })
    await stage.pass(20)
    expect(await cheap).toMatchObject({ granted: true })
  })

  it('has no place where it will not wait for it', async () => {
    const stage = new Stage({ redis: redis(), rule: bucketRule(30, 1), chance: () => 0.5 })
    const [one, other, third] = [stage.weir(0).store, stage.weir(0).store, stage.weir(0).store]
    await stage.pass(1000)
    spend(one, { ...stage.take, cost: 30 })
    await stage.pass(500)
    const waits = async (by: typeof one, withinMs: number): Promise<unknown> => {
      const taken = by.take([{ ...stage.take, cost: 2 }], { held: true, withinMs })
      await stage.pass(10)
      const said = await taken
      return said.granted ? 0 : said.waitMs
    }
    await waits(one, 500)
    expect(await waits(other, 6000)).toBeLessThan(1600)
    expect(await waits(third, 6000)).toBeGreaterThan(3000)
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
    // Counted once, though the store has told of it and it was reserved here.
    expect(store.level(stage.take)).toMatchObject({ available: 29, inFlight: 1 })
  })

  // Leave to go in a moment was handed back, nobody was told, and the store kept it for a call that nobody asked for any more.
  it('gets back what the store granted for a moment that did not come', async () => {
    const stage = new Stage({ redis: redis(), rule: bucketRule(30, 50), chance: () => 0.5 })
    const [one, other] = [stage.weir(0).store, stage.weir(0).store]
    const most = { ...stage.take, cost: 29.5 }
    await stage.pass(1000)
    spend(one, most)
    await stage.pass(5)
    const taken = one.take([stage.take], { held: true })
    await stage.pass(4)
    one.close(stage.take, 5000)
    await stage.pass(30)
    expect(await taken).toMatchObject({ granted: false })
    await stage.pass(10_000)
    other.close(stage.take, 0)
    await stage.pass(300)
    expect(other.level(stage.take)).toMatchObject({ available: 30, inFlight: 0 })
  })

  // What the exchange had said while a message was on its way was told a tenth of a second after the reply.
  it('is closed for the others as soon as a message can say so', async () => {
    const stage = new Stage({ redis: redis(), rule: bucketRule(30, 50), chance: () => 0.5 })
    const [one, other] = [stage.weir(0).store, stage.weir(0).store]
    await stage.pass(1000)
    void one.take([stage.take], { held: true })
    await stage.pass(1)
    one.close(stage.take, 5000)
    await stage.pass(20)
    const later = other.take([stage.take], { held: true })
    await stage.pass(10)
    expect(await later).toMatchObject({ granted: false })
  })

  // What the exchange had closed for minutes was open again when Redis had come back empty: nobody told it a second time.
  it.each([
    ['while it was away', true],
    ['between two messages', false],
  ])('stays closed though Redis has forgotten it: %s', async (_name, away) => {
    const stage = new Stage({ redis: redis(), rule: bucketRule(30, 50), chance: () => 0.5 })
    const { store } = stage.weir(0)
    await stage.pass(1000)
    spend(store, stage.take)
    store.close(stage.take, 60_000)
    await stage.pass(1000)
    if (away) stage.down()
    await stage.forget()
    await stage.pass(2000)
    stage.up()
    await stage.pass(5000)
    expect(store.level(stage.take).closedForMs).toBeGreaterThan(50_000)
    const asked = store.take([stage.take], { held: true })
    await stage.pass(50)
    expect(await asked).toMatchObject({ granted: false })
  })

  // A reply that lay for a while made the pause so much longer, and no later reply made that good.
  it('opens when the exchange said, though a reply was read late', async () => {
    const stage = new Stage({ redis: redis(), rule: bucketRule(30, 50), chance: () => 0.5 })
    const weir = stage.weir(0)
    await stage.pass(1000)
    weir.store.close(stage.take, 3000)
    await stage.pass(300)
    void weir.store.take([stage.take], { held: true })
    weir.pause()
    await stage.pass(400)
    weir.resume()
    await stage.pass(1300)
    expect(weir.store.level(stage.take).closedForMs).toBeLessThan(1010)
  })
})
