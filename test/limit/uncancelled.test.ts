// What a cancel is given back for orders that were gone before it: never more than what the exchange can not have counted.

import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { readFacts } from '../../src/classify/facts.ts'
import { MemoryStore } from '../../src/limit/memory.ts'
import { Pricer } from '../../src/limit/price.ts'
import type { Take } from '../../src/limit/store.ts'
import { lessUncancelled, settleBoth } from '../../src/limit/uncancelled.ts'
import { classOf } from '../rules/shipped.ts'
import { aCall } from '../support/build.ts'
import { engineCost } from '../support/exchange/engine.ts'
import { FakeClock } from '../support/fake-clock.ts'
import { bucketRule } from './rules.ts'

const rule = bucketRule(60, 1)
const take = (...perOrder: number[]): Take => {
  return { key: '{test}bucket', rule, cost: perOrder.reduce((sum, cost) => sum + cost, 0), perOrder }
}
const costs = (takes: readonly Take[]) => takes.map(({ cost }) => cost)

describe('what a cancel came to', () => {
  it('is all of it when the exchange does not say how many it cancelled, or as many as were charged', () => {
    const takes = [take(8, 6), { key: 'other', rule, cost: 1 }]
    for (const cancelled of [undefined, 2, 3]) expect(lessUncancelled(takes, cancelled)).toBe(takes)
  })

  it('is the dearest that so many can have been, on every pair', () => {
    const takes = [take(2, 8, 6), take(4, 5)]
    expect(costs(lessUncancelled(takes, 2))).toEqual([14, 9])
    expect(costs(lessUncancelled(takes, 1))).toEqual([8, 5])
    expect(costs(lessUncancelled(takes, 0))).toEqual([0, 0])
  })

  it('still holds what is paid for the call itself', () => {
    const call: Take = { key: 'private', rule, cost: 1 }
    expect(costs(lessUncancelled([call, take(8, 8)], 0))).toEqual([1, 0])
    expect(costs(lessUncancelled([{ ...take(8, 8), cost: 17 }], 0))).toEqual([1])
  })

  it('is what the bucket is left without', () => {
    const clock = new FakeClock()
    const store = new MemoryStore(clock, () => 1)
    const takes = [take(8, 8, 2)]
    const grant = store.charge(takes)
    expect(store.level(take(0))).toMatchObject({ available: 42, inFlight: 18 })
    settleBoth(store, takes, 'spent', grant, lessUncancelled(takes, 1))
    expect(store.level(take(0))).toMatchObject({ available: 52, inFlight: 0 })
  })

  it('is never less than what the exchange counts, whichever orders were still there', () => {
    const age = fc.constantFrom(0, 4_999, 5_000, 12_000, 30_000, 60_000, 200_000, 300_000)
    const order = fc.record({ pair: fc.constantFrom('XBT/USD', 'ETH/USD'), ageMs: age, filled: fc.boolean() })
    fc.assert(
      fc.property(fc.array(order, { minLength: 1, maxLength: 12 }), (orders) => {
        const ages = { find: () => [], isGone: () => false, open: () => orders, old: () => 0, pairs: () => [] }
        const path = '/0/private/CancelAll'
        const call = aCall({ method: 'POST', path, body: 'nonce=1', credential: 'main' })
        const cancel = classOf('api.kraken.com', 'POST', path)
        const priced = new Pricer(ages).price({ ...call, rule: cancel, facts: readFacts(call.request, cancel) })
        const there = orders.filter(({ filled }) => !filled)
        const cameTo = lessUncancelled(priced, there.length)
        for (const pair of ['XBT/USD', 'ETH/USD']) {
          const counted = there
            .filter((one) => one.pair === pair)
            .reduce((sum, { ageMs }) => sum + engineCost('cancel', ageMs), 0)
          const charged = cameTo.find(({ key }) => key.endsWith(pair))?.cost ?? 0
          expect(charged).toBeGreaterThanOrEqual(counted)
          if (there.length === 0) expect(charged).toBe(0)
        }
      }),
    )
  })
})
