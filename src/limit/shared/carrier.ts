// The way from shared counters to a server that runs scripts: one script, one key that says which slot, one channel.

import { readFileSync } from 'node:fs'
import type { Scripting } from '../../core/scripting.ts'
import type { Carrier } from './wire.ts'

/** One chunk of Lua, in the order in which it runs. */
export const SCRIPT = ['books', 'buckets', 'members', 'turns', 'grants']
  .map((part) => readFileSync(new URL(`script/${part}.lua`, import.meta.url), 'utf8'))
  .join('\n')

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
