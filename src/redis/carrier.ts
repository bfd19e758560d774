// The way from the shared counters to Redis: one script, one key that says which slot.

import { readFileSync } from 'node:fs'
import type { Carrier } from '../limit/shared/wire.ts'
import type { RedisConnection } from './connection.ts'

const SCRIPT = readFileSync(new URL('../limit/shared/buckets.lua', import.meta.url), 'utf8')

/** Carries messages about the counters of these exchanges. */
export const carrierOver = (redis: RedisConnection, exchanges: readonly string[]): Carrier => ({
  ask: (exchange, message) => redis.run(SCRIPT, [`rl:{${exchange}}members`], [message]),
  onShout: (listener) => {
    const channels = new Map(exchanges.map((exchange) => [`rl:{${exchange}}calls`, exchange]))
    redis.subscribe([...channels.keys()], (channel, shout) => {
      const exchange = channels.get(channel)
      if (exchange !== undefined) listener(exchange, shout)
    })
  },
})
