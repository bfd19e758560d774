// A call of weir's own to an exchange: unsigned, harmless, charged like any other, on the road behind the cache.

import { type ClassifiedCall, NO_FACTS, newRecord, OK, type Verdict } from '../core/call.ts'
import type { Clock } from '../core/clock.ts'
import { Presence } from '../core/presence.ts'
import type { HostRule, Priority } from '../core/rules.ts'
import type { Handler } from '../core/stack.ts'

/** A GET of `target`; who asks is `weir` itself. */
export const question = (host: HostRule, target: string, clock: Clock, priority: Priority): ClassifiedCall => {
  const [path = '/', query = ''] = target.split('?')
  return {
    id: 'weir',
    startedAt: clock.now(),
    request: {
      method: 'GET',
      host: host.host,
      port: 443,
      target,
      path,
      query,
      headers: ['Host', host.host, 'Accept', '*/*', 'Accept-Encoding', 'gzip', 'User-Agent', 'weir'],
      body: undefined,
    },
    wishes: { maxWaitMs: undefined, priority, skipCache: true },
    bot: 'weir',
    presence: new Presence(),
    record: newRecord(),
    early: undefined,
    identity: { credential: undefined, account: undefined },
    rule: host.classify('GET', path),
    facts: NO_FACTS,
  }
}

/**
 * The exchange's own probe; undefined where this host has none. An answer that says that nothing is taken is a failure.
 * @param limited hears the word for it when only some calls are taken
 */
export const probe = (
  host: HostRule,
  clock: Clock,
  priority: Priority,
  limited: (word: string) => void = () => {},
): ClassifiedCall | undefined => {
  const { probe: rule } = host.exchange
  if (rule === undefined || rule.host !== host.host) return undefined
  const asked = question(host, rule.target, clock, priority)
  const { says } = rule
  if (says === undefined) return asked
  const hear = (verdict: Verdict, read: () => unknown): Verdict => {
    if (verdict.kind !== 'ok') return verdict
    const word = says.field.reduce(within, read())
    if (says.limited.some((one) => one === word)) limited(String(word))
    return says.down.some((one) => one === word) ? { ...OK, kind: 'failing', reason: `says ${word}` } : verdict
  }
  return { ...asked, hear }
}

const within = (value: unknown, key: string): unknown =>
  typeof value === 'object' && value !== null ? (value as Record<string, unknown>)[key] : undefined

/** Resolves when the answer is here; what it says was heard on its way. Rejects as a bot's call would. */
export const ask = async (send: Handler<ClassifiedCall>, call: ClassifiedCall): Promise<void> => {
  const { body } = await send(call)
  if (!(body instanceof Uint8Array)) body.cancel()
}
