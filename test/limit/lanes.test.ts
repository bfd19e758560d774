import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { beforeEach, describe, expect, it, onTestFinished } from 'vitest'
import type { WeirEvent } from '../../src/core/events.ts'
import type { EndpointClass } from '../../src/core/rules.ts'
import { Lanes, type LanesJournal } from '../../src/limit/lanes.ts'
import { MemoryStore } from '../../src/limit/memory.ts'
import type { MeterSnapshot } from '../../src/limit/meter.ts'
import type { Mark } from '../../src/limit/nonce-order.ts'
import { stragglers } from '../../src/limit/stragglers.ts'
import { Database } from '../../src/state/database.ts'
import { aClass, anExchange } from '../support/build.ts'
import { FakeClock } from '../support/fake-clock.ts'
import { bucketRule } from './rules.ts'
import { aTicket } from './ticket.ts'

const KEY = 'kraken a1b2c3d4'
const MS = 1_763_800_000_000n
let clock: FakeClock
let events: WeirEvent[]

beforeEach(() => {
  clock = new FakeClock()
  events = []
})

const aNonceClass = (change: Partial<typeof anExchange> = {}): EndpointClass =>
  aClass({ lane: 'nonce', exchange: { ...anExchange, ...change } })
const rule = aNonceClass()

const make = (journal?: Partial<LanesJournal>): Lanes =>
  new Lanes({
    store: new MemoryStore(clock, () => 1),
    clock,
    maxQueueBytes: () => 1e6,
    tell: (event) => events.push(event),
    journal: { load: () => [], save: () => {}, stragglers: new Map(), ...journal },
  })

const send = async (lanes: Lanes, nonce: bigint, bot = 'bot', by = rule): Promise<void> =>
  (await lanes.lane(KEY, by, 'main').enter(aTicket({ nonce, bot }), 100)).close('spent', true)

