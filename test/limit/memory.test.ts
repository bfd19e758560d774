import { beforeEach, describe, expect, it } from 'vitest'
import { MemoryStore } from '../../src/limit/memory.ts'
import type { MeterSnapshot } from '../../src/limit/meter.ts'
import type { BucketJournal } from '../../src/limit/store.ts'
import { FakeClock } from '../support/fake-clock.ts'
import { bucketRule, takeFrom, windowRule } from './rules.ts'

let clock: FakeClock
const fresh = (journal?: BucketJournal) => new MemoryStore(clock, () => 1, journal)

beforeEach(() => {
  clock = new FakeClock()
})

describe('a store', () => {
  it('takes from all buckets or from none', () => {
    const store = fresh()
    const [wide, tight] = [takeFrom(bucketRule(10, 1, 'wide'), 2), takeFrom(bucketRule(1, 1, 'tight'))]
    expect(store.take([wide, tight])).toEqual({ granted: true })
    expect(store.take([wide, tight])).toMatchObject({ granted: false, by: tight })
    expect(store.level(wide).available).toBe(8)
  })

  it('says exactly when all will fit, and which bucket takes longest', () => {
    const store = fresh()
    const [fast, slow] = [takeFrom(bucketRule(1, 10, 'fast')), takeFrom(bucketRule(1, 0.5, 'slow'))]
    store.take([fast, slow])
    store.settle([fast, slow], 'spent')
    const refused = store.take([fast, slow])
    expect(refused).toMatchObject({ granted: false, by: slow })
    if (!refused.granted) {
      clock.advance(refused.waitMs - 1)
      expect(store.take([fast, slow]).granted).toBe(false)
      clock.advance(1)
      expect(store.take([fast, slow]).granted).toBe(true)
    }
  })

  it('gives back what never left, and tells those who wait', () => {
    const store = fresh()
    const take = takeFrom(bucketRule(1, 0.1))
    let freed = 0
    store.onFreed(() => {
      freed += 1
    })
    store.take([take])
    store.settle([take], 'never_left')
    expect(freed).toBe(1)
    expect(store.take([take]).granted).toBe(true)
  })

  it('lets nothing go from a drained bucket until its pause is over', () => {
    const store = fresh()
    const take = takeFrom(bucketRule(10, 100))
    store.drain(take, 5000)
    expect(store.take([take])).toMatchObject({ granted: false, waitMs: 5000 })
    clock.advance(5000)
    expect(store.take([take]).granted).toBe(true)
  })

  it('keeps what was spent when the rules are replaced, up and down', () => {
    const store = fresh()
    const before = bucketRule(10, 1)
    const take = takeFrom(before, 4)
    store.take([take])
    store.settle([take], 'spent')
    store.retune([{ ...before, capacity: 20 }])
    expect(store.level(take).available).toBeCloseTo(16)
    store.retune([{ ...before, capacity: 5 }])
    expect(store.level(take).available).toBeCloseTo(1)
  })

  it('never refills a bucket that became a window', () => {
    const store = fresh()
    const take = takeFrom(bucketRule(5, 1, 'same'), 5)
    store.take([take])
    store.settle([take], 'spent')
    store.retune([windowRule(5, 1000, 'same')])
    expect(store.level(take).available).toBe(0)
  })
})

describe('a bucket whose rate is in doubt', () => {
  it('fills more slowly, down to 30 %, and says so', () => {
    const store = fresh()
    const take = takeFrom(bucketRule(10, 1), 10)
    store.take([take])
    store.settle([take], 'spent')
    store.shrink(take)
    expect(store.level(take).share).toBeCloseTo(0.8)
    clock.advance(1000)
    expect(store.level(take).available).toBeCloseTo(0.8, 2)
    expect(store.level(take).room).toBeCloseTo(1, 2)
    for (let again = 0; again < 9; again += 1) store.shrink(take)
    expect(store.level(take).share).toBe(0.3)
  })

  it('waits as long as the slower rate needs, and fits when the wait is over', () => {
    const store = fresh()
    const take = takeFrom(bucketRule(10, 1), 10)
    store.take([take])
    store.settle([take], 'spent')
    store.shrink(take)
    const { waitMs } = store.quote([{ ...take, cost: 4 }])
    expect(waitMs).toBeCloseTo(5_000, -2)
    clock.advance(waitMs)
    expect(store.take([{ ...take, cost: 4 }]).granted).toBe(true)
  })

  it('that is a window holds less, and yet lets through what costs more than that', () => {
    const store = fresh()
    const take = takeFrom(windowRule(10, 1000), 1)
    for (let again = 0; again < 9; again += 1) store.shrink(take)
    expect(store.level(take)).toMatchObject({ available: 3, room: 10 })
    expect(store.take([{ ...take, cost: 8 }]).granted).toBe(true)
  })

  it.each([bucketRule(10, 1), windowRule(10, 1000)])('is in doubt after a restart as well: %o', (rule) => {
    const saved = new Map<string, MeterSnapshot>()
    const journal: BucketJournal = {
      load: () => [...saved].map(([key, snapshot]) => ({ key, snapshot, elapsedMs: 60_000 })),
      save: (key, snapshot) => void saved.set(key, JSON.parse(JSON.stringify(snapshot()))),
    }
    const take = takeFrom(rule)
    const first = fresh(journal)
    first.shrink(take)
    first.shrink(take)
    expect(first.level(take).share).toBeCloseTo(0.64)
    // A minute later, a tenth has come back.
    expect(fresh(journal).level(take).share).toBeCloseTo(0.74)
  })

  it('stays so when the rules are replaced, unless they say that it never is', () => {
    const store = fresh()
    const rule = bucketRule(10, 1)
    const take = takeFrom(rule)
    store.shrink(take)
    store.retune([{ ...rule, capacity: 20 }])
    expect(store.level(take).share).toBeCloseTo(0.8)
    store.retune([{ ...rule, adaptive: false }])
    expect(store.level(take).share).toBe(1)
  })

  it('is not forgotten with the buckets that are full again', () => {
    const store = fresh()
    const doubted = takeFrom(bucketRule(10, 1))
    store.shrink(doubted)
    for (let index = 0; index < 10_001; index += 1) store.level({ ...doubted, key: `{test}other${index}` })
    expect(store.level(doubted).share).toBeCloseTo(0.8)
  })
})

