// The page of breakers: each of them, and all together in a few numbers.

import type { BreakerView, ServiceView } from '../core/views.ts'
import type { AdminDeps } from './deps.ts'

/** A breaker, and how its host answers. */
export const breakerOf = (view: BreakerView, services: readonly ServiceView[]) => ({
  ...view,
  /** Of the calls in the window, 0 to 1; null when there were none. */
  successRate: view.window.calls === 0 ? null : 1 - view.window.failed / view.window.calls,
  /** The newest answers count most; null before any. */
  avgResponseTimeMs: services.find(({ name, kind }) => name === view.host && kind === 'exchange')?.responseMs ?? null,
})

/** `/v1/breakers`. */
export const breakersOf = (deps: Pick<AdminDeps, 'breakers' | 'services'>) => {
  const breakers = deps.breakers()
  const services = deps.services()
  const states = { closed: 0, half_open: 0, open: 0 }
  let calls = 0
  let failed = 0
  for (const { state, window } of breakers) {
    states[state] += 1
    calls += window.calls
    failed += window.failed
  }
  return {
    totalBreakers: breakers.length,
    states,
    healthSummary: { healthy: states.closed, degraded: states.half_open, unhealthy: states.open },
    aggregateMetrics: {
      totalCalls: calls,
      totalFailures: failed,
      overallFailureRate: calls === 0 ? 0 : Math.round((failed / calls) * 1000) / 1000,
    },
    breakers: breakers.map((view) => breakerOf(view, services)),
  }
}
