// A cancel at one weir while a call of its key hangs at another, in virtual time around the real script.

import { expect, it } from 'vitest'
import type { Turn } from '../../src/limit/store.ts'
import { bucketRule } from '../limit/rules.ts'
import { ownRedis } from './own-redis.ts'
import { Stage } from './stage.ts'

const redis = ownRedis()

// It waited for as long as the other weir's call took, and was refused when its own time was up.
it.each([
  ['a cancel goes when its patience is over, and holds the key', 900, true],
  ['a read waits until the other has ended', undefined, false],
])('%s', { timeout: 20_000 }, async (_, patienceMs, goes) => {
  const stage = new Stage({ redis: redis(), rule: bucketRule(30, 50), chance: () => 0.5 })
  const [one, other] = [stage.weir(0).store, stage.weir(0).store]
  const turn = (nonce: bigint): Turn => ({ exchange: stage.name, lane: 'key', nonce, window: 0n })
  await stage.pass(1000)
  const hung = one.take([stage.take], { held: true, turn: turn(1n) })
  await stage.pass(100)
  expect(await hung).toMatchObject({ granted: true })

  const mine = { held: !goes, turn: patienceMs === undefined ? turn(2n) : { ...turn(2n), patienceMs } }
  const askedAt = stage.clock.now()
  const ask = async () => {
    const taken = other.take([stage.take], mine)
    await stage.pass(50)
    return taken
  }
  let said = await ask()
  for (let tries = 0; tries < 20 && !said.granted; tries += 1) {
    await stage.pass(said.waitMs)
    said = await ask()
  }
  expect(said.granted).toBe(goes)
  if (!goes) return
  expect(stage.clock.now() - askedAt).toBeLessThan(900 + 250)
  const next = one.take([stage.take], { held: true, turn: turn(3n) })
  await stage.pass(100)
  expect(await next).toMatchObject({ granted: false })
})
