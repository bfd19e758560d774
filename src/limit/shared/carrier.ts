// The way from shared counters to a server that runs scripts: one script, one key that says which slot, one channel.

import { readFileSync } from 'node:fs'
import type { Carrier } from './wire.ts'

const SCRIPT = readFileSync(new URL('buckets.lua', import.meta.url), 'utf8')

/** What is asked of a Redis client. */
export interface Scripting {
  run(script: string, keys: readonly string[], args: readonly string[]): Promise<string>
  subscribe(channel: string, listener: (message: string) => void): void
}

/** Carries messages through that client. @param failed hears of each that got no answer */
export const carrierOver = (redis: Scripting, failed: () => void = () => {}): Carrier => ({
  ask: async (exchange, message) => {
    try {
      return await redis.run(SCRIPT, [`rl:{${exchange}}members`], [message])
    } catch (error) {
      failed()
      throw error
    }
  },
  onShout: (exchange, listener) => redis.subscribe(`rl:{${exchange}}calls`, listener),
})
