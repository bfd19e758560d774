// A look at a weir that is well, to be changed by what a test is about.

import type { Look } from '../../src/alerts/situation.ts'
import type { BreakerView, LimitView, QueueView } from '../../src/core/views.ts'
import { breakerView, limitView, queueView } from '../admin/desk.ts'

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
  stateTrouble: undefined,
  rulesError: undefined,
  ...change,
})

export const aBreaker = (change: Partial<BreakerView> = {}): BreakerView =>
  breakerView({ state: 'open', reason: 'http 503', openForMs: 1000, ...change })

export const aLane = (waiting: number, bytes = 0): QueueView => queueView({ waiting, bytes })

export const aLimit = (utilization: number): LimitView => limitView({ scope: 'a1', utilization })
