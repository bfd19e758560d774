// A cancel at one weir while a call of its key hangs at another, in virtual time around the real script.

import { expect, it } from 'vitest'
import { Presence } from '../../src/core/presence.ts'
import { Backlog } from '../../src/limit/backlog.ts'
import { Lane } from '../../src/limit/lane.ts'
import { NonceOrder, turnPatienceMs } from '../../src/limit/nonce-order.ts'
import { Spread } from '../../src/limit/spread.ts'
import type { Pass, Ticket } from '../../src/limit/ticket.ts'
import { bucketRule } from '../limit/rules.ts'
import { ownRedis } from './own-redis.ts'
import { Stage, type Weir } from './stage.ts'

const redis = ownRedis()

/** Calls of one key at one weir. */
const lineAt = (stage: Stage, { store, clock }: Weir) => {
  const order = new NonceOrder({ rules: () => ({ nonceOrder: 'strict', nonceWindow: 0n }), spread: new Spread() })
  const backlog = new Backlog(
    () => 1e9,
    () => {},
  )
  const lane = new Lane({ name: 'key', order, store, clock, backlog })
  store.onFreed(() => lane.pump())
  return (nonce: bigint, held: boolean, maxWaitMs = 6000): Promise<Pass> => {
    const turn = { exchange: stage.name, lane: 'key', nonce, window: 0n }
    const ticket: Ticket = {
      ...{ takes: [stage.take], held, nonce, maxWaitMs, trades: !held, bot: 'bot', rank: 2, bytes: 0, host: '' },
      turn: held ? turn : { ...turn, patienceMs: turnPatienceMs(maxWaitMs) },
      ...{ tooLate: 'limit_reached', presence: new Presence() },
    }
    return lane.enter(ticket, 100)
  }
}

const twoWeirs = async () => {
  const stage = new Stage({ redis: redis(), rule: bucketRule(30, 50), chance: () => 0.5 })
  const [one, other] = [stage.weir(0), stage.weir(0)]
  await stage.pass(1000)
  return { stage, one: lineAt(stage, one), other: lineAt(stage, other) }
}

// It was refused at once: the line took the cancel for something that stands in a cancel's way.
it.each([
  [6000, 3000],
  [2000, 1000],
])(
  'a cancel that may wait %i ms goes after %i ms, whatever hangs elsewhere',
  { timeout: 20_000 },
  async (may, dueMs) => {
    const { stage, one, other } = await twoWeirs()
    const hung = one(1n, true)
    await stage.pass(50)
    await hung
    const askedAt = stage.clock.now()
    const wentAt = other(2n, false, may).then(() => stage.clock.now())
    await stage.pass(dueMs - 50)
    const early = await Promise.race([wentAt, Promise.resolve(undefined)])
    expect(early).toBeUndefined()
    await stage.pass(100)
    expect((await wentAt) - askedAt).toBeLessThan(dueMs + 50)
  },
)

// Once the cancel had ended the key counted as free, and the next order overtook the call that hung.
it('what comes after the cancel waits for the call that hangs', { timeout: 20_000 }, async () => {
  const { stage, one, other } = await twoWeirs()
  const hung = one(1n, true)
  await stage.pass(50)
  const cancel = other(2n, false)
  await stage.pass(3100)
  ;(await cancel).close('spent', true)
  await stage.pass(100)
  const order = other(3n, true)
  await stage.pass(1000)
  const early = await Promise.race([order, Promise.resolve(undefined)])
  expect(early).toBeUndefined()
  ;(await hung).close('spent', false)
  await stage.pass(600)
  ;(await order).close('spent', true)
})
