// A Redis of a test file's own, and one client that waits as long as it takes.

import { Redis } from 'ioredis'
import { afterAll, beforeAll } from 'vitest'
import { type RedisServer, startRedis } from './server.ts'

/** Starts it before the file's tests, and stops it after them; the function returned hands out the client. */
export const ownRedis = (): (() => Redis) => {
  let server: RedisServer | undefined
  let redis: Redis | undefined
  beforeAll(async () => {
    server = await startRedis()
    redis = new Redis({ port: server.port })
  })
  afterAll(async () => {
    redis?.disconnect()
    await server?.[Symbol.asyncDispose]()
  })
  return () => {
    if (redis === undefined) throw new Error('not before the first test')
    return redis
  }
}
