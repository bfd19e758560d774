// Something beside weir spends a key's limit: weir's own refused calls must die down, and the rate come back when it stops.

import { describe, expect, it } from 'vitest'
import { Cases } from '../../src/autopsy/cases.ts'
import { diagnose } from '../../src/autopsy/diagnose.ts'
import { WeirError } from '../../src/core/errors.ts'
import { type Observer, tee, type WeirEvent } from '../../src/core/events.ts'
import type { BucketRule } from '../../src/core/rules.ts'
import { ServerClocks } from '../../src/core/server-clock.ts'
import { Belief } from '../../src/limit/belief.ts'
import { Lanes } from '../../src/limit/lanes.ts'
import { limit } from '../../src/limit/layer.ts'
import { MemoryStore } from '../../src/limit/memory.ts'
import { Pricer } from '../../src/limit/price.ts'
import { aCall, aClass, anExchange, aReply, aVerdict, forwarded } from '../support/build.ts'
import { type Counter, DecayingCounter, SlidingLog } from '../support/exchange/counters.ts'
import { FakeClock } from '../support/fake-clock.ts'
import { bucketRule, windowRule } from './rules.ts'

const MINUTE = 60_000

/** What happened in one minute. */
interface Minute {
  served: number
  refused: number
  share: number
}

interface Scene {
  readonly rule: BucketRule
  readonly counter: Counter
  /** Cost per second that the outsider spends, while it is there. */
  readonly outsidePerSecond: number
  readonly leavesAfterMin: number
  readonly minutes: number
}

/** Bots that always want more than there is, and an outsider who comes in the third minute. */
const run = async (scene: Scene): Promise<{ minutes: Minute[]; events: WeirEvent[]; cases: Cases }> => {
  const { rule, counter, outsidePerSecond, leavesAfterMin } = scene
  const clock = new FakeClock()
  const store = new MemoryStore(clock, () => 1)
  const events: WeirEvent[] = []
  const observers: Observer[] = [(event) => void events.push(event)]
  const tell = tee(observers)
  const cases = new Cases(clock, tell)
  observers.push(cases.observer)
  const pricer = new Pricer({ find: () => [], open: () => [], old: () => 0, pairs: () => [], isGone: () => false })
  const belief = new Belief({ clock, store, pricer, diagnose, coldStart: () => 1, tell })
  const lanes = new Lanes({ store, clock, maxQueueBytes: () => 1e9, tell })
  const minutes: Minute[] = []
  const now = (): Minute => (minutes[Math.floor(clock.now() / MINUTE)] ??= { served: 0, refused: 0, share: 1 })
  const after = (ms: number) => new Promise<void>((done) => void clock.after(ms, done))

  const exchange = { ...anExchange, buckets: [rule] }
  const aLimited = aClass({
    exchange,
    costs: [{ bucket: rule, fixed: 1, each: [], byParam: [], byAge: [] }],
    maxWaitMs: 6_000,
  })
  const layer = limit({ lanes, store, pricer, belief, serverClocks: new ServerClocks(clock), clock })(async (call) => {
    await after(40)
    const { ok } = counter.arrive(1, clock.now())
    await after(40)
    forwarded(call.record, ok ? undefined : aVerdict('throttled'), 80)
    if (ok) now().served += 1
    else now().refused += 1
    return aReply()
  })
  const end = scene.minutes * MINUTE
  const bot = async (name: string): Promise<void> => {
    while (clock.now() < end) {
      const call = { ...aCall({ bot: name, credential: 'key' }), rule: aLimited }
      const retryMs = await layer(call).then(
        () => 0,
        (error: unknown) => (error instanceof WeirError ? (error.retryAfterMs ?? 1000) : 1000),
      )
      await after(retryMs)
    }
  }
  const outsider = async (): Promise<void> => {
    await after(2 * MINUTE)
    // It tries until it is let through, and so has its part whatever weir does.
    for (let due = clock.now(); clock.now() < leavesAfterMin * MINUTE; ) {
      if (counter.arrive(1, clock.now()).ok) due += 1000 / outsidePerSecond
      await after(Math.max(20, due - clock.now()))
    }
  }
  const work = [...Array.from({ length: 8 }, (_, index) => bot(`bot${index}`)), outsider()]
  for (let minute = 0; minute < scene.minutes; minute += 1) {
    await clock.pass(MINUTE - 1)
    Object.assign(now(), { share: store.levels()[0]?.share ?? 1 })
    await clock.pass(1)
  }
  await clock.until(Promise.all(work))
  return { minutes, events, cases }
}

