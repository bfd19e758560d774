// Cache and coalesce as the stack puts them: outside and inside.

import { expect, it } from 'vitest'
import { flightKey, flightShare } from '../../src/cache/flight.ts'
import { cache } from '../../src/cache/layer.ts'
import { MemoryStore } from '../../src/cache/memory.ts'
import { Proofs } from '../../src/cache/proofs.ts'
import { coalesce } from '../../src/coalesce/layer.ts'
import type { ClassifiedCall, Reply } from '../../src/core/call.ts'
import type { CacheRule } from '../../src/core/rules.ts'
import { Stack } from '../../src/core/stack.ts'
import { aCacheRule, aCall, aReply, type CallChange, forwarded } from '../support/build.ts'
import { FakeClock, settled } from '../support/fake-clock.ts'

const setUp = (rule: Partial<CacheRule> = {}) => {
  const clock = new FakeClock()
  const store = new MemoryStore(100_000)
  const proofs = new Proofs(clock)
  const fetches: (() => void)[] = []
  const handle = Stack.of<ClassifiedCall>()
    .push(cache({ store, proofs, clock }))
    .push(coalesce({ keyOf: flightKey(proofs), share: flightShare, clock }))
    .serve((call) => {
      const { promise, resolve } = Promise.withResolvers<Reply>()
      fetches.push(() => {
        forwarded(call.record)
        resolve(aReply(`answer ${fetches.length}`))
      })
      return promise
    })
  const cacheRule = aCacheRule(rule)
  const ask = (change: CallChange = {}) => {
    const call = aCall({ cache: cacheRule, ...change })
    return { call, reply: handle(call) }
  }
  return { ask, fetches, store, clock }
}

it('ten bots, one fetch, one entry', async () => {
  const { ask, fetches, store } = setUp()
  const asked = Array.from({ length: 10 }, (_, i) => ask({ bot: `bot-${i}` }))
  await settled()
  expect(fetches).toHaveLength(1)
  fetches[0]?.()
  await Promise.all(asked.map(({ reply }) => reply))
  expect(store.view().entries).toBe(1)
  expect(asked.map(({ call }) => call.record.cache)).toEqual([
    'fwd=miss; stored',
    ...Array(9).fill('fwd=miss; collapsed'),
  ])
})

it('the answer is kept though the bot that led has gone', async () => {
  const { ask, fetches, store } = setUp()
  const leader = ask()
  const follower = ask()
  leader.call.presence.leave()
  await settled()
  fetches[0]?.()
  await follower.reply
  await settled()
  expect(store.view().entries).toBe(1)
})

it('different credentials never fly together', async () => {
  const { ask, fetches } = setUp()
  ask({ credential: 'a1' })
  ask({ credential: 'b2' })
  ask()
  await settled()
  expect(fetches).toHaveLength(3)
})

it('private calls fly together only once their own signature was accepted', async () => {
  const { ask, fetches } = setUp({ private: true, freshMs: 0 })
  const mine = { credential: 'a1', bot: 'mine' }
  const first = [ask(mine), ask(mine)]
  await settled()
  expect(fetches).toHaveLength(2)
  for (const answer of fetches) answer()
  await Promise.all(first.map(({ reply }) => reply))
  ask(mine)
  ask(mine)
  ask({ ...mine, bot: 'other' })
  await settled()
  expect(fetches).toHaveLength(4)
})

it('many stale answers for a slow exchange share one refresh', async () => {
  const { ask, fetches, clock } = setUp({ staleWhen: new Set(['slow']), staleAfterMs: 200 })
  const first = ask()
  await settled()
  fetches[0]?.()
  await first.reply
  clock.advance(30_000)
  const asked = [ask(), ask(), ask()]
  await clock.pass(200)
  const replies = await Promise.all(asked.map(({ reply }) => reply))
  expect(replies.map(({ body }) => body.toString())).toEqual(Array(3).fill('answer 1'))
  for (const { call } of asked) call.presence.leave()
  expect(fetches).toHaveLength(2)
  fetches[1]?.()
  await settled()
  const after = await ask().reply
  expect(after.body.toString()).toBe('answer 2')
})
