// Fields that tell what is left, over a network that delays and reorders: as long as weir is alone with its limit they change
// nothing, whatever overtakes whatever; and what another spends, they show.

import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { diagnose } from '../../src/autopsy/diagnose.ts'
import type { WeirEvent } from '../../src/core/events.ts'
import type { BucketRule } from '../../src/core/rules.ts'
import { ServerClocks } from '../../src/core/server-clock.ts'
import { Belief } from '../../src/limit/belief.ts'
import { Lanes } from '../../src/limit/lanes.ts'
import { limit } from '../../src/limit/layer.ts'
import { MemoryStore } from '../../src/limit/memory.ts'
import { Pricer } from '../../src/limit/price.ts'
import { aCall, aClass, anExchange, aReply, aVerdict, forwarded } from '../support/build.ts'
import { LazyFillBucket, SlidingLog } from '../support/exchange/counters.ts'
import { FakeClock } from '../support/fake-clock.ts'
import { bucketRule, windowRule } from './rules.ts'

interface Traffic {
  readonly jitterMs: number
  /** When each call is made, and how far each of its crossings goes from no jitter to all of it. */
  readonly calls: readonly { readonly atMs: number; readonly there: number; readonly back: number }[]
  /** When somebody else spends one. */
  readonly others: readonly number[]
}

const run = async (rule: BucketRule, { jitterMs, calls, others }: Traffic) => {
  const clock = new FakeClock()
  const store = new MemoryStore(clock, () => 1)
  const events: WeirEvent[] = []
  const tell = (event: WeirEvent) => void events.push(event)
  const pricer = new Pricer({ find: () => [], open: () => [], old: () => 0, pairs: () => [], isGone: () => false })
  const belief = new Belief({ clock, store, pricer, diagnose, coldStart: () => 1, tell })
  const lanes = new Lanes({ store, clock, maxQueueBytes: () => 1e9, tell })
  const counter =
    rule.kind === 'bucket'
      ? new LazyFillBucket({ capacity: rule.capacity, refillPerSecond: rule.refill * 1000 })
      : new SlidingLog({ max: rule.limit, windowMs: rule.everyMs })
  const headers = { limit: 'l', remaining: 'r' }
  const told = aClass({
    exchange: { ...anExchange, headers, buckets: [rule] },
    costs: [{ bucket: rule, fixed: 1, each: [], byParam: [], byAge: [] }],
    maxWaitMs: 1e9,
  })
  const after = (ms: number) => new Promise<void>((done) => void clock.after(ms, done))
  const remaining = (level: number) => Math.floor((rule.kind === 'bucket' ? level : rule.limit - level) + 1e-9)
  let refused = 0
  const send = async ({ atMs, there, back }: Traffic['calls'][number]): Promise<void> => {
    await after(atMs)
    const layer = limit({ lanes, store, pricer, belief, serverClocks: new ServerClocks(clock), clock })(
      async ({ record }) => {
        await after(20 + there * jitterMs)
        const { ok, level } = counter.arrive(1, clock.now())
        await after(20 + back * jitterMs)
        if (!ok) refused += 1
        forwarded(record, ok ? undefined : aVerdict('throttled'), 40)
        record.told = { limit: undefined, remaining: remaining(level) }
        return aReply()
      },
    )
    await layer({ ...aCall(), rule: told })
  }
  const spend = async (atMs: number): Promise<void> => {
    await after(atMs)
    counter.arrive(1, clock.now())
  }
  await clock.until(Promise.all([...calls.map(send), ...others.map(spend)]))
  return {
    refused,
    outspent: events.filter(({ type }) => type === 'limit.outspent').length,
    charged: store.levels()[0]?.charged,
  }
}

const rules = fc.constantFrom(windowRule(30, 1000), windowRule(5, 1000), bucketRule(15, 10), bucketRule(3, 20))
const share = fc.double({ min: 0, max: 1, noNaN: true })
const calls = fc.array(fc.record({ atMs: fc.nat(6000), there: share, back: share }), { minLength: 5, maxLength: 120 })

describe('fields that tell what is left', () => {
  it('change nothing while weir is alone, whatever the network does', async () => {
    await fc.assert(
      fc.asyncProperty(rules, fc.constantFrom(0, 30, 300, 2000), calls, async (rule, jitterMs, made) => {
        const outcome = await run(rule, { jitterMs, calls: made, others: [] })
        expect(outcome).toEqual({ refused: 0, outspent: 0, charged: made.length })
      }),
      { numRuns: 120 },
    )
  })

  it.each([
    ['bucket', bucketRule(30, 1)],
    ['window', windowRule(30, 30_000)],
  ])('show what another spends of a %s, and so its limit is not run into', async (_, rule) => {
    const others = Array.from({ length: 12 }, (_none, index) => 31_000 + index * 10)
    const made = Array.from({ length: 28 }, (_none, index) => ({ atMs: 32_000 + index * 100, there: 0, back: 0 }))
    const first = { atMs: 0, there: 0, back: 0 }
    const outcome = await run(rule, { jitterMs: 0, calls: [first, ...made], others })
    expect(outcome.refused).toBe(0)
    expect(outcome.outspent).toBeGreaterThan(0)
  })
})
