// Is this key about to be locked out? Calls of a key that rests are refused here, whatever they are: during a lockout the
// exchange refuses cancels too, and each further call prolongs it.

import type { ClassifiedCall, Reply } from '../core/call.ts'
import type { LockoutRule } from '../core/rules.ts'
import type { Layer } from '../core/stack.ts'
import type { Keys } from './keys.ts'

/** Keeps keys that the exchange keeps refusing from being locked out. */
export const lockout =
  (keys: Keys): Layer<ClassifiedCall> =>
  (next) => {
    const watched = async (call: ClassifiedCall, credential: string, rule: LockoutRule): Promise<Reply> => {
      keys.admit(credential)
      const reply = await next(call)
      if (call.record.verdict !== undefined) keys.report(credential, call.record.verdict, rule)
      return reply
    }
    return (call) => {
      const { credential } = call.identity
      const rule = call.rule.exchange.lockout
      return credential === undefined || rule === undefined ? next(call) : watched(call, credential, rule)
    }
  }

/** Asks once more when a call that had to wait may go: the key may have been locked out meanwhile. */
export const stillWell =
  (keys: Keys): Layer<ClassifiedCall> =>
  (next) =>
  async (call) => {
    const { credential } = call.identity
    if (credential !== undefined && call.rule.exchange.lockout !== undefined) keys.admit(credential)
    return next(call)
  }
