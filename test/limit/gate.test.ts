// A limit of which no number is published: it holds nothing back until the exchange refuses, and then all of its scope.

import { beforeEach, describe, expect, it } from 'vitest'
import type { BucketRule } from '../../src/core/rules.ts'
import { MemoryStore } from '../../src/limit/memory.ts'
import type { Take } from '../../src/limit/store.ts'
import { limitViews } from '../../src/limit/view.ts'
import { shippedRules } from '../rules/shipped.ts'
import { FakeClock } from '../support/fake-clock.ts'
import { bucketRule, takeFrom } from './rules.ts'

const found = (name: string): BucketRule => {
  const rule = shippedRules().exchanges[0]?.buckets.find((bucket) => bucket.name === name)
  if (rule === undefined) throw new Error(`no bucket ${name}`)
  return rule
}
const gate: Take = { key: '{kraken}domain:main', rule: found('domain'), cost: 0 }
const engine = takeFrom(bucketRule(2, 1))
let clock: FakeClock
let saved: string[]
let store: MemoryStore

beforeEach(() => {
  clock = new FakeClock()
  saved = []
  store = new MemoryStore(clock, () => 1, { load: () => [], save: (key) => saved.push(key) })
})

describe('a gate', () => {
  it('stands open, however much passes and however empty buckets start', () => {
    const cold = new MemoryStore(clock, () => 0)
    for (let index = 0; index < 1_000; index += 1) expect(cold.take([gate]).granted).toBe(true)
    expect(cold.quote([gate])).toEqual({ waitMs: 0, by: undefined })
  })

  it('holds all that would pass it while it is closed, and nothing longer', () => {
    store.close(gate, 5_000)
    expect(store.take([engine, gate])).toMatchObject({ granted: false, waitMs: 5_000, by: gate })
    expect(store.level(engine).available).toBe(2)
    expect(store.take([engine]).granted).toBe(true)
    clock.advance(5_000)
    expect(store.take([engine, gate]).granted).toBe(true)
  })

  it('is shown only while it is closed, and with no number that nobody has published', () => {
    store.take([engine, gate])
    expect(limitViews(store.levels()).map(({ bucket }) => bucket)).toEqual(['test.bucket'])
    store.close(gate, 5_000)
    expect(limitViews(store.levels())[1]).toMatchObject({
      ...{ bucket: 'kraken.domain', scope: 'main', available: 0, capacity: 0, refillPerSecond: 0 },
      ...{ utilization: 1, closedForMs: 5_000, fullInMs: 0 },
    })
  })

  it('is written down when it closes, and not each time something passes', () => {
    store.settle([gate], 'spent')
    store.take([gate])
    expect(saved).toEqual([])
    store.close(gate, 5_000)
    expect(saved).toEqual([gate.key])
  })
})
