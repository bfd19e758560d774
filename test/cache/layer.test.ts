import { describe, expect, it } from 'vitest'
import { cache } from '../../src/cache/layer.ts'
import { MemoryStore } from '../../src/cache/memory.ts'
import { Proofs } from '../../src/cache/proofs.ts'
import type { BodyStream, ClassifiedCall, Reply } from '../../src/core/call.ts'
import { BotLeft } from '../../src/core/departure.ts'
import { WeirError } from '../../src/core/errors.ts'
import type { CacheRule } from '../../src/core/rules.ts'
import type { Handler } from '../../src/core/stack.ts'
import { aCacheRule, aCall, aReply, aVerdict, type CallChange, forwarded } from '../support/build.ts'
import { FakeClock, settled } from '../support/fake-clock.ts'

/** The layer over an exchange whose manner can be changed between calls. */
const setUp = (rule: Partial<CacheRule> = {}) => {
  const clock = new FakeClock()
  const store = new MemoryStore(1_000_000)
  const proofs = new Proofs(clock)
  const exchange = { calls: [] as ClassifiedCall[], answer: answering() }
  const handle = cache({ store, proofs, clock })((call) => {
    exchange.calls.push(call)
    return exchange.answer(call)
  })
  const cacheRule = aCacheRule(rule)
  const ask = async (change: CallChange = {}) => {
    const call = aCall({ cache: cacheRule, ...change })
    const reply = await handle(call)
    return { call, record: call.record, reply, text: textOf(reply) }
  }
  return { clock, store, proofs, exchange, handle, ask, cacheRule }
}

const textOf = ({ body }: Reply): string => (Buffer.isBuffer(body) ? body.toString() : 'a stream')

const answering =
  (body: string | BodyStream = 'first', verdict = aVerdict('ok')): Handler<ClassifiedCall> =>
  async (call) => {
    forwarded(call.record, verdict)
    return aReply(body)
  }

const throwing =
  (error: Error): Handler<ClassifiedCall> =>
  async () => {
    throw error
  }

describe('a fresh answer', () => {
  it('is served without asking the exchange, as it came, with its age', async () => {
    const { ask, clock, exchange } = setUp({ freshMs: 3_000 })
    const first = await ask()
    expect(first.record).toMatchObject({ decision: 'forwarded', cache: 'fwd=miss; stored' })
    clock.advance(2_500)
    const second = await ask({ bot: 'another' })
    expect(second.record).toMatchObject({ decision: 'cached', cache: 'hit', ageSeconds: 2, sent: 'no', cost: 0 })
    expect(second.reply).toEqual(first.reply)
    expect(exchange.calls).toHaveLength(1)
  })

  it('is served while the exchange is down', async () => {
    const { ask, exchange } = setUp()
    await ask()
    exchange.answer = throwing(new WeirError('circuit_open'))
    expect((await ask()).record.decision).toBe('cached')
  })

  it('is passed over by a bot that says so, whose answer then renews it', async () => {
    const { ask, exchange } = setUp()
    await ask()
    exchange.answer = answering('second')
    expect((await ask({ skipCache: true })).record.cache).toBe('fwd=bypass; stored')
    expect((await ask()).text).toBe('second')
    exchange.answer = throwing(new WeirError('circuit_open'))
    await expect(ask({ skipCache: true })).rejects.toMatchObject({ code: 'circuit_open' })
  })

  it('is not kept when it was shared by another call, who keeps it', async () => {
    const { ask, exchange, store } = setUp()
    exchange.answer = async ({ record }) => {
      record.decision = 'coalesced'
      return aReply()
    }
    expect((await ask()).record.cache).toBe('fwd=miss; collapsed')
    expect(store.view().entries).toBe(0)
  })
})

