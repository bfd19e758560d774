// What every store of buckets promises, wherever it keeps them. Run for each of them, some in real time: numbers are small.

import { describe, expect, it } from 'vitest'
import type { BucketRule } from '../../src/core/rules.ts'
import type { Millis } from '../../src/core/units.ts'
import type { BucketStore, Grant, Manner, Take, Taken } from '../../src/limit/store.ts'
import { bucketRule, windowRule } from './rules.ts'

/** What a store that is opened for one test is asked through. */
export interface OpenStore {
  readonly store: BucketStore
  /** Waits until all that was said has arrived where it is kept. */
  settled(): Promise<void>
  /** Lets that much time pass. */
  pass(ms: Millis): Promise<void>
}

const HELD: Manner = { held: true }
let names = 0

/** Buckets of their own for every test, so that all may use one server. */
const takesOf =
  (exchange: string) =>
  (rule: BucketRule, cost = 1): Take => ({ key: `{${exchange}}${rule.name}`, rule: { ...rule, exchange }, cost })

const fresh = (kind: string): string => `${kind}${process.pid}x${names++}`

/** The promises. `open` gives a store that is ready to grant. */
export const keepsThePromises = (name: string, exchange: string, open: () => Promise<OpenStore>): void => {
  const take = takesOf(exchange)
  const granted = async (store: BucketStore, takes: readonly Take[], manner = HELD): Promise<Grant> => {
    const taken = await store.take(takes, manner)
    if (!taken.granted) throw new Error(`not granted: ${taken.waitMs} ms`)
    return taken
  }
  const ask = async (store: BucketStore, takes: readonly Take[]): Promise<Taken> => store.take(takes, HELD)

  describe(name, () => {
    it('takes from all buckets or from none', async () => {
      const { store } = await open()
      const [wide, tight] = [take(bucketRule(10, 0.1, fresh('wide')), 2), take(bucketRule(1, 0.1, fresh('tight')))]
      await granted(store, [wide, tight])
      expect(await ask(store, [wide, tight])).toMatchObject({ granted: false, by: tight })
      // Two were spent of the wide one, not four.
      await granted(store, [{ ...wide, cost: 8 }])
      expect(await ask(store, [wide])).toMatchObject({ granted: false })
    })

    it('says when all will fit, and they do', async () => {
      const { store, settled, pass } = await open()
      const one = take(bucketRule(2, 2, fresh('soon')), 2)
      store.settle([one], 'spent', await granted(store, [one]))
      await settled()
      const refused = await ask(store, [one])
      if (refused.granted) throw new Error('granted')
      expect(refused.waitMs).toBeGreaterThan(50)
      expect(refused.waitMs).toBeLessThan(1100)
      await pass(refused.waitMs + 5)
      await granted(store, [one])
    })

    it('holds what is on the way, and spends it when its answer is there', async () => {
      const { store, settled, pass } = await open()
      const one = take(bucketRule(2, 2, fresh('held')))
      const grants = [await granted(store, [one]), await granted(store, [one])]
      await pass(1000)
      expect(await ask(store, [one])).toMatchObject({ granted: false })
      for (const grant of grants) store.settle([one], 'spent', grant)
      await settled()
      expect(await ask(store, [{ ...one, cost: 2 }])).toMatchObject({ granted: false })
    })

    it('gives back what never left, and tells those who wait', async () => {
      const { store, settled } = await open()
      const one = take(bucketRule(1, 0.01, fresh('back')))
      let freed = 0
      store.onFreed(() => {
        freed += 1
      })
      store.settle([one], 'never_left', await granted(store, [one]))
      expect(freed).toBeGreaterThan(0)
      await settled()
      await granted(store, [one])
    })

    it('charges what is not held, whatever the level is, and others wait for it', async () => {
      const { store, settled } = await open()
      const one = take(bucketRule(3, 1, fresh('debt')))
      const dear = { ...one, cost: 6 }
      store.settle([dear], 'spent', store.charge([dear]))
      await settled()
      const refused = await ask(store, [one])
      expect(refused).toMatchObject({ granted: false })
      if (!refused.granted) expect(refused.waitMs).toBeGreaterThan(2500)
    })

    it('keeps back what is asked to remain, and never charges it', async () => {
      const { store } = await open()
      const one = take(bucketRule(4, 0.01, fresh('keep')))
      expect(await ask(store, [{ ...one, cost: 2, keep: 3 }])).toMatchObject({ granted: false })
      await granted(store, [{ ...one, cost: 1, keep: 3 }])
      await granted(store, [{ ...one, cost: 3 }])
    })

    it('lets nothing go from a drained bucket until its pause is over, and then no more than came in', async () => {
      const { store, settled, pass } = await open()
      const one = take(bucketRule(20, 5, fresh('drained')))
      const grant = await granted(store, [one])
      store.drain(one, 1000)
      store.settle([one], 'spent', grant)
      await settled()
      const refused = await ask(store, [one])
      if (refused.granted) throw new Error('granted')
      expect(refused.waitMs).toBeGreaterThan(200)
      await pass(refused.waitMs + 5)
      await granted(store, [{ ...one, cost: 2 }])
      expect(await ask(store, [{ ...one, cost: 9 }])).toMatchObject({ granted: false })
    })

    it('closes a bucket for a time, with what is left in it', async () => {
      const { store, settled, pass } = await open()
      const one = take(bucketRule(10, 0.01, fresh('closed')))
      store.close(one, 1000)
      await settled()
      expect(await ask(store, [one])).toMatchObject({ granted: false })
      await pass(1010)
      await granted(store, [{ ...one, cost: 10 }])
    })

    it('lets calls pass an open gate, and none a closed one', async () => {
      const { store, settled, pass } = await open()
      const gate = take({ ...bucketRule(0, 0, fresh('gate')), adaptive: false }, 0)
      store.settle([gate], 'spent', await granted(store, [gate]))
      store.close(gate, 1000)
      await settled()
      expect(await ask(store, [gate])).toMatchObject({ granted: false })
      await pass(1010)
      await granted(store, [gate])
    })

    it('allows a window what it says in any stretch of its length', async () => {
      const { store, settled, pass } = await open()
      const one = take(windowRule(4, 1000, fresh('window')))
      for (let call = 0; call < 4; call += 1) store.settle([one], 'spent', await granted(store, [one]))
      await settled()
      const refused = await ask(store, [one])
      if (refused.granted) throw new Error('granted')
      expect(refused.waitMs).toBeLessThanOrEqual(1010)
      await pass(refused.waitMs + 5)
      await granted(store, [one])
    })

    it('keeps what was spent when the rules are replaced, up and down', async () => {
      const { store, settled } = await open()
      const before = take(bucketRule(10, 0.01, fresh('retuned')))
      const grant = await granted(store, [{ ...before, cost: 4 }])
      store.settle([{ ...before, cost: 4 }], 'spent', grant)
      await settled()
      const more = { ...before, rule: { ...before.rule, capacity: 20 } as BucketRule }
      store.retune([more.rule])
      expect(await ask(store, [{ ...more, cost: 17 }])).toMatchObject({ granted: false })
      const less = { ...before, rule: { ...before.rule, capacity: 5 } as BucketRule }
      store.retune([less.rule])
      expect(await ask(store, [{ ...less, cost: 2 }])).toMatchObject({ granted: false })
      await granted(store, [less])
    })

    // A call waited while its bucket's capacity was halved in limits.yaml; when it was let go, the old capacity was back.
    it('goes by the new rules, whatever a call from before them brings along', async () => {
      const { store, settled } = await open()
      const before = take(bucketRule(10, 0.01, fresh('reloaded')))
      const grant = await granted(store, [before])
      store.retune([{ ...before.rule, capacity: 5 } as BucketRule])
      const inForce = () => store.levels().find(({ key }) => key === before.key)?.rule
      await granted(store, [before])
      expect(inForce()).toMatchObject({ capacity: 5 })
      store.adopt(before, 10)
      store.settle([before], 'spent', grant)
      await settled()
      expect(inForce()).toMatchObject({ capacity: 5 })
    })

    it('takes a smaller limit from the exchange, and never a larger one', async () => {
      const { store, settled } = await open()
      const one = take(bucketRule(10, 0.01, fresh('told')))
      store.adopt(one, 5)
      await settled()
      expect(await ask(store, [{ ...one, cost: 6 }])).toMatchObject({ granted: false })
      store.adopt(one, 100)
      await settled()
      expect(await ask(store, [{ ...one, cost: 11 }])).toMatchObject({ granted: false })
    })

    // A reserve of 6 of 10 shut reads out for good once the exchange had said that its limit is 5.
    it('keeps back its part of a limit that turned out to be smaller', async () => {
      const { store, settled } = await open()
      const one = { ...take(bucketRule(10, 0.01, fresh('kept'))), keep: 6 }
      store.adopt(one, 5)
      await settled()
      await granted(store, [{ ...one, cost: 2 }])
      expect(await ask(store, [one])).toMatchObject({ granted: false })
    })

    it('fills more slowly after a refusal that nothing explains', async () => {
      const { store, settled } = await open()
      const one = take(bucketRule(10, 2, fresh('doubted')), 10)
      store.settle([one], 'spent', await granted(store, [one]))
      for (let again = 0; again < 5; again += 1) {
        store.shrink(one)
        await settled()
      }
      const refused = await ask(store, [one])
      if (refused.granted) throw new Error('granted')
      // At the full rate it would be five seconds.
      expect(refused.waitMs).toBeGreaterThan(7000)
      expect(store.level(one).share).toBeLessThan(0.5)
    })

    it('counts all that was ever reserved', async () => {
      const { store } = await open()
      const one = take(bucketRule(10, 1, fresh('counted')), 3)
      store.settle([one], 'never_left', await granted(store, [one]))
      store.settle([one], 'spent', await granted(store, [one]))
      expect(store.level(one).charged).toBe(6)
    })
  })
}
