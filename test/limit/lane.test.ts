import fc from 'fast-check'
import { beforeEach, describe, expect, it } from 'vitest'
import { BotLeft } from '../../src/core/departure.ts'
import { WeirError } from '../../src/core/errors.ts'
import { Presence } from '../../src/core/presence.ts'
import { Backlog } from '../../src/limit/backlog.ts'
import { Lane } from '../../src/limit/lane.ts'
import { MemoryStore } from '../../src/limit/memory.ts'
import { type NonceOptions, NonceOrder, type NonceRules } from '../../src/limit/nonce-order.ts'
import { FairOrder, type LaneOrder } from '../../src/limit/order.ts'
import { Spread } from '../../src/limit/spread.ts'
import type { Pass, Ticket } from '../../src/limit/ticket.ts'
import { FakeClock } from '../support/fake-clock.ts'
import { bucketRule, takeFrom } from './rules.ts'
import { aTicket } from './ticket.ts'

const rule = bucketRule(2, 1)
let clock: FakeClock
let store: MemoryStore

beforeEach(() => {
  clock = new FakeClock()
  store = new MemoryStore(clock, () => 1)
})

describe('a lane', () => {
  it('lets calls go at once while there is budget, and then one per refill', async () => {
    const lane = aLane()
    const gone = departures(lane, 5)
    await clock.pass(0)
    expect(gone).toEqual([0, 0])
    await clock.pass(3500)
    expect(gone.map(Math.round)).toEqual([0, 0, 1002, 2002, 3002])
  })

  it('refuses at once, with the time to come back, what would wait too long', async () => {
    const lane = aLane()
    for (let index = 0; index < 4; index += 1) void enter(lane).then(closeSoon)
    await clock.pass(0)
    const refused = await caught(enter(lane, { maxWaitMs: 2500 }))
    expect(refused).toMatchObject({ code: 'limit_reached' })
    expect((refused as WeirError).retryAfterMs).toBeGreaterThan(2500)
    expect((refused as WeirError).retryAfterMs).toBeLessThan(3100)
    expect(lane.waiting).toHaveLength(2)
  })

  it('refuses waiting calls the moment the exchange makes their deadline impossible', async () => {
    const lane = aLane()
    const waiting = [enter(lane), enter(lane), caught(enter(lane, { maxWaitMs: 1500 }))]
    await clock.pass(100)
    store.drain(takeFrom(rule), 60_000)
    await clock.pass(1000)
    expect(await waiting[2]).toMatchObject({ code: 'limit_reached' })
    expect(clock.now()).toBeLessThan(1500)
  })

  // An amend of a young order waited until the order was older, and was charged as if it were as young as before: a market
  // maker lost 6 % of its budget to that.
  it('charges a call what it costs when it goes, not what it would have cost when it came', async () => {
    const lane = aLane()
    store.charge([takeFrom(rule, 2)])
    const passed = enter(lane, {
      takes: [takeFrom(rule, 2)],
      reprice: () => [takeFrom(rule, clock.now() < 500 ? 2 : 1)],
    })
    await clock.pass(400)
    store.settle([takeFrom(rule, 2)], 'spent')
    await clock.pass(2500)
    const { takes } = await passed
    expect(takes).toEqual([takeFrom(rule, 1)])
    expect(store.level(takeFrom(rule)).inFlight).toBe(1)
  })

  it('forgets a bot that hangs up: nothing is spent and the next in line goes in its place', async () => {
    const lane = aLane()
    for (let index = 0; index < 2; index += 1) void enter(lane).then(closeSoon)
    await clock.pass(10)
    const presence = new Presence()
    const left = caught(enter(lane, { presence }))
    const gone = departures(lane, 1)
    await clock.pass(10)
    presence.leave()
    expect(await left).toBeInstanceOf(BotLeft)
    await clock.pass(1000)
    expect(gone).toHaveLength(1)
    expect(store.level(takeFrom(rule)).available).toBeLessThan(0.1)
  })

  it('never serves a bot that had already left, and spends nothing on it', async () => {
    const presence = new Presence()
    presence.leave()
    expect(await caught(enter(aLane(), { presence }))).toBeInstanceOf(BotLeft)
    expect(store.level(takeFrom(rule)).available).toBe(2)
  })

  it('gives back the budget of a call that never left, and lets the next one go early', async () => {
    const lane = aLane()
    const [first] = await Promise.all([enter(lane), enter(lane)])
    const gone = departures(lane, 1)
    store.onFreed(() => lane.pump())
    await clock.pass(100)
    first?.close('never_left', false)
    await clock.pass(0)
    expect(gone).toEqual([100])
  })

  it('is full at its bound of calls, and says so', async () => {
    const lane = aLane()
    await spendAll(lane)
    for (let index = 0; index < 3; index += 1) void enter(lane, {}, 3)
    await clock.pass(0)
    expect(await caught(enter(lane, {}, 3))).toMatchObject({ code: 'queue_full' })
  })

  it('bounds the bytes that wait in all lanes together', async () => {
    const backlog = new Backlog(
      () => 100,
      () => {},
    )
    const lanes = [aLane(new FairOrder(), backlog), aLane(new FairOrder(), backlog)] as const
    for (let index = 0; index < 2; index += 1) void enter(lanes[0])
    await clock.pass(0)
    void enter(lanes[0], { bytes: 60 })
    await clock.pass(0)
    expect(await caught(enter(lanes[1], { bytes: 60 }))).toMatchObject({ code: 'queue_full' })
    expect(backlog.bytes).toBe(60)
  })

  it('tells once when it is nearly full and once when it is full', async () => {
    const told: unknown[] = []
    const backlog = new Backlog(
      () => 1e6,
      (event) => told.push(event),
    )
    const lane = aLane(new FairOrder(), backlog)
    await spendAll(lane)
    for (let index = 0; index < 12; index += 1) void enter(lane, {}, 10).catch(() => {})
    await clock.pass(0)
    expect(told).toMatchObject([
      { type: 'lane.filled', waiting: 8, capacity: 10 },
      { type: 'lane.filled', waiting: 10, capacity: 10 },
    ])
  })

  it('clears its line when told, and leaves calls in flight alone', async () => {
    const lane = aLane()
    const passes = await Promise.all([enter(lane), enter(lane)])
    const waiting = caught(enter(lane))
    await clock.pass(0)
    lane.evict(
      () => true,
      () => new WeirError('circuit_open'),
    )
    expect(await waiting).toMatchObject({ code: 'circuit_open' })
    expect(lane.inFlight).toBe(2)
    for (const pass of passes) pass.close('spent', true)
    expect(lane.inFlight).toBe(0)
  })

  it('serves calls that may not wait and come in one moment, as far as there is budget', async () => {
    // The second of two was refused with its budget in the bucket: it had stood in line for the time of asking.
    const lane = aLane()
    const ends = await Promise.allSettled([0, 0, 0].map((maxWaitMs) => enter(lane, { maxWaitMs })))
    expect(ends.map(({ status }) => status)).toEqual(['fulfilled', 'fulfilled', 'rejected'])
  })

  it('lets a call in that arrives while the head is being served', async () => {
    // A newcomer between two turns of the loop once slept until its own deadline.
    const lane = aLane()
    const gone = departures(lane, 2)
    await clock.pass(0)
    const [late] = [departures(lane, 1)]
    await clock.pass(2000)
    expect(gone).toHaveLength(2)
    expect(late).toHaveLength(1)
  })
})

