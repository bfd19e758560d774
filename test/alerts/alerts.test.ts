import { beforeEach, describe, expect, it } from 'vitest'
import { Alerts } from '../../src/alerts/alerts.ts'
import type { Look } from '../../src/alerts/situation.ts'
import type { WeirEvent } from '../../src/core/events.ts'
import { FakeClock } from '../support/fake-clock.ts'
import { aBreaker, aLimit, aLook } from './look.ts'

let clock: FakeClock
let now: Partial<Look>
let told: string[]
let alerts: Alerts

beforeEach(() => {
  clock = new FakeClock()
  now = {}
  told = []
  const tell = (event: WeirEvent) => {
    if (event.type === 'alert.raised' || event.type === 'alert.resolved')
      told.push(`${event.type} ${event.alert.rule} ${event.alert.subject}`)
  }
  alerts = new Alerts({ clock, look: () => aLook(now), tell })
  alerts.start()
})

const open = { breakers: [aBreaker()] }
const RAISED = 'alert.raised breaker_open api.kraken.com'
const RESOLVED = 'alert.resolved breaker_open api.kraken.com'

describe('an alert', () => {
  it('is told within two seconds, shown while it holds, and told when it is over', () => {
    now = open
    clock.advance(2000)
    expect(told).toEqual([RAISED])
    const raisedAtWallMs = clock.wall()
    expect(alerts.list(true)).toEqual([
      {
        ...{ rule: 'breaker_open', severity: 'warning', subject: 'api.kraken.com', resolvedAtWallMs: undefined },
        message: 'The breaker of api.kraken.com is open: http 503.',
        ...{ raisedAtWallMs, lastAtWallMs: raisedAtWallMs },
      },
    ])
    now = { breakers: [aBreaker({ state: 'closed' })] }
    clock.advance(2000)
    expect(told).toEqual([RAISED, RESOLVED])
    expect(alerts.list(true)).toEqual([])
    expect(alerts.list(false)).toMatchObject([{ rule: 'breaker_open', resolvedAtWallMs: raisedAtWallMs + 2000 }])
  })

  it('is told again only after the debounce, while it goes on', () => {
    now = open
    clock.advance(599_000)
    expect(told).toEqual([RAISED])
    clock.advance(4000)
    expect(told).toEqual([RAISED, RAISED])
  })

  it('that comes and goes is told once, and shown all the same', () => {
    for (let round = 0; round < 20; round += 1) {
      now = open
      clock.advance(2000)
      expect(alerts.list(true)).toHaveLength(1)
      now = {}
      clock.advance(2000)
    }
    expect(told).toEqual([RAISED, RESOLVED])
    clock.advance(600_000)
    now = open
    clock.advance(2000)
    expect(told).toEqual([RAISED, RESOLVED, RAISED])
  })

  it('is told each time without a debounce, but not without end while it holds', () => {
    const settings = { ...aLook().settings, debounceMs: 0 }
    for (let round = 0; round < 2; round += 1) {
      now = { ...open, settings }
      clock.advance(10_000)
      now = { settings }
      clock.advance(10_000)
    }
    expect(told).toEqual([RAISED, RESOLVED, RAISED, RESOLVED])
  })

  it('about a budget is raised only once the budget has been spent for a minute', () => {
    now = { limits: [aLimit(1)] }
    clock.advance(60_000)
    now = { limits: [aLimit(0.5)] }
    clock.advance(2000)
    expect([told, alerts.list(false)]).toEqual([[], []])
    now = { limits: [aLimit(0.96)] }
    clock.advance(64_000)
    expect(told).toEqual(['alert.raised budget_exhausted kraken.private a1'])
  })

  it('that is switched off is not looked at', () => {
    now = { ...open, settings: { ...aLook().settings, off: new Set(['breaker_open']) } }
    clock.advance(10_000)
    expect([told, alerts.list(false)]).toEqual([[], []])
  })

  it('is one of fifty at most of a kind: subjects come from outside', () => {
    const restingKeys = Array.from({ length: 500 }, (_, key) => ({
      ...{ credential: `k${key}`, reason: 'EAPI:Invalid key', restsForMs: 1000 },
    }))
    now = { restingKeys }
    clock.advance(2000)
    expect(told).toHaveLength(50)
  })

  it('is looked for again after a look that failed', () => {
    const seen: string[] = []
    let broken = true
    const shaky = new Alerts({
      clock,
      look: () => {
        if (broken) throw new Error('a mistake')
        return aLook(open)
      },
      tell: ({ type }) => seen.push(type),
    })
    shaky.start()
    clock.advance(2000)
    broken = false
    clock.advance(2000)
    expect(seen).toEqual(['observer.failed', 'alert.raised'])
  })

  it('is not looked for any more after a stop', () => {
    alerts.stop()
    now = open
    clock.advance(60_000)
    expect(told).toEqual([])
    expect(clock.pending).toBe(0)
  })
})

describe('what is heard and passes', () => {
  const hear = (event: object) => alerts.observer(event as WeirEvent)

  it('keeps a violation’s alert up for five minutes', () => {
    hear({ type: 'limit.violated', bucket: 'kraken.private' })
    clock.advance(2000)
    expect(told).toEqual(['alert.raised violations kraken.private'])
    clock.advance(296_000)
    expect(alerts.list(true)).toHaveLength(1)
    clock.advance(4000)
    expect(alerts.list(true)).toHaveLength(0)
  })

  it('shows a lane that was full for a moment', () => {
    hear({ type: 'lane.filled', lane: 'kraken.private', waiting: 50, capacity: 50, bytes: 0 })
    clock.advance(2000)
    expect(told).toEqual(['alert.raised queue_filling kraken.private', 'alert.raised queue_full kraken.private'])
    clock.advance(10_000)
    expect(alerts.list(true)).toEqual([])
  })

  it('counts failures of the store within a minute, not those of all time', () => {
    now = { storeErrors: 500 }
    clock.advance(60_000)
    expect(told).toEqual([])
    now = { storeErrors: 510 }
    clock.advance(2000)
    expect(told).toEqual(['alert.raised store_errors redis'])
    clock.advance(64_000)
    expect(alerts.list(true)).toEqual([])
  })
})
