import { stripVTControlCharacters } from 'node:util'
import { describe, expect, it } from 'vitest'
import { fromWire } from '../../src/admin/wire.ts'
import { statusText } from '../../src/cli/status.ts'
import type { AlertView } from '../../src/core/alert.ts'
import type { BotView } from '../../src/core/usage.ts'
import type { SpendingView, StatusView } from '../../src/core/watch.ts'
import { breakerView, limitView, openDesk } from '../admin/desk.ts'

const NOW = 1_700_000_060_000
const piped = { colour: false, columns: undefined, nowWallMs: NOW }

const LATELY = { calls: 90, refused: 1, limited: 1, throttled: 0, cacheHits: 3, stale: 1, cacheMisses: 1 }

const spending = (bot: string, share: number): SpendingView => ({
  ...{ bucket: 'kraken.private', scope: 'a1b2c3d4', bot, tokens: share * 15, share },
})

const botView = (bot: string, at: number): BotView => ({
  ...{ bot, calls: 60 - 10 * at, forwarded: 50, refused: at === 0 ? 1 : 0, limited: 0, rejectionRate: 0, failed: 0 },
  ...{ saved: at === 0 ? 3 : 0, waitMeanMs: 12, waitP99Ms: 1000, firstAtWallMs: 0, lastAtWallMs: NOW - 3000 },
  classes: [],
})

const busy = async (): Promise<StatusView> => {
  await using desk = await openDesk({
    limits: () => [
      limitView(),
      limitView({ bucket: 'kraken.engine', available: 0, capacity: 60, utilization: 1, closedForMs: 4200 }),
    ],
    queues: () => [
      {
        exchange: 'kraken',
        class: 'kraken.private',
        lane: 'a1b2c3d4',
        waiting: 41,
        bytes: 2048,
        capacity: 50,
        oldestWaitMs: 1234,
        nextWaitMs: 2500,
        mixedNonces: [],
        inFlight: 1,
      },
    ],
    breakers: () => [
      breakerView({ state: 'open', reason: 'http 503', openForMs: 8000 }),
      breakerView({ host: 'api.coinbase.com' }),
    ],
    lately: (exchange) => ({ ...LATELY, calls: exchange === 'coinbase' ? 0 : 90 }),
    upstream: () => ({ count: 86, meanMs: 50, p50Ms: 43, p95Ms: 120, p99Ms: Number.POSITIVE_INFINITY }),
    spenders: () => [
      spending('grid-bot', 0.604),
      spending('mm', 0.3),
      spending('tax', 0.09),
      spending('tiny', 0.004),
      spending('idle', 0.002),
      { ...spending('elsewhere', 1), scope: 'of another key' },
    ],
    stats: () => ({ sinceWallMs: NOW, classes: [], bots: ['grid-bot', 'mm', 'b3', 'b4', 'b5', 'b6'].map(botView) }),
    calls: () => [
      {
        id: 'call-1',
        atWallMs: NOW - 12_000,
        bot: 'grid-bot',
        method: 'POST',
        host: 'api.kraken.com',
        exchange: 'kraken',
        class: 'kraken.orders',
        credential: 'a1b2c3d4',
        decision: 'refused',
        status: 200,
        tookMs: 1,
        waitedMs: 0,
        shadow: undefined,
        cost: 0,
        sent: 'no',
        error: 'limit_reached',
        verdict: undefined,
        reason: undefined,
      },
    ],
  })
  return fromWire<StatusView>((await desk.get('/v1/status')).json())
}

