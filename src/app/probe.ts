// weir's own question to an exchange: "are you well?", asked when a breaker half-opens and only orders are waiting, for an
// order is never a probe.

import type { ClassifiedCall } from '../core/call.ts'
import type { Clock } from '../core/clock.ts'
import type { Rules } from '../core/rules.ts'
import type { Handler } from '../core/stack.ts'
import { ask, probe } from './question.ts'

/** Sends the probe of a host down the short road; resolves when it has been answered. Hosts without one are left alone. */
export const prober =
  (rules: () => Rules, clock: Clock, send: () => Handler<ClassifiedCall>) =>
  async (name: string): Promise<void> => {
    const host = rules().hosts.get(name)
    const asked = host && probe(host, clock, 'high')
    if (asked !== undefined) await ask(send(), asked)
  }