describe('the lanes', () => {
  it('write down and take up the highest nonce of each key', async () => {
    const kept = new Map<string, Mark>()
    await send(make({ save: (lane, mark) => kept.set(lane, mark) }), 7n)
    expect([...kept]).toEqual([[KEY, { nonce: 7n, bot: 'bot' }]])
    await expect(send(make({ load: () => kept }), 7n)).rejects.toMatchObject({ code: 'nonce_too_low' })
  })

  it.each(['kraken a1b2c3d4', 'kraken main'])('wait for what the last process left on the way: %s', async (left) => {
    const lanes = make({ stragglers: new Map([[left, 3_000]]) })
    const sent = send(lanes, 7n).then(() => clock.now())
    await clock.pass(5_000)
    expect(await sent).toBe(3_000)
  })

  it('know what a killed process had on the way from the levels that it wrote down', async () => {
    const directory = mkdtempSync(join(tmpdir(), 'weir-lanes-'))
    onTestFinished(() => rmSync(directory, { recursive: true, force: true }))
    const open = () => {
      const database = new Database(directory, clock)
      onTestFinished(() => database.close())
      const levels = database.levels().map((saved) => ({ ...saved, snapshot: saved.value as MeterSnapshot }))
      const store = new MemoryStore(clock, () => 1, {
        load: () => levels,
        save: (key, snapshot, urgent) => database.saveLevel(key, snapshot, urgent),
      })
      const journal = { load: () => [], save: () => {}, stragglers: stragglers(levels) }
      return new Lanes({ store, clock, maxQueueBytes: () => 1e6, tell: () => {}, journal })
    }
    const takes = [{ key: '{kraken}private:a1b2c3d4', rule: bucketRule(15, 1, 'private'), cost: 1 }]
    await open()
      .lane(KEY, rule)
      .enter(aTicket({ nonce: 7n, takes }), 100)
    await clock.pass(1_500)
    const next = open()
    const sent = next.lane(KEY, rule).enter(aTicket({ nonce: 8n, takes }), 100)
    await clock.pass(3_499)
    expect(next.view()).toMatchObject([{ waiting: 1, inFlight: 0 }])
    await clock.pass(1)
    expect((await sent).waitedMs).toBe(3_500)
  })

  it('do not wait for what another key left', async () => {
    await send(make({ stragglers: new Map([['kraken other', 3_000]]) }), 7n)
    expect(clock.now()).toBe(0)
  })

  it('tell once of each pair of bots whose nonces do not go together, by the hash of the key', async () => {
    const lanes = make()
    await send(lanes, MS, 'grid')
    await send(lanes, MS * 1_000_000n, 'hft')
    for (const bot of ['grid', 'grid', 'dca']) await send(lanes, MS + 5n, bot).catch(() => {})
    expect(events).toMatchObject([
      { type: 'nonces.mixed', exchange: 'kraken', credential: 'a1b2c3d4', smaller: { bot: 'grid', digits: 13 } },
      { type: 'nonces.mixed', larger: { bot: 'hft', digits: 19 }, smaller: { bot: 'dca', digits: 13 } },
    ])
    expect(lanes.view()).toMatchObject([{ lane: 'a1b2c3d4', waiting: 0, mixedNonces: [{}, {}] }])
  })

  // With `order: spaced` or `none` a key went on as before, refusal after refusal, until the exchange locked it out.
  it.each(['spaced', 'none'] as const)(
    'let a key’s calls go one by one for five minutes after an invalid nonce: %s',
    async (nonceOrder) => {
      const lanes = make()
      const lane = lanes.lane(KEY, aNonceClass({ nonceOrder }))
      /** Let go within a second, or still waiting. */
      const enter = async (nonce: bigint) => {
        const pass = lane.enter(aTicket({ nonce, maxWaitMs: 900_000 }), 100)
        await clock.pass(1_000)
        return pass
      }
      const first = await enter(101n)
      const second = await enter(102n)
      second.close('spent', true)
      lanes.tighten(KEY)
      lanes.tighten(KEY)
      const waiting = enter(103n)
      await clock.pass(298_000)
      expect(lanes.view()).toMatchObject([{ waiting: 1, inFlight: 1 }])
      first.close('spent', false)
      const third = await waiting
      await clock.pass(2_000)
      const fourth = await enter(104n)
      expect(lanes.view()).toMatchObject([{ waiting: 0, inFlight: 2 }])
      for (const pass of [third, fourth]) pass.close('spent', true)
      expect(events).toEqual([{ type: 'nonces.tightened', exchange: 'kraken', credential: 'a1b2c3d4', forMs: 300_000 }])
    },
  )

  // A call behind one that hangs waited until that one ended, or for its own deadline.
  it.each(['spaced', 'none'] as const)('let go who waits when the five minutes are over: %s', async (nonceOrder) => {
    const lanes = make()
    const lane = lanes.lane(KEY, aNonceClass({ nonceOrder }))
    const enter = (nonce: bigint) => lane.enter(aTicket({ nonce, maxWaitMs: 900_000 }), 100)
    await enter(101n)
    lanes.tighten(KEY)
    await clock.pass(100_000)
    lanes.tighten(KEY)
    const waiting = enter(102n)
    await clock.pass(299_999)
    expect(lanes.view()).toMatchObject([{ waiting: 1 }])
    await clock.pass(1)
    expect(lanes.view()).toMatchObject([{ waiting: 0 }])
    expect((await waiting).waitedMs).toBe(300_000)
  })

  // They stood in order of arrival, and the first made those behind it with lower nonces worthless.
  it('put those who wait in order of their nonces when calls are to go one by one', async () => {
    const lanes = make()
    const lane = lanes.lane(KEY, aNonceClass({ nonceOrder: 'none' }))
    const takes = [{ key: '{kraken}private:a1b2c3d4', rule: bucketRule(1, 1, 'private'), cost: 1 }]
    const gone: bigint[] = []
    const go = async (nonce: bigint) => {
      const pass = await lane.enter(aTicket({ nonce, takes }), 100)
      gone.push(nonce)
      pass.close('spent', true)
    }
    await go(1n)
    const all = [5n, 3n].map(go)
    await clock.pass(100)
    lanes.tighten(KEY)
    all.push(go(4n))
    await clock.pass(10_000)
    await Promise.all(all)
    expect(gone).toEqual([1n, 3n, 4n, 5n])
  })

  it('hold an open lane to rules that were replaced', async () => {
    const lanes = make()
    await send(lanes, 100n)
    await expect(send(lanes, 95n)).rejects.toMatchObject({ code: 'nonce_too_low' })
    await send(lanes, 95n, 'bot', aNonceClass({ nonceWindow: 10n }))
  })
})
