// What a weir spends without asking, in virtual time around the real script: others who count on it are asked to look again.

import { Redis } from 'ioredis'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { spend } from '../../src/limit/store.ts'
import { bucketRule } from '../limit/rules.ts'
import { type RedisServer, startRedis } from './server.ts'
import { Stage } from './stage.ts'

let server: RedisServer
let redis: Redis

beforeAll(async () => {
  server = await startRedis()
  redis = new Redis({ port: server.port })
})

afterAll(async () => {
  redis?.disconnect()
  await server?.[Symbol.asyncDispose]()
})

describe('what is spent without asking', { timeout: 20_000 }, () => {
  // For up to a fifth of a second another weir went by what it had been told, and would have gone away with it.
  it.each([
    ['a bucket that the weir has used before', 1],
    ['one that is new to it', 0],
  ])('is known at once where others count on it: %s', async (_name, before) => {
    const stage = new Stage({ redis, rule: bucketRule(30, 0.01), chance: () => 0.5 })
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
