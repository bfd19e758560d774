// A weir's half of the common store, without the rest of the weir.

import { setTimeout as sleep } from 'node:timers/promises'
import { type Clock, realClock } from '../../src/core/clock.ts'
import { carrierOver } from '../../src/limit/shared/carrier.ts'
import { SharedStore } from '../../src/limit/shared/store.ts'
import { parseAddress } from '../../src/redis/address.ts'
import { connect, type RedisConnection } from '../../src/redis/connection.ts'

export interface Rig {
  readonly store: SharedStore
  readonly redis: RedisConnection
  /** Messages sent so far. */
  readonly asked: () => number
  /** Resolves once the store answers for that exchange; rejects after five seconds. */
  together(exchange: string): Promise<void>
  /** Says goodbye. */
  close(): Promise<void>
}

/** On a machine that is busy an answer may take longer than a call would wait, where that is not on trial. */
export const patientClock: Clock = { ...realClock, after: (delay, task) => realClock.after(20 * delay, task) }

let rigs = 0

/** Joins the weirs at that Redis. */
export const openMember = (url: string, home: string): Rig => {
  const redis = connect(parseAddress(url), patientClock)
  const carrier = carrierOver(redis)
  let asked = 0
  const store = new SharedStore({
    carrier: {
      ...carrier,
      ask: (exchange, message) => {
        asked += 1
        return carrier.ask(exchange, message)
      },
    },
    clock: realClock,
    me: `${process.pid}-${rigs++}`,
    home,
    replaces: undefined,
    idleMs: undefined,
    coldStart: () => 1,
    yieldMs: () => 600_000,
    bots: () => undefined,
    onFailure: () => 'share',
    changed: () => {},
  })
  return {
    store,
    redis,
    asked: () => asked,
    together: async (exchange) => {
      store.start([exchange])
      for (let waited = 0; waited < 5000; waited += 20) {
        if (store.standing().some((one) => one.exchange === exchange && one.together)) return
        await sleep(20)
      }
      throw new Error(`not together: ${JSON.stringify(store.standing())}`)
    },
    close: async () => {
      await store.stop()
      redis.close()
    },
  }
}
