import { stripVTControlCharacters } from 'node:util'
import { describe, expect, it } from 'vitest'
import { fromWire } from '../../src/admin/wire.ts'
import { statusText } from '../../src/cli/status.ts'
import type { AlertView } from '../../src/core/alert.ts'
import type { StatusView } from '../../src/core/watch.ts'
import { breakerView, limitView, openDesk } from '../admin/desk.ts'

const NOW = 1_700_000_060_000
const piped = { colour: false, columns: undefined, nowWallMs: NOW }

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
    lately: () => ({ calls: 90, refused: 1, limited: 1, throttled: 0, cacheHits: 3, stale: 0, cacheMisses: 1 }),
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
        '  kraken.private a1b2c3d4  ████░░░░░░░░░░░░░░░░  12 of 15 left, full in 9 s',
        '',
        'lanes',
        '  kraken.private a1b2c3d4  41 of 50 wait, the longest for 1.2 s, one more would for 2.5 s; 2 KiB',
        '',
        'breakers',
        '  api.kraken.com  open for 8 s more: http 503',
        '  closed: api.coinbase.com',
        '',
        'last 5 min',
        '  90 calls, 1 refused, 0 turned away by an exchange, 75 % of 4 from the cache (0 answers kept, 0 B of 1000 B); 0 violations since the start',
        '',
        'refused lately',
        '  12 s ago  grid-bot  POST kraken.orders  refused: limit_reached',
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
    expect(statusText(status, piped)).toContain('full in 9 s, at 64 % of the rate\n')
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
