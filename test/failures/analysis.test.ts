import { describe, expect, it } from 'vitest'
import type { Recommendation } from '../../src/core/autopsy.ts'
import type { FailureView } from '../../src/core/failure.ts'
import type { UseView } from '../../src/core/usage.ts'
import type { Context } from '../../src/failures/advice.ts'
import { analyse } from '../../src/failures/analysis.ts'

const WALL = 1_700_000_000_000
const quiet = { calls: 0, refused: 0, limited: 0, throttled: 0, cacheHits: 0, stale: 0, cacheMisses: 0 }

const context = (change: Partial<Context> = {}): Context => ({
  ...{ wallMs: WALL, windowMs: 300_000, patterns: [], recommendations: [], lately: quiet, uses: [] },
  maxWaitMs: () => 6000,
  ...change,
})

const failure = (agoMs: number, change: Partial<FailureView> = {}): FailureView => ({
  ...{ atWallMs: WALL - agoMs, service: 'kraken', class: 'kraken.private', credential: 'a1', bot: 'grid', call: 'c' },
  ...{ host: 'api.kraken.com', pattern: 'bad_gateway', category: 'server', severity: 'high', message: 'http 503' },
  ...{ status: 503, responseMs: 5 },
  ...change,
})

const use = (change: Partial<UseView & { bot: string }> = {}): UseView & { bot: string } => ({
  ...{ bot: 'grid', exchange: 'kraken', class: 'kraken.private', calls: 100, forwarded: 0, refused: 0, limited: 0 },
  ...{ rejectionRate: 0, failed: 0, saved: 0, waitMeanMs: 0, waitP99Ms: 0, cost: 62, budgetShare: 0.62 },
  ...change,
})

const advice = (failures: readonly FailureView[], change: Partial<Context> = {}) =>
  analyse('kraken', failures, context(change)).recommendations

describe('the analysis', () => {
  it('of nothing is that all is well', () => {
    expect(analyse('kraken', [], context())).toEqual({
      ...{ service: 'kraken', windowMs: 300_000, totalFailures: 0, failureRate: 0, trend: 'stable', categories: {} },
      shouldOpen: false,
      ...{ detectedPatterns: [], recommendations: [] },
    })
  })

  it('says that a breaker should be open once half of ten calls or more failed by the exchange’s own fault', () => {
    const opens = (failed: number, calls: number, change: Partial<FailureView> = {}) => {
      const failures = Array.from({ length: failed }, () => failure(1000, change))
      return analyse('kraken', failures, context({ lately: { ...quiet, calls } })).shouldOpen
    }
    expect([opens(5, 10), opens(4, 10), opens(5, 11), opens(9, 9)]).toEqual([true, false, false, false])
    expect(opens(10, 10, { category: 'client' })).toBe(false)
  })

  it('counts by kind, per minute, and says whether it grows', () => {
    const growing = [290, 200, 150, 120, 100, 80, 60, 55, 45, 40, 30, 25, 20, 15, 10, 8, 5, 4, 3, 2]
    const found = analyse(
      'kraken',
      growing.map((seconds) => failure(seconds * 1000)),
      context(),
    )
    expect(found).toMatchObject({ totalFailures: 20, failureRate: 4, trend: 'increasing', categories: { server: 20 } })
    expect(found.detectedPatterns).toEqual([
      {
        ...{ name: 'bad_gateway', category: 'server', severity: 'high', count: 20 },
        ...{ firstAtWallMs: WALL - 290_000, lastAtWallMs: WALL - 2000 },
      },
    ])
  })

  it('takes for a pattern what is frequent enough for its kind', () => {
    const one = [failure(1), failure(2), failure(3, { pattern: 'temporary_lockout', category: 'lockout' })]
    expect(analyse('kraken', one, context()).detectedPatterns.map(({ name }) => name)).toEqual(['temporary_lockout'])
  })
})

describe('the recommendations', () => {
  it('begin with what repeated refusals have in common', () => {
    const text = 'kraken.private: 3 calls (last: kraken.private) were refused …: this key is used outside weir.'
    const recommendations = [{ text } as Recommendation]
    expect(advice([failure(1, { pattern: 'key_limit', category: 'rate_limit' })], { recommendations })).toEqual([text])
  })

  it('tell bots apart that share a key from one whose key is used elsewhere', () => {
    const nonce = (bot: string) => failure(1, { pattern: 'invalid_nonce', category: 'authentication', bot })
    expect(advice([nonce('grid'), nonce('mm'), nonce('grid')])).toEqual([
      '3 invalid nonces on key a1, which grid, mm share: give each bot a key of its own.',
    ])
    expect(advice([nonce('grid')])[0]).toMatch(
      /^1 invalid nonce on key a1 of grid: something outside weir signs with it too/,
    )
  })

  it('say what each kind of failure asks for, in the words of limits.yaml where it has some', () => {
    const three = [failure(1), failure(2), failure(3)]
    expect(advice(three)).toEqual(['3 × bad_gateway at kraken: The exchange is unwell: its status page says more.'])
    const own = { name: 'night', category: 'server', severity: 'low', says: [], status: undefined } as const
    const night = [failure(1, { pattern: 'night' })]
    expect(advice(night, { patterns: [{ ...own, min: 1, advice: 'Wait for the morning.' }] })).toEqual([
      '1 × night at kraken: Wait for the morning.',
    ])
  })

  it('ask for a longer cache when calls are turned away that need not have been made', () => {
    const lately = { ...quiet, calls: 100, throttled: 4, cacheHits: 30, cacheMisses: 70 }
    expect(advice([], { lately })).toEqual([
      'kraken turned 4 calls away, and only 30 % of 100 cacheable calls came from the cache: raise `fresh` of their classes, ' +
        'or take market data from the WebSocket.',
    ])
    expect(advice([], { lately: { ...lately, cacheHits: 400 } })).toEqual([])
  })

  it('name who spends most when more than a tenth is refused', () => {
    const lately = { ...quiet, calls: 200, limited: 50 }
    const uses = [use({ bot: 'mm', budgetShare: 0.2 }), use()]
    expect(advice([], { lately, uses })).toEqual([
      '25 % of 200 calls to kraken were refused for want of budget. grid spends 62 % of the budget on kraken.private: poll less ' +
        'often there, or let calls wait longer (max_wait).',
    ])
  })

  it('warn of waits that come near the longest there may be', () => {
    expect(advice([], { uses: [use({ waitP99Ms: 5000 })] })).toEqual([
      'Calls of grid to kraken.private wait up to 5 s of the 6 s they may. grid spends 62 % of the budget on kraken.private: ' +
        'poll less often, cache it, or share the work between keys.',
    ])
    expect(advice([], { uses: [use({ waitP99Ms: 2500 }), use({ waitP99Ms: 5000, calls: 19 })] })).toEqual([])
  })
})
