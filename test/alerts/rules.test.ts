import { describe, expect, it } from 'vitest'
import { RULES } from '../../src/alerts/rules.ts'
import type { Situation } from '../../src/alerts/situation.ts'
import type { AlertName } from '../../src/core/alert.ts'
import { aBreaker, aLane, aLook } from './look.ts'

const WALL = 1_700_000_000_000
const HOUR = 3_600_000

const found = (name: AlertName, change: Partial<Situation>): readonly string[] =>
  RULES[name]
    .find({
      ...aLook(),
      ...{ wallMs: WALL, startedAtWallMs: WALL - 10 * HOUR, violations: new Map(), bypasses: new Map() },
      ...{ filled: new Map(), storeErrorsPerMinute: 0 },
      ...change,
    })
    .map(({ subject, message }) => `${subject} | ${message}`)

const lately = (change: object) => ({
  name: 'kraken',
  lately: { calls: 0, refused: 0, limited: 0, throttled: 0, cacheHits: 0, stale: 0, cacheMisses: 0, ...change },
})

describe('a weir that is well', () => {
  it('calls nobody', () => {
    const names = Object.keys(RULES) as AlertName[]
    expect(names.flatMap((name) => found(name, {}))).toEqual([])
  })
})

describe('breakers', () => {
  it('call while they are open or being probed', () => {
    expect(found('breaker_open', { breakers: [aBreaker(), aBreaker({ host: 'b', state: 'half_open' })] })).toEqual([
      'api.kraken.com | The breaker of api.kraken.com is open: http 503.',
      'b | The breaker of b is open: http 503.',
    ])
    expect(found('breaker_open', { breakers: [aBreaker({ state: 'closed' })] })).toEqual([])
  })

  it('are critical when they have not been closed for long, however often they were probed', () => {
    const change = (agoMs: number, from: 'closed' | 'open' | 'half_open', to: 'closed' | 'open' | 'half_open') => ({
      ...{ atWallMs: WALL - agoMs, from, to, reason: 'http 503' },
    })
    const flapping = [
      change(5 * HOUR, 'closed', 'open'),
      change(4 * HOUR, 'half_open', 'closed'),
      change(660_000, 'closed', 'open'),
      change(300_000, 'open', 'half_open'),
      change(1000, 'half_open', 'open'),
    ]
    expect(found('breaker_open_long', { breakers: [aBreaker({ history: flapping })] })).toEqual([
      'api.kraken.com | The breaker of api.kraken.com has not been closed for 11 min: http 503.',
    ])
    const young = [change(599_000, 'closed', 'open')]
    expect(found('breaker_open_long', { breakers: [aBreaker({ history: young })] })).toEqual([])
  })
})

describe('lanes', () => {
  it('call when they are nearly full, and again when they are full', () => {
    const at = (waiting: number) => [
      found('queue_filling', { queues: [aLane(waiting)] }).length,
      found('queue_full', { queues: [aLane(waiting)] }).length,
    ]
    expect([at(7), at(8), at(9), at(10)]).toEqual([
      [0, 0],
      [1, 0],
      [1, 0],
      [1, 1],
    ])
  })

  it('call for a rush that was over before anybody looked', () => {
    const filled = new Map([['kraken.private', { waiting: 10, capacity: 10 }]])
    expect(found('queue_full', { filled })).toEqual([
      'kraken.private | 10 of 10 calls that may wait in a lane of kraken.private do.',
    ])
  })

  it('call when the bodies of those who wait fill the memory', () => {
    const queues = [aLane(1, 500), aLane(1, 300)]
    expect(found('queue_bytes_filling', { queues })).toEqual([
      'weir | Bodies of waiting calls take 80 % of max_queue_bytes.',
    ])
    expect(found('queue_bytes_full', { queues })).toEqual([])
    expect(found('queue_bytes_full', { queues: [aLane(1, 995)] })).toHaveLength(1)
  })
})

describe('shares of calls', () => {
  it('call above a tenth of refusals, when there were enough calls to speak of shares', () => {
    expect(found('rejections', { exchanges: [lately({ calls: 100, limited: 11 })] })).toEqual([
      'kraken | 11 % of 100 calls to kraken within 5 minutes were refused for want of budget.',
    ])
    expect(found('rejections', { exchanges: [lately({ calls: 100, limited: 10 })] })).toEqual([])
    expect(found('rejections', { exchanges: [lately({ calls: 19, limited: 19 })] })).toEqual([])
  })

  it('call when most of the answers are old', () => {
    const old = lately({ cacheHits: 30, stale: 30, cacheMisses: 10 })
    expect(found('stale_answers', { exchanges: [old] })).toHaveLength(1)
    expect(found('stale_answers', { exchanges: [lately({ cacheHits: 30, stale: 2, cacheMisses: 10 })] })).toEqual([])
  })
})

describe('bots', () => {
  const bot = (name: string, firstAgoMs: number, lastAgoMs: number) => ({
    ...{ bot: name, firstAtWallMs: WALL - firstAgoMs, lastAtWallMs: WALL - lastAgoMs },
  })

  it('are missed when they had called for an hour and are silent for a quarter of one', () => {
    const silent = found('bot_silent', { bots: [bot('grid', 3 * HOUR, 900_000)] })
    expect(silent).toEqual(['grid | grid has not called for 15 min.'])
    expect(found('bot_silent', { bots: [bot('grid', 3 * HOUR, 899_000)] })).toEqual([])
  })

  it('are not missed when they only came by, nor for longer than a day', () => {
    expect(found('bot_silent', { bots: [bot('script', HOUR, 1800_000)] })).toEqual([])
    expect(found('bot_silent', { bots: [bot('retired', 48 * HOUR, 25 * HOUR)] })).toEqual([])
  })

  it('are missed from the start where limits.yaml names them', () => {
    const early = { namedBots: ['mm-1'], startedAtWallMs: WALL - 600_000 }
    expect(found('bot_silent', early)).toEqual([])
    expect(found('bot_silent', { namedBots: ['mm-1'] })).toEqual(['mm-1 | mm-1 has not called for 600 min.'])
  })
})

describe('other conditions', () => {
  it('each have a sentence of their own', () => {
    expect([
      ...found('violations', { violations: new Map([['kraken.private', 3]]) }),
      ...found('bypass_suspected', { bypasses: new Map([['kraken.private', 1]]) }),
      ...found('key_rests', {
        restingKeys: [{ credential: 'a1', reason: 'EAPI:Invalid nonce', restsForMs: 29_500 }],
      }),
      ...found('check_failed', { failedChecks: [{ name: 'status_page', error: 'http 500' }] }),
      ...found('store_errors', { storeErrorsPerMinute: 10 }),
      ...found('rules_rejected', { rulesError: 'limits.yaml:3:1 …' }),
    ]).toEqual([
      'kraken.private | The exchange refused 3 calls within 5 minutes that kraken.private had room for; /v1/violations shows why.',
      'kraken.private | Something beside weir spends kraken.private: send that traffic through weir as well.',
      'a1 | Key a1 rests for 30 s, as the exchange keeps refusing it: EAPI:Invalid nonce.',
      'status_page | The check status_page fails: http 500.',
      'redis | Redis failed 10 times within a minute.',
      'limits.yaml | limits.yaml has mistakes: the rules from before are in force.',
    ])
    expect(found('store_errors', { storeErrorsPerMinute: 9 })).toEqual([])
  })
})
