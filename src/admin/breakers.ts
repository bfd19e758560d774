// The page of breakers: each of them, and all together in a few numbers.

import type { BreakerView } from '../core/views.ts'

/** `/v1/breakers`. */
export const breakersOf = (breakers: readonly BreakerView[]) => {
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
    breakers,
  }
}
