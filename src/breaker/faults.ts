// What counts against a host although nothing was heard from it.

import type { Verdict } from '../core/call.ts'
import { WeirStops } from '../core/departure.ts'
import { WeirError } from '../core/errors.ts'

const fault = (reason: string): Verdict => ({
  kind: 'failing',
  reason,
  drains: undefined,
  pauseMs: undefined,
  hostWide: false,
})

/** A bot that was patient enough to be believed has left. */
export const GAVE_UP: Verdict = fault('the bot gave up waiting')

const FAULTS: ReadonlyMap<string, Verdict> = new Map([
  ['upstream_unreachable', fault('unreachable')],
  ['upstream_timeout', fault('no answer in time')],
])

/** Only what the network or the exchange did counts against the host; refusals by weir, its end and bots that left do not. */
export const blame = (error: unknown): Verdict | undefined =>
  error instanceof WeirError && !(error.cause instanceof WeirStops) ? FAULTS.get(error.code) : undefined
