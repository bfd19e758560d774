// Answers that another weir has fetched, as the layer meets them; where they are kept is a map here.

import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type CommonAnswer, type CommonStore, isCommon, newest, textOf } from '../../src/cache/common.ts'
import { cache } from '../../src/cache/layer.ts'
import { MemoryStore } from '../../src/cache/memory.ts'
import { Proofs } from '../../src/cache/proofs.ts'
import type { Entry } from '../../src/cache/store.ts'
import type { CacheRule } from '../../src/core/rules.ts'
import { aCacheRule, aCall, aReply, aVerdict, type CallChange, forwarded } from '../support/build.ts'
import { FakeClock } from '../support/fake-clock.ts'

/** What weirs keep for each other, and who asked for it. */
class Shelf implements CommonStore {
  readonly kept = new Map<string, Omit<CommonAnswer, 'text'> & { readonly text: string }>()
  readonly asked: string[] = []
  /** Runs while a question is on its way. */
  meanwhile = (): void => {}

  async find(exchange: string, key: string) {
    this.asked.push(`${exchange} ${key}`)
    this.meanwhile()
    return this.kept.get(`${exchange} ${key}`)
  }

  keep(exchange: string, key: string, answer: CommonAnswer): void {
    this.kept.set(`${exchange} ${key}`, { ...answer, text: answer.text() })
  }
}

/** Two weirs over one shelf, one exchange that counts. */
const setUp = (rule: Partial<CacheRule> = {}) => {
  const clock = new FakeClock(1_000_000)
  const shelf = new Shelf()
  const exchange = { calls: 0, well: true }
  const cacheRule = aCacheRule({ shared: true, ...rule })
  const weir = () => {
    const store = new MemoryStore(1_000_000)
    const handle = cache({ store, proofs: new Proofs(clock), clock, common: shelf })(async ({ record }) => {
      exchange.calls += 1
      forwarded(record, aVerdict(exchange.well ? 'ok' : 'failing'))
      return aReply(exchange.well ? `answer ${exchange.calls}` : 'down', { headers: ['Age', '3', 'Server', 'x'] })
    })
    const ask = async (change: CallChange = {}) => {
      const call = aCall({ cache: cacheRule, ...change })
      const reply = await handle(call)
      return { ...call.record, text: String(reply.body), reply }
    }
    return { ask, store }
  }
  return { clock, shelf, exchange, one: weir(), other: weir() }
}

describe('an answer of a class that shares', () => {
  it('is a hit at a weir that has never asked, as it came, with all of its age, and kept there', async () => {
    const { clock, shelf, exchange, one, other } = setUp({ freshMs: 3_000 })
    const first = await one.ask()
    clock.advance(2_000)
    const hit = await other.ask()
    expect(hit).toMatchObject({ decision: 'cached', cache: 'hit', ageSeconds: 5, sent: 'no', text: 'answer 1' })
    expect(hit.reply).toEqual(first.reply)
    shelf.kept.clear()
    expect(await other.ask()).toMatchObject({ decision: 'cached' })
    expect(exchange.calls).toBe(1)
  })

  it('lives for others as long as it may serve, stale time included', async () => {
    const { clock, shelf, one } = setUp({ freshMs: 3_000, staleMs: 60_000 })
    await one.ask()
    expect([...shelf.kept.values()]).toMatchObject([{ bytes: 8, bornAt: clock.now(), lifeMs: 63_000 }])
  })

  it('is not asked for while memory has a fresh one', async () => {
    const { shelf, one } = setUp()
    await one.ask()
    await one.ask()
    expect(shelf.asked).toHaveLength(1)
  })

  it('takes the place of an older one in memory, and never of a newer one', async () => {
    const { clock, one, other } = setUp({ freshMs: 1_000 })
    await one.ask()
    await other.ask()
    clock.advance(5_000)
    expect((await one.ask()).text).toBe('answer 2')
    expect(await other.ask()).toMatchObject({ decision: 'cached', ageSeconds: 3, text: 'answer 2' })
  })

  it('does not push out what was fetched while it was asked for', async () => {
    const { clock, shelf, one, other } = setUp({ freshMs: 1_000 })
    await one.ask()
    clock.advance(500)
    const [key = ''] = shelf.asked
    shelf.meanwhile = () => {
      shelf.meanwhile = () => {}
      const reply = { ...aReply(), body: Buffer.from('newer') }
      const entry: Entry = { reply, storedAt: clock.now(), ageOnArrival: 0, owner: undefined }
      other.store.put(key.slice(key.indexOf(' ') + 1), entry)
    }
    expect(await other.ask()).toMatchObject({ decision: 'cached', text: 'newer' })
  })

  it('covers trouble at a weir that has never asked, where the class allows', async () => {
    const { clock, exchange, one, other } = setUp({ freshMs: 1_000 })
    await one.ask()
    clock.advance(30_000)
    exchange.well = false
    const stale = await other.ask()
    expect(stale).toMatchObject({ decision: 'stale', cache: 'hit; ttl=-29; detail=error', ageSeconds: 33 })
    expect(stale.text).toBe('answer 1')
  })

  it('is not read by a bot that skips the cache, whose answer then serves all', async () => {
    const { shelf, one, other } = setUp()
    await one.ask()
    expect((await other.ask({ skipCache: true })).text).toBe('answer 2')
    expect(shelf.asked).toHaveLength(1)
    expect([...shelf.kept.values()][0]?.text).toContain('answer 2')
  })

  it('stays here when it was asked for with a credential, though the class is public', async () => {
    const { shelf, exchange, one, other } = setUp()
    await one.ask({ credential: 'a1' })
    await other.ask({ credential: 'a1' })
    expect(exchange.calls).toBe(2)
    expect(shelf.asked).toEqual([])
    expect(shelf.kept.size).toBe(0)
  })
})

