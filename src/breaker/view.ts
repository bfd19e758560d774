// A breaker in words for people and metrics.

import type { BreakerRule } from '../core/host-rules.ts'
import type { Millis } from '../core/units.ts'
import type { BreakerChange, BreakerView } from '../core/views.ts'
import { type Health, openFor } from './health.ts'
import { summarise } from './recent.ts'

/** The breaker of one host, ready for JSON. */
export const viewOf = (
  {
    host,
    rule,
    health,
    history,
  }: { host: string; rule: BreakerRule; health: Health; history: readonly BreakerChange[] },
  now: Millis,
): BreakerView => {
  const recent = health.kind === 'closed' ? health.recent : []
  const { calls, failed, slow } = summarise(recent, rule.windowMs, now)
  return {
    host,
    state: health.kind,
    reason: health.reason,
    forced: health.kind === 'open' && health.cause === 'manual',
    openForMs: health.kind === 'open' ? (openFor(health, now) ?? 0) : 0,
    failures: health.kind === 'closed' ? health.run : 0,
    window: { calls, failed, slow },
    history: [...history],
  }
}
