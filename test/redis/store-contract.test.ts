// The same promises as those of buckets in memory, with a real redis-server between two weirs.

import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll } from 'vitest'
import { keepsThePromises } from '../limit/store-contract.ts'
import { openMember, type Rig } from './rig.ts'
import { type RedisServer, startRedis } from './server.ts'

const EXCHANGE = 'contract'
let server: RedisServer
let first: Rig
let second: Rig

beforeAll(async () => {
  server = await startRedis()
  first = openMember(server.url, 'first')
  second = openMember(server.url, 'second')
  await Promise.all([first.together(EXCHANGE), second.together(EXCHANGE)])
})

afterAll(async () => {
  await first?.close()
  await second?.close()
  await server?.[Symbol.asyncDispose]()
})

keepsThePromises('buckets in Redis', EXCHANGE, async () => ({
  ...{ store: first.store, settled: () => sleep(150), pass: (ms: number) => sleep(ms) },
}))
