// weir's own question to an exchange: "are you well?", asked when a breaker half-opens and only orders are waiting, for an
// order is never a probe. Unsigned, harmless, charged like any other call.

import { type ClassifiedCall, NO_FACTS, newRecord } from '../core/call.ts'
import type { Clock } from '../core/clock.ts'
import { Presence } from '../core/presence.ts'
import type { Rules } from '../core/rules.ts'
import type { Handler } from '../core/stack.ts'

/** Sends the probe of a host down the short road; resolves when it has been answered. Hosts without one are left alone. */
export const prober =
  (rules: () => Rules, clock: Clock, send: () => Handler<ClassifiedCall>) =>
  async (name: string): Promise<void> => {
    const host = rules().hosts.get(name)
    const probe = host?.exchange.probe
    if (host === undefined || probe === undefined || probe.host !== name) return
    const [path = '/', query = ''] = probe.target.split('?')
    const reply = await send()({
      id: 'probe',
      startedAt: clock.now(),
      request: {
        method: 'GET',
        host: name,
        port: 443,
        target: probe.target,
        path,
        query,
        headers: ['Host', name, 'Accept', '*/*', 'User-Agent', 'weir'],
        body: undefined,
      },
      wishes: { maxWaitMs: undefined, priority: 'high', skipCache: true },
      bot: 'weir',
      presence: new Presence(),
      record: newRecord(),
      early: undefined,
      identity: { credential: undefined, account: undefined },
      rule: host.classify('GET', path),
      facts: NO_FACTS,
    })
    if (!(reply.body instanceof Uint8Array)) reply.body.cancel()
  }