describe('bots in turn', () => {
  it('do not starve behind a busy one', async () => {
    const lane = aLane()
    const order: string[] = []
    await spendAll(lane)
    const ask = (bot: string) =>
      void enter(lane, { bot }).then((pass) => {
        order.push(bot)
        pass.close('spent', true)
      })
    for (let index = 0; index < 12; index += 1) ask('busy')
    await clock.pass(10)
    ask('quiet')
    await clock.pass(3000)
    expect(order).toEqual(['busy', 'quiet', 'busy'])
  })

  it('go by rank first', async () => {
    const lane = aLane()
    const order: number[] = []
    await spendAll(lane)
    const ask = (rank: number) =>
      void enter(lane, { rank }).then((pass) => {
        order.push(rank)
        pass.close('spent', true)
      })
    for (const rank of [2, 3, 2, 0, 1]) ask(rank)
    await clock.pass(6000)
    expect(order).toEqual([0, 1, 2, 2, 3])
  })
})

describe('nonces upward', () => {
  it('leave in the order of the nonce, whatever the order of arrival, one at a time', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.uniqueArray(fc.bigInt({ min: 1n, max: 1n << 63n }), { minLength: 1, maxLength: 20 }),
        async (nonces) => {
          clock = new FakeClock()
          store = new MemoryStore(clock, () => 1)
          const lane = aLane(byNonce())
          const sent: bigint[] = []
          const refused: bigint[] = []
          for (const nonce of nonces) {
            void enter(lane, { nonce, held: false }).then(
              (pass) => {
                expect(lane.inFlight).toBe(1)
                sent.push(nonce)
                clock.after(20, () => pass.close('spent', true))
              },
              () => refused.push(nonce),
            )
          }
          await clock.pass(60_000)
          expect(sent).toEqual([...sent].sort((a, b) => (a < b ? -1 : 1)))
          expect([...sent, ...refused].sort()).toEqual([...nonces].sort())
        },
      ),
      { numRuns: 40 },
    )
  })

  it('refuse what holds up a cancel, so that the cancel goes at once', async () => {
    // Five orders that waited for engine budget once kept a cancel from the exchange for four seconds.
    const lane = aLane(byNonce())
    store.charge([takeFrom(rule, 2)])
    const orders = [1n, 2n, 3n].map((nonce) => caught(enter(lane, { nonce })))
    await clock.pass(10)
    expect(lane.waiting).toHaveLength(3)
    const cancel = await enter(lane, { nonce: 4n, held: false })
    expect(clock.now()).toBe(10)
    expect(await Promise.all(orders)).toMatchObject(Array(3).fill({ code: 'limit_reached' }))
    cancel.close('spent', true)
  })

  it('refuse a read that waits for its budget when an order with budget stands behind it', async () => {
    // Two bots polled balances on the trader's key: its orders went out five seconds late.
    const lane = aLane(byNonce())
    store.charge([takeFrom(rule, 2)])
    const read = caught(enter(lane, { nonce: 1n }))
    await clock.pass(10)
    const engine = [takeFrom(bucketRule(60, 1, 'engine'))]
    const order = await enter(lane, { nonce: 2n, trades: true, takes: engine })
    expect(clock.now()).toBe(10)
    expect(await read).toMatchObject({ code: 'limit_reached' })
    order.close('spent', true)
  })

  it('keep a read in its place before an order that lacks budget as well', async () => {
    const lane = aLane(byNonce())
    store.charge([takeFrom(rule, 2)])
    const sent: string[] = []
    const go = (name: string, nonce: bigint, trades: boolean) =>
      void enter(lane, { nonce, trades }).then((pass) => {
        sent.push(name)
        pass.close('spent', true)
      })
    go('read', 1n, false)
    await clock.pass(10)
    go('order', 2n, true)
    store.settle([takeFrom(rule, 2)], 'spent')
    await clock.pass(4000)
    expect(sent).toEqual(['read', 'order'])
  })

  it('refuses what can not succeed any more, before and while it waits', async () => {
    const lane = aLane(byNonce())
    const first = await enter(lane, { nonce: 10n })
    const waiting = caught(enter(lane, { nonce: 9n }))
    first.close('spent', true)
    expect(await waiting).toMatchObject({ code: 'nonce_too_low' })
    expect(await caught(enter(lane, { nonce: 10n }))).toMatchObject({ code: 'nonce_too_low' })
  })

  it('lets through what a declared nonce window still allows', async () => {
    const lane = aLane(byNonce({ nonceWindow: 5n }))
    const first = await enter(lane, { nonce: 10n })
    first.close('spent', true)
    const second = await enter(lane, { nonce: 6n })
    second.close('spent', true)
    expect(await caught(enter(lane, { nonce: 5n }))).toMatchObject({ code: 'nonce_too_low' })
  })

  it('is not locked out by a wild nonce that the exchange did not accept', async () => {
    const lane = aLane(byNonce())
    const wild = await enter(lane, { nonce: 1n << 62n })
    wild.close('spent', false)
    await expect(enter(lane, { nonce: 10n })).resolves.toBeDefined()
  })
})