describe('an outsider who takes 40 % of the rate', () => {
  const counters = (max: number, decayPerSecond: number) => () => new DecayingCounter({ max, decayPerSecond })
  const shapes = [
    { name: 'Kraken private, pro', rule: bucketRule(20, 1), counter: counters(20, 1), perSecond: 1 },
    { name: 'Kraken private, starter', rule: bucketRule(15, 0.33), counter: counters(15, 0.33), perSecond: 0.33 },
    {
      name: 'Coinbase Exchange private',
      rule: { ...bucketRule(30, 15), recoveryMs: 1000 },
      counter: counters(30, 15),
      perSecond: 15,
    },
    {
      name: 'Coinbase Advanced private',
      rule: { ...windowRule(30, 1000), recoveryMs: 1000 },
      counter: () => new SlidingLog({ max: 30, windowMs: 1000 }),
      perSecond: 30,
    },
  ]
  for (const { name, rule, counter, perSecond } of shapes) {
    it(`${name}: refusals die down within a minute, and the whole rate is back eight minutes after it left`, async () => {
      const outsidePerSecond = 0.4 * perSecond
      const scene = { rule, counter: counter(), outsidePerSecond, leavesAfterMin: 12, minutes: 22 }
      const { minutes, cases, events } = await run(scene)
      const alone = minutes[1]?.served ?? 0
      expect(minutes.slice(0, 2).map(({ refused }) => refused)).toEqual([0, 0])
      expect(minutes[2]?.refused).toBeGreaterThan(0)
      for (const { refused, served } of minutes.slice(3, 12)) {
        expect(refused).toBeLessThanOrEqual(2)
        // Most of what is left is used.
        expect(served).toBeGreaterThan(0.6 * alone * 0.7)
      }
      expect(minutes.slice(13).map(({ refused }) => refused)).toEqual(minutes.slice(13).map(() => 0))
      expect(minutes[19]?.share).toBe(1)
      expect(minutes[20]?.served).toBeGreaterThan(0.95 * alone)
      expect(cases.recommendations()).toMatchObject([{ advice: 'used_outside', bucket: rule.id }])
      expect(events.filter(({ type }) => type === 'advice.given')).toHaveLength(1)
      expect(events.filter(({ type }) => type === 'bypass.suspected').length).toBeGreaterThan(0)
    }, 60_000)
  }
})

describe('an outsider who takes nearly all', () => {
  it('never brings weir below 30 % of the rate', async () => {
    const counter = new DecayingCounter({ max: 20, decayPerSecond: 1 })
    const scene = { rule: bucketRule(20, 1), counter, outsidePerSecond: 0.95, leavesAfterMin: 10, minutes: 10 }
    const { minutes } = await run(scene)
    const shares = minutes.slice(0, 10).map(({ share }) => share)
    expect(Math.min(...shares)).toBeGreaterThanOrEqual(0.3)
    expect(Math.min(...shares)).toBeLessThan(0.6)
  }, 60_000)
})

describe('adaptive: false', () => {
  it('keeps to the documented rate, whatever the exchange refuses', async () => {
    const counter = new DecayingCounter({ max: 20, decayPerSecond: 1 })
    const rule = { ...bucketRule(20, 1), adaptive: false }
    const { minutes } = await run({ rule, counter, outsidePerSecond: 0.4, leavesAfterMin: 6, minutes: 6 })
    expect(minutes.slice(0, 6).map(({ share }) => share)).toEqual([1, 1, 1, 1, 1, 1])
    expect(minutes[3]?.refused).toBeGreaterThan(0)
  }, 60_000)
})