describe('after a restart', () => {
  for (const [name, rule] of [
    ['bucket', bucketRule(10, 1)],
    ['window', windowRule(10, 10_000)],
  ] as const) {
    it(`a ${name} has at most what it had, also when the process was killed with calls in flight`, () => {
      const saved = new Map<string, MeterSnapshot>()
      const journal: BucketJournal = {
        load: () => [...saved].map(([key, snapshot]) => ({ key, snapshot, elapsedMs: 1000 })),
        save: (key, snapshot, urgent) => {
          if (urgent) saved.set(key, snapshot())
        },
      }
      const take = takeFrom(rule)
      const first = fresh(journal)
      for (let call = 0; call < 9; call += 1) first.take([take])
      // Killed here: nothing was settled, nothing was flushed. A second later another process starts.
      clock = new FakeClock(500_000)
      const second = fresh(journal)
      expect(second.level(take).available).toBeLessThanOrEqual(1)
      expect(second.level(take).available).toBeGreaterThan(0.9)
    })
  }

  it('holds what was on the way until it has surely arrived, for a stalled exchange may yet take it in', () => {
    // Killed in a stall of three seconds and started again at once: the calls of the first life arrived in the second.
    const inFlight = (cost: number): MeterSnapshot => ({ spent: [], inFlight: cost, tokens: 10, closedForMs: 0 })
    const rule = bucketRule(10, 1)
    const store = fresh({
      load: () => [{ key: takeFrom(rule).key, snapshot: inFlight(6), elapsedMs: 0 }],
      save: () => {},
    })
    expect(store.level(takeFrom(rule)).available).toBe(4)
    clock.advance(9_000)
    expect(store.level(takeFrom(rule)).available).toBe(4)
    clock.advance(5_000)
    expect(store.level(takeFrom(rule)).available).toBeCloseTo(8, 1)
  })

  it('what is not full again is shown before anybody asks for it, and the rest is not', () => {
    const [spent, full] = [bucketRule(10, 1, 'spent'), bucketRule(10, 1, 'full')]
    const at = (tokens: number): MeterSnapshot => ({ spent: [], inFlight: 0, tokens, capacity: 10, closedForMs: 0 })
    const store = fresh({
      load: () => [
        { key: takeFrom(spent).key, snapshot: at(2), elapsedMs: 1000 },
        { key: takeFrom(full).key, snapshot: at(2), elapsedMs: 60_000 },
      ],
      save: () => {},
    })
    expect(store.levels()).toEqual([])
    store.retune([spent, full])
    expect(store.levels()).toMatchObject([{ key: takeFrom(spent).key, available: expect.closeTo(3, 1) }])
    expect(store.level(takeFrom(full)).available).toBe(10)
  })

  it('a bucket that was closed by the exchange stays closed for the rest of the time', () => {
    const saved = new Map<string, MeterSnapshot>()
    const journal = (elapsedMs: number): BucketJournal => ({
      load: () => [...saved].map(([key, snapshot]) => ({ key, snapshot, elapsedMs })),
      save: (key, snapshot) => void saved.set(key, snapshot()),
    })
    const take = takeFrom(bucketRule(10, 100))
    fresh(journal(0)).drain(take, 60_000)
    const again = fresh(journal(20_000)).take([take])
    expect(again).toMatchObject({ granted: false })
    if (!again.granted) expect(again.waitMs).toBeCloseTo(40_000, -2)
  })

  // After weir died on a full disk, or over a file that was broken, buckets were believed to be as full as they had last been
  // written, or full: what was spent since was spent again.
  it('a bucket may have been emptied after it was saved: it has what came in since, and no more', () => {
    const [old, unknown, young] = [bucketRule(10, 1, 'old'), bucketRule(10, 1, 'unknown'), bucketRule(10, 1, 'young')]
    const window = windowRule(10, 60_000)
    const at = (tokens: number): MeterSnapshot => ({ spent: [], inFlight: 0, tokens, capacity: 10, closedForMs: 0 })
    const store = fresh({
      emptiedAgoMs: () => 2_000,
      load: () => [
        { key: takeFrom(old).key, snapshot: at(9), elapsedMs: 30_000 },
        { key: takeFrom(young).key, snapshot: at(7), elapsedMs: 1_000 },
        { key: takeFrom(window).key, snapshot: { ...at(0), tokens: undefined }, elapsedMs: 30_000 },
      ],
      save: () => {},
    })
    store.retune([old, unknown, young, window])
    clock.advance(1_000)
    expect(store.level(takeFrom(old)).available).toBeCloseTo(3, 1)
    expect(store.level(takeFrom(unknown)).available).toBeCloseTo(3, 1)
    expect(store.level(takeFrom(young)).available).toBeCloseTo(9, 1)
    const refused = store.take([takeFrom(window)])
    expect(refused).toMatchObject({ granted: false })
    if (!refused.granted) expect(refused.waitMs).toBeCloseTo(57_000, -2)
    clock.advance(58_000)
    expect(store.take([takeFrom(window, 10)])).toMatchObject({ granted: true })
  })
})