const ORDERS: readonly (() => LaneOrder)[] = [
  () => new FairOrder(),
  () => byNonce(),
  () => byNonce({ nonceWindow: 20n }),
  () => byNonce({ nonceOrder: 'spaced' }),
  () => byNonce({ nonceOrder: 'none' }),
  () => byNonce({}, { quietUntil: 1_500 }),
]

it('loses nobody, serves nobody twice, and sends nothing after its deadline', async () => {
  const arrival = fc.record({
    at: fc.integer({ min: 0, max: 5000 }),
    maxWaitMs: fc.integer({ min: 0, max: 4000 }),
    leavesAfter: fc.option(fc.integer({ min: 0, max: 4000 }), { nil: undefined }),
    bot: fc.constantFrom('a', 'b', 'c'),
    rank: fc.integer({ min: 0, max: 3 }),
    held: fc.boolean(),
    trades: fc.boolean(),
    nonce: fc.option(fc.bigInt({ min: 1n, max: 100n }), { nil: undefined }),
  })
  await fc.assert(
    fc.asyncProperty(fc.array(arrival, { maxLength: 40 }), fc.constantFrom(...ORDERS), async (arrivals, order) => {
      clock = new FakeClock()
      store = new MemoryStore(clock, () => 1)
      const lane = aLane(order())
      const ends = arrivals.map(() => 0)
      arrivals.forEach(({ at, leavesAfter, ...ticket }, index) => {
        const { maxWaitMs } = ticket
        clock.after(at, () => {
          const presence = new Presence()
          if (leavesAfter !== undefined) clock.after(leavesAfter, () => presence.leave())
          const end = () => {
            ends[index] = (ends[index] ?? 0) + 1
          }
          enter(lane, { ...ticket, presence }).then((pass) => {
            expect(clock.now() - at).toBeLessThanOrEqual(Math.max(maxWaitMs, 5))
            // Who leaves in the very moment of the grant may be served or not.
            expect(clock.now() - at).toBeLessThanOrEqual(leavesAfter ?? Number.POSITIVE_INFINITY)
            end()
            clock.after(30, () => pass.close('spent', true))
          }, end)
        })
      })
      await clock.pass(20_000)
      expect(ends).toEqual(arrivals.map(() => 1))
      expect(lane.waiting).toHaveLength(0)
      expect(lane.inFlight).toBe(0)
    }),
    { numRuns: 200 },
  )
})

