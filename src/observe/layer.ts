// The outermost layer: one `call.finished` for every call, whatever happens inside.

import type { Call, Reply } from '../core/call.ts'
import type { Clock } from '../core/clock.ts'
import { callFinished, type Observer } from '../core/events.ts'
import type { Layer } from '../core/stack.ts'

/** Tells `observer` of each call once its reply is ready to go out; the body may still be streaming. */
export const observe =
  (observer: Observer, clock: Clock): Layer<Call> =>
  (next) =>
  async (call) => {
    const finish = (status: number, error: unknown): void =>
      observer(callFinished(call, status, clock.now() - call.startedAt, error))
    let reply: Reply
    try {
      reply = await next(call)
    } catch (error) {
      // Rescue, just inside, lets nothing through; if it ever does, the call still counts.
      finish(500, error)
      throw error
    }
    finish(reply.status, call.record.thrown)
    return reply
  }
