// What limits.yaml and the variables of older set-ups say about alerts, health and failures.

import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { formatIssues } from '../../src/config/issues.ts'
import { loadRules } from '../../src/config/load.ts'
import type { Rules } from '../../src/core/rules.ts'

const SHIPPED = readFileSync(new URL('../../limits.yaml', import.meta.url), 'utf8')

const load = (more: string, env: Record<string, string> = {}) =>
  loadRules(`${SHIPPED.replace(/^alerts: .*$/m, '')}\n${more}\n`, 'limits.yaml', env)

const rules = (more = '', env: Record<string, string> = {}): Rules => {
  const loaded = load(more, env)
  if (!loaded.ok) throw new Error(formatIssues(loaded.issues, more))
  return loaded.rules
}

const faults = (more: string, env: Record<string, string> = {}): string => {
  const loaded = load(more, env)
  return loaded.ok ? '' : formatIssues(loaded.issues, `${SHIPPED}\n${more}\n`)
}

describe('alerts', () => {
  it('have defaults', () => {
    expect(rules().alerts).toEqual({
      ...{ debounceMs: 600_000, queue: 0.8, exhausted: 0.95, rejections: 0.1, stale: 0.5, longOpenMs: 600_000 },
      ...{ silentMs: 900_000, storeErrors: 10, off: new Set(), webhook: undefined },
    })
  })

  it('take their numbers from variables first', () => {
    const env = { ALERT_DEBOUNCE_MIN: '0.5', ALERT_NO_SIGNALS_MIN: '30', ALERT_REDIS_ERRORS_PER_MIN: '3' }
    const { alerts } = rules('alerts: { debounce: 1h, silent: 1h, off: [bot_silent] }', env)
    expect(alerts).toMatchObject({ debounceMs: 30_000, silentMs: 1_800_000, storeErrors: 3 })
    expect(alerts.off).toEqual(new Set(['bot_silent']))
  })

  it('know no alert that there is not', () => {
    expect(faults('alerts: { off: [breaker_opened] }')).toContain('did you mean "breaker_open"?')
  })

  it('refuse what is no number', () => {
    const text = faults('', { ALERT_DEBOUNCE_MIN: 'soon', ALERT_REDIS_ERRORS_PER_MIN: '-1' })
    expect(text).toContain('ALERT_DEBOUNCE_MIN: expected minutes, got "soon"')
    expect(text).toContain('ALERT_REDIS_ERRORS_PER_MIN: expected a number, got "-1"')
  })
})

describe('the webhook', () => {
  const of = (url: string) => `alerts: { webhook: { url: '${url}' } }`

  it('is an https address, or one on this machine; the variable stands in for the file', () => {
    expect(rules(of('https://hooks.example/T1')).alerts.webhook).toEqual({
      url: 'https://hooks.example/T1',
      timeoutMs: 5000,
    })
    expect(rules(of('http://127.0.0.1:9/x')).alerts.webhook?.url).toBe('http://127.0.0.1:9/x')
    const env = { ALERT_WEBHOOK_URL: 'https://other.example/T2' }
    expect(rules(of('https://hooks.example/T1'), env).alerts.webhook?.url).toBe('https://other.example/T2')
  })

  it.each(['http://hooks.example/T0P-S3CRET', 'T0P-S3CRET', 'ftp://127.0.0.1/T0P-S3CRET'])(
    'that is %s is refused, and its address is not repeated',
    (url) => {
      const reports = [faults(of(url)), faults('', { ALERT_WEBHOOK_URL: url })]
      for (const text of reports) {
        expect(text).toContain('expected an https address, or http on this machine')
        expect(text).not.toContain('S3CRET')
      }
    },
  )
})

describe('health', () => {
  it('has checks by name', () => {
    const health = `health:
  alert_threshold: 5
  checks:
    status_page: { url: 'https://status.example/', expected_status: 2xx, timeout: 3s }`
    expect(rules(health).health).toEqual({
      ...{ intervalMs: 30_000, alertThreshold: 5, recoveryThreshold: 2 },
      checks: [
        { name: 'status_page', url: 'https://status.example/', status: { from: 200, to: 299 }, timeoutMs: 3000 },
      ],
    })
    expect(faults("health: { checks: { a: { url: 'file:///etc/passwd' } } }")).toContain(
      'expected an http or https address',
    )
  })
})

describe('failures', () => {
  it('have names of their own, in the order of the file', () => {
    const failures = `failures:
  patterns:
    - { name: night_shift, category: maintenance, says: [Unavailable, BUSY], min: 1, advice: Wait. }
    - { name: teapot, category: other, status: 418, severity: low }`
    expect(rules(failures).failurePatterns).toEqual([
      {
        ...{ name: 'night_shift', category: 'maintenance', severity: 'medium', says: ['unavailable', 'busy'] },
        ...{ status: undefined, min: 1, advice: 'Wait.' },
      },
      {
        ...{ name: 'teapot', category: 'other', severity: 'low', says: [], status: { from: 418, to: 418 } },
        ...{ min: 3, advice: undefined },
      },
    ])
  })
})