const aLane = (
  order: LaneOrder = new FairOrder(),
  backlog = new Backlog(
    () => 1e6,
    () => {},
  ),
): Lane => new Lane({ name: 'test.lane', order, store, clock, backlog })

const byNonce = (rules: Partial<NonceRules> = {}, options: Partial<NonceOptions> = {}): NonceOrder =>
  new NonceOrder({
    rules: () => ({ nonceOrder: 'strict', nonceWindow: 0n, ...rules }),
    spread: new Spread(),
    ...options,
  })

const enter = (lane: Lane, change: Partial<Ticket> = {}, maxQueue = 1000): Promise<Pass> =>
  lane.enter(aTicket({ takes: [takeFrom(rule)], ...change }), maxQueue)

/** Sends `count` calls; the list fills with the moments at which they were let go. */
const departures = (lane: Lane, count: number): number[] => {
  const moments: number[] = []
  for (let index = 0; index < count; index += 1) {
    void enter(lane).then((pass) => {
      moments.push(clock.now())
      pass.close('spent', true)
    })
  }
  return moments
}

/** Empties the bucket. */
const spendAll = async (lane: Lane): Promise<void> => {
  for (const pass of [await enter(lane), await enter(lane)]) pass.close('spent', true)
}

const closeSoon = (pass: Pass): void => pass.close('spent', true)

const caught = (promise: Promise<unknown>): Promise<unknown> =>
  promise.then(
    () => undefined,
    (error: unknown) => error,
  )