describe('weir status', () => {
  it('shows on one screen what a running weir said of itself', async () => {
    expect(statusText(await busy(), piped)).toBe(
      [
        'weir 0.1.0 is degraded, up 60 s, rules of limits.yaml',
        '  api.kraken.com: breaker is open, probes in 8 s: http 503',
        '',
        'buckets',
        '  kraken.engine a1b2c3d4   ████████████████████  0 of 60 left, closed for 4.2 s',
        '  kraken.private a1b2c3d4  ████░░░░░░░░░░░░░░░░  12 of 15 left, full in 9 s  grid-bot 60 %, mm 30 %, tax 9 % and 2 others',
        '',
        'lanes',
        '  kraken.private a1b2c3d4  41 of 50 wait, the longest for 1.2 s, one more would for 2.5 s; 2 KiB',
        '',
        'breakers',
        '  api.kraken.com  open for 8 s more: http 503',
        '  closed: api.coinbase.com',
        '',
        'last 5 min',
        '  90 calls, 1 refused, 0 turned away by an exchange, 50 % of 4 fresh from the cache, 25 % stale (0 answers kept, 0 B of 1000 B); 0 violations since the start',
        '  kraken  90 calls, 1 refused, answers in 43 ms, p99 over a minute, 50 % of 4 fresh from the cache, 25 % stale',
        '',
        'busiest bots',
        '  grid-bot  60 calls, 1 refused, 3 from the cache, p99 of waits 1 s, 3 s ago',
        '  mm  50 calls, p99 of waits 1 s, 3 s ago',
        '  b3  40 calls, p99 of waits 1 s, 3 s ago',
        '  b4  30 calls, p99 of waits 1 s, 3 s ago',
        '  b5  20 calls, p99 of waits 1 s, 3 s ago',
        '',
        'refused lately',
        '  12 s ago  grid-bot  POST kraken.orders  refused: limit_reached',
        '',
        'last calls',
        '  12 s ago  grid-bot  POST kraken.orders  refused 200 in 1 ms',
        '',
      ].join('\n'),
    )
  })

  it('begins with what needs attention, and since when', async () => {
    const alert: AlertView = {
      ...{ rule: 'queue_full', severity: 'critical', subject: 'kraken.private', lastAtWallMs: NOW },
      ...{ message: '50 of 50 calls that may wait do.', raisedAtWallMs: NOW - 90_000, resolvedAtWallMs: undefined },
    }
    const text = statusText({ ...(await busy()), alerts: [alert] }, piped)
    expect(text).toContain('\nalerts\n  for 90 s  50 of 50 calls that may wait do.\n\nbuckets\n')
  })

  it('names both bots whose nonces do not go together', async () => {
    const { queues, ...status } = await busy()
    const mixedNonces = [{ larger: { bot: 'hft', digits: 19 }, smaller: { bot: 'grid', digits: 13 } }]
    const text = statusText({ ...status, queues: queues.map((queue) => ({ ...queue, mixedNonces })) }, piped)
    expect(text).toContain(
      'nonces\n  kraken a1b2c3d4  hft signs with 19 digits, grid with 13: all calls of grid are refused; give each its own key\n',
    )
  })

  it('is coloured on a terminal and says the same', async () => {
    const status = await busy()
    const coloured = statusText(status, { ...piped, colour: true })
    expect(coloured).toContain('\x1b[31m')
    expect(stripVTControlCharacters(coloured)).toBe(statusText(status, piped))
  })

  it('never wraps a line of a narrow terminal', async () => {
    const text = stripVTControlCharacters(statusText(await busy(), { ...piped, colour: true, columns: 60 }))
    expect(Math.max(...text.split('\n').map((line) => line.length))).toBe(60)
  })

  it.each([20, 50, 80, 120])('keeps within %i columns, whatever it shows', async (columns) => {
    const text = stripVTControlCharacters(statusText(await busy(), { ...piped, colour: true, columns }))
    expect(Math.max(...text.split('\n').map((line) => line.length))).toBeLessThanOrEqual(columns)
  })

  it('says below a bucket who spent it where there is no room behind it', async () => {
    const narrow = statusText(await busy(), { ...piped, columns: 80 })
    expect(narrow).toContain('full in 9 s\n    grid-bot 60 %, mm 30 %, tax 9 % and 2 others\n')
  })

  it('says what to do, in whole sentences, and which buckets use less than their rate', async () => {
    const text =
      'kraken.private: 3 calls were refused: this key is used outside weir. Send that traffic through weir as well.'
    const status = {
      ...(await busy()),
      limits: [limitView({ effectiveShare: 0.64 })],
      recommendations: [
        {
          advice: 'used_outside' as const,
          exchange: 'kraken',
          bucket: 'kraken.private',
          class: undefined,
          text,
          count: 3,
          firstAtWallMs: NOW,
          lastAtWallMs: NOW,
        },
      ],
    }
    expect(statusText(status, piped)).toContain(`what to do\n  ${text}\n`)
    expect(statusText(status, piped)).toContain('full in 9 s, at 64 % of the rate  grid-bot 60 %')
    const narrow = statusText(status, { ...piped, columns: 50 }).split('\n')
    const from = narrow.indexOf('what to do') + 1
    expect(
      narrow
        .slice(from, from + 3)
        .map((line) => line.trim())
        .join(' '),
    ).toBe(text)
    expect(Math.max(...narrow.map((line) => line.length))).toBeLessThanOrEqual(50)
  })

  it('shows the fullest buckets and counts the rest', async () => {
    const status = await busy()
    const limits = Array.from({ length: 15 }, (_, index) =>
      limitView({ scope: `key${index}`, utilization: index / 20 }),
    )
    const text = statusText({ ...status, limits }, piped)
    expect(text).toContain('key14')
    expect(text).not.toContain('key1 ')
    expect(text).toContain('and 3 buckets with more left')
  })
})