describe('a stale answer', () => {
  const HALF_A_MINUTE = 36_000

  it('is not served as long as the exchange answers', async () => {
    const { ask, clock, exchange } = setUp()
    await ask()
    clock.advance(HALF_A_MINUTE)
    exchange.answer = answering('second')
    const { record, text } = await ask()
    expect(text).toBe('second')
    expect(record).toMatchObject({ decision: 'forwarded', cache: 'fwd=stale; stored' })
  })

  it.each([
    ['breaker_open', 'breaker-open', throwing(new WeirError('circuit_open'))],
    ['error', 'error', throwing(new WeirError('upstream_unreachable'))],
    ['error', 'error', throwing(new WeirError('upstream_timeout'))],
    ['error', 'error', answering('502 bad gateway', aVerdict('failing'))],
    ['error', 'error', answering('{"error":["EAPI:Rate limit exceeded"]}', aVerdict('throttled'))],
    ['queue', 'queue', throwing(new WeirError('limit_reached'))],
    ['queue', 'queue', throwing(new WeirError('queue_full'))],
    ['queue', 'queue', throwing(new WeirError('deadline_too_short'))],
  ] as const)('covers "%s" where the class allows (%s)', async (when, detail, trouble) => {
    const allowed = setUp({ staleWhen: new Set([when]) })
    await allowed.ask()
    allowed.clock.advance(HALF_A_MINUTE)
    allowed.exchange.answer = trouble
    const { record, text } = await allowed.ask()
    expect(text).toBe('first')
    expect(record).toMatchObject({ decision: 'stale', cache: `hit; ttl=-35; detail=${detail}`, ageSeconds: 36 })

    const others = new Set(['breaker_open', 'error', 'queue', 'slow'] as const)
    others.delete(when)
    const refused = setUp({ staleWhen: others })
    await refused.ask()
    refused.clock.advance(HALF_A_MINUTE)
    refused.exchange.answer = trouble
    const outcome = await refused.ask().then(
      ({ text: other }) => other,
      (error: unknown) => error,
    )
    expect(outcome).not.toBe('first')
  })

  it('covers nothing past its time, not even when it ran out while the call waited', async () => {
    const { ask, clock, exchange } = setUp({ staleMs: 60_000 })
    await ask()
    clock.advance(60_000)
    exchange.answer = async () => {
      clock.advance(1_000)
      throw new WeirError('upstream_timeout')
    }
    await expect(ask()).rejects.toMatchObject({ code: 'upstream_timeout' })
  })

  it('does not cover a hang-up, a shutdown or a bug', async () => {
    const { ask, clock, exchange } = setUp()
    await ask()
    clock.advance(HALF_A_MINUTE)
    for (const error of [new BotLeft(), new WeirError('shutting_down'), new Error('a bug')]) {
      exchange.answer = throwing(error)
      await expect(ask()).rejects.toBe(error)
    }
  })

  it('closes the stream of the answer that it stands in for', async () => {
    const { ask, clock, exchange } = setUp()
    await ask()
    clock.advance(HALF_A_MINUTE)
    let cancelled = 0
    exchange.answer = answering({ pipe() {}, cancel: () => (cancelled += 1) }, aVerdict('failing'))
    expect((await ask()).record.decision).toBe('stale')
    expect(cancelled).toBe(1)
  })

  it('is never an error that was kept', async () => {
    const { ask, clock, exchange, store } = setUp()
    exchange.answer = answering('{"error":["EGeneral:Internal error"]}', aVerdict('failing'))
    await ask()
    expect(store.view().entries).toBe(0)
    clock.advance(1)
    exchange.answer = throwing(new WeirError('circuit_open'))
    await expect(ask()).rejects.toMatchObject({ code: 'circuit_open' })
  })
})

describe('a slow exchange', () => {
  const slow = async () => {
    const kit = setUp({ staleWhen: new Set(['slow']), staleAfterMs: 500 })
    await kit.ask()
    kit.clock.advance(36_000)
    const pending = Promise.withResolvers<Reply>()
    kit.exchange.answer = async (call) => {
      const reply = await pending.promise
      forwarded(call.record)
      return reply
    }
    return { ...kit, pending }
  }

  it('is not waited for: stale serves, the fetch goes on and renews', async () => {
    const { ask, clock, pending, exchange } = await slow()
    const asked = ask()
    await clock.pass(499)
    expect(clock.pending).toBe(1)
    await clock.pass(1)
    const { record, text, call } = await asked
    expect(text).toBe('first')
    expect(record).toMatchObject({ decision: 'stale', cache: 'hit; ttl=-36; detail=slow', ageSeconds: 36 })
    const told = { ...record }
    call.presence.leave()
    expect(exchange.calls.at(-1)?.presence.left).toBe(false)
    pending.resolve(aReply('second'))
    await settled()
    expect(record).toEqual(told)
    expect((await ask()).text).toBe('second')
  })

  it('that answers in time is not slow', async () => {
    const { ask, clock, pending } = await slow()
    const asked = ask()
    await clock.pass(400)
    pending.resolve(aReply('second'))
    const { record, text } = await asked
    expect(text).toBe('second')
    expect(record).toMatchObject({ decision: 'forwarded', cache: 'fwd=stale; stored', sent: 'yes', cost: 1 })
    expect(clock.pending).toBe(0)
  })

  it('that fails in time fails the call, with all that was learned', async () => {
    const { clock, pending, handle, cacheRule } = await slow()
    const call = aCall({ cache: cacheRule })
    const asked = handle(call)
    const failed = expect(asked).rejects.toMatchObject({ code: 'upstream_timeout' })
    await clock.pass(100)
    pending.reject(new WeirError('upstream_timeout'))
    await failed
    expect(clock.pending).toBe(0)
  })

  it('that fails too late hurts nobody', async () => {
    const { ask, clock, pending } = await slow()
    const asked = ask()
    await clock.pass(500)
    await asked
    // An unhandled rejection would fail the test run.
    pending.reject(new WeirError('upstream_timeout'))
    await settled()
  })

  it('that sends a stream too late has it closed', async () => {
    const { ask, clock, pending } = await slow()
    const asked = ask()
    await clock.pass(500)
    await asked
    let cancelled = 0
    pending.resolve(aReply({ pipe() {}, cancel: () => (cancelled += 1) }))
    await settled()
    expect(cancelled).toBe(1)
  })

  it('learns at once when the bot hangs up before stale was served', async () => {
    const { handle, cacheRule, exchange, pending, clock } = await slow()
    const call = aCall({ cache: cacheRule })
    const asked = handle(call)
    await clock.pass(100)
    call.presence.leave()
    expect(exchange.calls.at(-1)?.presence.left).toBe(true)
    pending.reject(new BotLeft())
    await expect(asked).rejects.toBeInstanceOf(BotLeft)
  })
})