it('a class that does not share neither asks nor tells', async () => {
  const { shelf, one } = setUp({ shared: false })
  await one.ask()
  expect(shelf.asked).toEqual([])
  expect(shelf.kept.size).toBe(0)
  expect(isCommon(aCall())).toBe(false)
})

describe('an answer as it is written', () => {
  /** What another weir makes of it. */
  const arrived = async (text: string, bornAt: number, own = new MemoryStore(1_000_000)) => {
    const shelf = new Shelf()
    shelf.keep('venue', 'key', { bytes: text.length, text: () => text, bornAt, lifeMs: 1 })
    return newest(shelf, own, 'venue', 'key')
  }

  it('is read as it was: every byte, every field', () => {
    const latin1 = fc.uint8Array({ maxLength: 20 }).map((bytes) => Buffer.from(bytes).toString('latin1'))
    const fields = fc.array(fc.tuple(latin1, latin1), { maxLength: 5 }).map((pairs) => pairs.flat())
    const entry = fc.record({
      reply: fc.record({
        status: fc.constant(200),
        statusText: latin1,
        headers: fields,
        body: fc.uint8Array({ maxLength: 300 }).map((bytes) => Buffer.from(bytes)),
        trailers: fc.option(fields, { nil: undefined }),
      }),
      storedAt: fc.double({ noNaN: true, noDefaultInfinity: true }),
      ageOnArrival: fc.nat(),
      owner: fc.constant(undefined),
    })
    return fc.assert(
      fc.asyncProperty(entry, async (kept) => {
        expect(await arrived(textOf(kept), kept.storedAt)).toEqual(kept)
      }),
    )
  })

  it.each([
    '',
    '\n',
    'nonsense\nbody',
    'null\nbody',
    '[]\nbody',
    '{"statusText":"OK","headers":[],"age":0}',
    '{"statusText":"OK","headers":["Server"],"age":0}\nbody',
    '{"statusText":"OK","headers":["Server",1],"age":0}\nbody',
    '{"statusText":"OK","headers":[],"age":-1}\nbody',
    '{"statusText":"OK","headers":[]}\nbody',
    '{"headers":[],"age":0}\nbody',
    '{"statusText":"OK","headers":[],"trailers":"x","age":0}\nbody',
  ])('is passed over when no weir has written it so: %j', async (text) => {
    const own = new MemoryStore(1_000_000)
    expect(await arrived(text, 0, own)).toBeUndefined()
    expect(own.view().entries).toBe(0)
  })
})
