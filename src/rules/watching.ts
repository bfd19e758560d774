// When to call somebody, how exchanges are looked after, what failures are called: from limits.yaml, with the variables that
// operators of older set-ups know.

import type { LimitsConfig } from '../config/schema.ts'
import { isSafeWebhook } from '../config/watching.ts'
import type { FailurePattern } from '../core/failure.ts'
import type { AlertRules, HealthRules } from '../core/watch-rules.ts'
import { statusRange } from './answers.ts'
import type { Environment, ReportVariable } from './override.ts'

/** ALERT_DEBOUNCE_MIN, ALERT_NO_SIGNALS_MIN, ALERT_REDIS_ERRORS_PER_MIN and ALERT_WEBHOOK_URL win over the file. */
export const linkAlerts = ({ alerts }: LimitsConfig, env: Environment, report: ReportVariable): AlertRules => {
  const minutes = (variable: string): number | undefined => {
    const value = numberFrom(env, variable, 'minutes', report)
    return value === undefined ? undefined : value * 60_000
  }
  const url = env.ALERT_WEBHOOK_URL?.trim()
  if (url && !isSafeWebhook(url)) report('ALERT_WEBHOOK_URL', 'expected an https address, or http on this machine')
  const webhook = url ? { url, timeout: alerts.webhook?.timeout ?? 5000 } : alerts.webhook
  return {
    debounceMs: minutes('ALERT_DEBOUNCE_MIN') ?? alerts.debounce,
    queue: alerts.queue,
    exhausted: alerts.exhausted,
    rejections: alerts.rejections,
    stale: alerts.stale,
    longOpenMs: alerts.long_open,
    silentMs: minutes('ALERT_NO_SIGNALS_MIN') ?? alerts.silent,
    storeErrors: numberFrom(env, 'ALERT_REDIS_ERRORS_PER_MIN', 'a number', report) ?? alerts.redis_errors,
    off: new Set(alerts.off),
    webhook: webhook === undefined ? undefined : { url: webhook.url, timeoutMs: webhook.timeout },
  }
}

/** Checks and thresholds. */
export const linkHealth = ({ health }: LimitsConfig): HealthRules => ({
  intervalMs: health.check_interval,
  alertThreshold: health.alert_threshold,
  recoveryThreshold: health.recovery_threshold,
  checks: Object.entries(health.checks).map(([name, { url, expected_status, timeout }]) => ({
    ...{ name, url, timeoutMs: timeout },
    status: statusRange(expected_status),
  })),
})

/** Names for failures, in the order of the file. */
export const linkPatterns = ({ failures }: LimitsConfig): readonly FailurePattern[] =>
  failures.patterns.map(({ name, category, severity, says, status, min, advice }) => ({
    ...{ name, category, severity, min, advice },
    says: [says ?? []].flat().map((text) => text.toLowerCase()),
    status: status === undefined ? undefined : statusRange(status),
  }))

const numberFrom = (env: Environment, variable: string, wanted: string, report: ReportVariable): number | undefined => {
  const text = env[variable]?.trim()
  if (text === undefined || text === '') return undefined
  const value = Number(text)
  if (Number.isFinite(value) && value >= 0) return value
  report(variable, `expected ${wanted}, got "${text}"`)
  return undefined
}
