// Asks whether the host is unwell, and learns from every answer. No call waits here: it passes, or is refused at once; where
// several weirs share a half-open breaker, as soon as it is known which of them may probe.

import type { ClassifiedCall } from '../core/call.ts'
import { WeirError } from '../core/errors.ts'
import type { Layer } from '../core/stack.ts'
import type { Breakers } from './breakers.ts'
import { blame } from './faults.ts'

/** Lets a call through when the breaker of its host does; throws `circuit_open` when not. */
export const breaker =
  (breakers: Breakers): Layer<ClassifiedCall> =>
  (next) =>
  async (call) => {
    const claiming = breakers.claim(call)
    if (claiming !== undefined) await claiming
    const permit = breakers.admit(call)
    try {
      const reply = await next(call)
      const { verdict, upstreamMs } = call.record
      if (verdict === undefined) permit.release()
      else permit.report(verdict, upstreamMs ?? 0)
      return reply
    } catch (error) {
      // It opened while the call waited for its turn.
      if (error instanceof WeirError && error.code === 'circuit_open') call.record.breaker = 'open'
      const { sent, upstreamMs } = call.record
      const verdict = blame(error)
      if (call.presence.left && sent === 'unknown') permit.abandon(upstreamMs ?? 0)
      else if (call.presence.left || verdict === undefined) permit.release()
      else permit.report(verdict, upstreamMs ?? 0, 'unheard')
      throw error
    }
  }