describe('private answers', () => {
  const mine = { credential: 'a1', bot: 'mine' }
  const privately = () => setUp({ private: true, freshMs: 3_600_000 })

  it('are served to the bot and credential that the exchange has accepted', async () => {
    const { ask } = privately()
    await ask(mine)
    expect((await ask(mine)).record.decision).toBe('cached')
  })

  it('are served to nobody else, though he knows the key id', async () => {
    const { ask, exchange } = privately()
    await ask(mine)
    exchange.answer = answering('EAPI:Invalid signature', aVerdict('auth'))
    expect((await ask({ ...mine, bot: 'thief' })).text).toBe('EAPI:Invalid signature')
    expect((await ask({ ...mine, credential: 'b2' })).text).toBe('EAPI:Invalid signature')
    expect((await ask(mine)).record.decision).toBe('cached')
  })

  it('are not served once the acceptance is ten minutes old', async () => {
    const { ask, clock } = privately()
    await ask(mine)
    clock.advance(599_999)
    expect((await ask(mine)).record.decision).toBe('cached')
    clock.advance(1)
    expect((await ask(mine)).record.decision).toBe('forwarded')
    expect((await ask(mine)).record.decision).toBe('cached')
  })

  it('are gone when the exchange refuses the key, whatever it was asked', async () => {
    const { ask, exchange, store } = privately()
    await ask(mine)
    exchange.answer = answering('EAPI:Invalid key', aVerdict('auth'))
    await ask({ ...mine, path: '/0/private/OpenOrders' })
    expect(store.view().entries).toBe(0)
    expect((await ask(mine)).text).toBe('EAPI:Invalid key')
  })

  it('are not proven by a call to a public class, where exchanges ignore keys', async () => {
    const { ask, proofs } = setUp()
    await ask(mine)
    expect(proofs.empty).toBe(true)
  })

  it('do not cover trouble of a pair whose answers were purged meanwhile', async () => {
    const kit = setUp({ private: true, staleWhen: new Set(['error']) })
    await kit.ask(mine)
    kit.clock.advance(10_000)
    kit.exchange.answer = async () => {
      const owner = kit.proofs.revoke(aCall(mine))
      if (owner !== undefined) kit.store.purge(owner)
      throw new WeirError('upstream_timeout')
    }
    await expect(kit.ask(mine)).rejects.toMatchObject({ code: 'upstream_timeout' })
  })
})

describe('calls that have no cache', () => {
  it('pass untouched', async () => {
    const { handle, exchange } = setUp()
    const order = aCall({ kind: 'order', method: 'POST' })
    await handle(order)
    expect(exchange.calls[0]).toBe(order)
    expect(order.record.cache).toBeUndefined()
  })

  it('say "bypass" when only their class has one', async () => {
    const { ask, store } = setUp()
    const { record } = await ask({ method: 'HEAD' })
    expect(record.cache).toBe('fwd=bypass')
    expect(store.view().entries).toBe(0)
  })

  it('of a pair that the exchange then refuses still purge what it was answered', async () => {
    const { ask, exchange, handle, store } = setUp({ private: true })
    await ask({ credential: 'a1' })
    exchange.answer = answering('EAPI:Invalid key', aVerdict('auth'))
    await handle(aCall({ credential: 'a1', kind: 'order', method: 'POST' }))
    expect(store.view().entries).toBe(0)
  })
})
