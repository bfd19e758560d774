import { describe, expect, it } from 'vitest'
import type { CallRecord, Verdict } from '../../src/core/call.ts'
import { WeirError } from '../../src/core/errors.ts'
import { callFinished } from '../../src/core/events.ts'
import type { FailurePattern } from '../../src/core/failure.ts'
import { Failures } from '../../src/failures/failures.ts'
import { SECRET, sampleCall, sampleClock } from '../observe/samples.ts'
import { aVerdict } from '../support/build.ts'

const stage = (patterns: readonly FailurePattern[] = []) => {
  const clock = sampleClock()
  const failures = new Failures(clock, () => patterns)
  const finish = (record: Partial<CallRecord>, status = 200, error?: unknown) =>
    failures.observer(
      callFinished(
        sampleCall({ exchange: 'kraken', class: 'kraken.private', credential: 'a1b2', ...record }),
        ...([status, 12, error] as const),
      ),
    )
  const said = (kind: Verdict['kind'], reason: string) =>
    finish({ decision: 'forwarded', verdict: { ...aVerdict(kind), reason } })
  const last = () => failures.list('kraken').at(-1)
  return { clock, failures, finish, said, last }
}

describe('a failure', () => {
  it.each([
    ['banned', 'EGeneral:Temporary lockout', 'temporary_lockout', 'lockout'],
    ['auth', 'EAPI:Invalid nonce', 'invalid_nonce', 'authentication'],
    ['auth', 'EAPI:Invalid key', 'refused_key', 'authentication'],
    ['auth', 'http 401', 'unauthorized', 'authentication'],
    ['throttled', 'EAPI:Rate limit exceeded', 'key_limit', 'rate_limit'],
    ['throttled', 'EOrder:Rate limit exceeded', 'order_limit', 'rate_limit'],
    ['throttled', 'EGeneral:Too many requests', 'address_limit', 'rate_limit'],
    ['throttled', 'EService:Throttled', 'throttled', 'rate_limit'],
    ['throttled', 'http 429', 'http_429', 'rate_limit'],
    ['failing', 'EService:Unavailable', 'maintenance', 'maintenance'],
    ['failing', 'http 503', 'bad_gateway', 'server'],
    ['failing', 'http 500', 'server_error', 'server'],
    ['failing', 'http 522', 'edge_error', 'connection'],
    ['failing', 'EGeneral:Internal error', 'server_error', 'server'],
    ['client', 'other error', 'refused_request', 'client'],
  ] as const)('that the exchange calls %s: %s, is %s', (kind, reason, pattern, category) => {
    const { said, last } = stage()
    said(kind, reason)
    expect(last()).toMatchObject({ pattern, category, message: reason })
  })

  it.each([
    ['upstream_timeout', undefined, 'no_answer', 'timeout', 'upstream_timeout'],
    ['upstream_unreachable', 'ECONNREFUSED', 'unreachable', 'connection', 'upstream_unreachable ECONNREFUSED'],
    ['upstream_unreachable', 'ENOTFOUND', 'name_unknown', 'connection', 'upstream_unreachable ENOTFOUND'],
    ['upstream_unreachable', 'CERT_HAS_EXPIRED', 'certificate', 'connection', 'upstream_unreachable CERT_HAS_EXPIRED'],
  ] as const)('without an answer, %s with %s, is %s', (code, system, pattern, category, message) => {
    const { finish, last } = stage()
    const cause = system === undefined ? undefined : Object.assign(new Error(`${SECRET} broke`), { code: system })
    finish({ decision: 'failed', error: code }, 502, new WeirError(code, { cause }))
    expect(last()).toMatchObject({ pattern, category, message })
  })

  it('is told with its status at the exchange, its time, its bot and its key’s hash, and without secrets', () => {
    const { finish, last } = stage()
    finish({ decision: 'forwarded', verdict: { ...aVerdict('failing'), reason: 'http 503' }, upstreamMs: 7 }, 200)
    expect(last()).toEqual({
      ...{ atWallMs: 1_700_000_000_000, service: 'kraken', class: 'kraken.private', credential: 'a1b2' },
      ...{ bot: 'grid-bot', call: 'call-1', host: 'api.kraken.com', pattern: 'bad_gateway', category: 'server' },
      ...{ severity: 'high', message: 'http 503', status: 503, responseMs: 7 },
    })
    expect(JSON.stringify(last())).not.toContain(SECRET)
  })

  it('is named by limits.yaml first', () => {
    const own: FailurePattern = {
      ...{ name: 'night_shift', category: 'maintenance', severity: 'low', says: ['unavailable'], min: 1 },
      ...{ status: undefined, advice: 'Kraken sleeps.' },
    }
    const { said, last } = stage([own])
    said('failing', 'EService:Unavailable')
    expect(last()).toMatchObject({ pattern: 'night_shift', severity: 'low' })
    said('failing', 'http 500')
    expect(last()).toMatchObject({ pattern: 'server_error' })
  })
})

describe('what is no failure of the exchange', () => {
  it('is not kept: answers that went well, refusals of weir, and answers that others fetched', () => {
    const { finish, failures } = stage()
    finish({ decision: 'forwarded', verdict: aVerdict('ok') })
    finish({ decision: 'refused', error: 'limit_reached' }, 429)
    finish({ decision: 'coalesced', verdict: aVerdict('failing') })
    finish({ decision: 'failed', exchange: undefined }, 502)
    expect(failures.list(undefined)).toEqual([])
  })
})

describe('the memory', () => {
  it('covers five minutes', () => {
    const { said, failures, clock } = stage()
    said('failing', 'http 503')
    clock.at = 299_000
    said('failing', 'http 500')
    expect(failures.list('kraken')).toHaveLength(2)
    clock.at = 300_000
    expect(failures.list('kraken').map(({ message }) => message)).toEqual(['http 500'])
    clock.at = 900_000
    expect(failures.list('kraken')).toEqual([])
  })

  it('holds a thousand failures of each exchange', () => {
    const { said, finish, failures } = stage()
    finish({ exchange: 'coinbase', decision: 'failed', error: 'upstream_timeout' }, 504)
    for (let count = 0; count < 1200; count += 1) said('failing', `http ${500 + (count % 5)}`)
    expect(failures.list('kraken')).toHaveLength(1000)
    expect(failures.list('coinbase')).toHaveLength(1)
    expect(failures.list(undefined)).toHaveLength(1001)
  })
})
