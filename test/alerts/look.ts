// A look at a weir that is well, to be changed by what a test is about.

import type { Look } from '../../src/alerts/situation.ts'
import type { BreakerView, LimitView, QueueView } from '../../src/core/views.ts'

export const aLook = (change: Partial<Look> = {}): Look => ({
  settings: {
    debounceMs: 600_000,
    queue: 0.8,
    exhausted: 0.95,
    rejections: 0.1,
    stale: 0.5,
    longOpenMs: 600_000,
    silentMs: 900_000,
    storeErrors: 10,
    off: new Set(),
    webhook: undefined,
  },
  limits: [],
  queues: [],
  maxQueueBytes: 1000,
  breakers: [],
  exchanges: [],
  restingKeys: [],
  bots: [],
  namedBots: [],
  failedChecks: [],
  storeErrors: 0,
  rulesError: undefined,
  ...change,
})

export const aBreaker = (change: Partial<BreakerView> = {}): BreakerView => ({
  ...{ host: 'api.kraken.com', state: 'open', reason: 'http 503', forced: false, openForMs: 1000, failures: 0 },
  window: { calls: 0, failed: 0, slow: 0 },
  history: [],
  ...change,
})

export const aLane = (waiting: number, bytes = 0, id = 'kraken.private'): QueueView => ({
  ...{ exchange: 'kraken', class: id, lane: 'a1', waiting, bytes, capacity: 10, oldestWaitMs: 0, nextWaitMs: 0 },
  ...{ inFlight: 0, mixedNonces: [] },
})

export const aLimit = (utilization: number): LimitView => ({
  ...{ exchange: 'kraken', bucket: 'kraken.private', scope: 'a1', kind: 'bucket', available: 0, capacity: 15 },
  ...{ refillPerSecond: 1, effectiveShare: 1, effectiveRefillPerSecond: 1, utilization, inFlight: 0 },
  ...{ closedForMs: 0, fullInMs: 0 },
})
