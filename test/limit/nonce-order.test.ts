import fc from 'fast-check'
import { beforeEach, describe, expect, it } from 'vitest'
import type { WeirError } from '../../src/core/errors.ts'
import { Backlog } from '../../src/limit/backlog.ts'
import { Lane } from '../../src/limit/lane.ts'
import { MemoryStore } from '../../src/limit/memory.ts'
import { type NonceOptions, NonceOrder, type NonceRules } from '../../src/limit/nonce-order.ts'
import { Spread } from '../../src/limit/spread.ts'
import type { Pass, Ticket } from '../../src/limit/ticket.ts'
import { FakeClock } from '../support/fake-clock.ts'
import { bucketRule, takeFrom } from './rules.ts'
import { aTicket } from './ticket.ts'

let clock: FakeClock
let store: MemoryStore

beforeEach(() => {
  clock = new FakeClock()
  store = new MemoryStore(clock, () => 1)
})

const aLane = (rules: Partial<NonceRules> = {}, options: Partial<NonceOptions> = {}): Lane => {
  const order = new NonceOrder({
    rules: () => ({ nonceOrder: 'strict', nonceWindow: 0n, ...rules }),
    spread: new Spread(),
    ...options,
  })
  const backlog = new Backlog(
    () => 1e6,
    () => {},
  )
  return new Lane({ name: 'test.lane', order, store, clock, backlog })
}

const enter = (lane: Lane, nonce: bigint, change: Partial<Ticket> = {}): Promise<Pass> =>
  lane.enter(aTicket({ nonce, ...change }), 1000)

const caught = (promise: Promise<unknown>): Promise<WeirError | undefined> =>
  promise.then(
    () => undefined,
    (error: WeirError) => error,
  )

/** Counts as Kraken does: above the highest it has seen, or within the window below it and new. */
class Judge {
  readonly #window: bigint
  readonly #seen = new Set<bigint>()
  #highest = 0n
  invalid = 0

  constructor(window: bigint) {
    this.#window = window
  }

  arrive(nonce: bigint): boolean {
    const valid = !this.#seen.has(nonce) && nonce > this.#highest - (this.#window === 0n ? 0n : this.#window)
    if (!valid) {
      this.invalid += 1
      return false
    }
    this.#seen.add(nonce)
    if (nonce > this.#highest) this.#highest = nonce
    return true
  }
}

describe('strict order', () => {
  const call = fc.record({
    atMs: fc.integer({ min: 0, max: 500 }),
    wayMs: fc.integer({ min: 1, max: 300 }),
    rank: fc.integer({ min: 0, max: 3 }),
  })
  it.each([0n, 10n, 40n])(
    'never has a nonce refused by the exchange, whatever the way does: window %s',
    async (window) => {
      await fc.assert(
        fc.asyncProperty(
          fc.array(call, { maxLength: 30 }),
          fc.infiniteStream(fc.nat({ max: 5 })),
          async (calls, late) => {
            clock = new FakeClock()
            store = new MemoryStore(clock, () => 1)
            const lane = aLane({ nonceWindow: window })
            const judge = new Judge(window)
            calls
              .toSorted((a, b) => a.atMs - b.atMs)
              .forEach(({ atMs, wayMs, rank }, index) => {
                // Signed in order, and some reach weir out of it.
                const nonce = BigInt(index * 3 + 1)
                clock.after(atMs + (late.next().value ?? 0) * 20, () => {
                  enter(lane, nonce, { rank }).then(
                    (pass) =>
                      clock.after(wayMs, () => {
                        const accepted = judge.arrive(nonce)
                        clock.after(wayMs, () => pass.close('spent', accepted))
                      }),
                    () => {},
                  )
                })
              })
            await clock.pass(60_000)
            expect(judge.invalid).toBe(0)
            expect(lane.waiting.length + lane.inFlight).toBe(0)
          },
        ),
        { numRuns: 100 },
      )
    },
  )

  it('has one call in flight without a window, and as many as lie within it with one', async () => {
    const strict = aLane()
    for (const nonce of [1n, 2n, 3n]) void enter(strict, nonce)
    const windowed = aLane({ nonceWindow: 10n })
    for (const nonce of [1n, 2n, 10n, 11n]) void enter(windowed, nonce)
    await clock.pass(0)
    expect([strict.inFlight, windowed.inFlight]).toEqual([1, 3])
  })

  it('lets an order overtake reads where the window makes it harmless, and nowhere else', async () => {
    const lane = aLane({ nonceWindow: 10n })
    const sent: bigint[] = []
    const go = (nonce: bigint, rank: number) =>
      void enter(lane, nonce, { rank }).then((pass) => {
        sent.push(nonce)
        clock.after(50, () => pass.close('spent', true))
      })
    const first = await enter(lane, 100n)
    // Too far above the one in flight to go beside it.
    for (const [nonce, rank] of [
      [111n, 2],
      [115n, 1],
      [122n, 1],
    ] as const)
      go(nonce, rank)
    await clock.pass(0)
    first.close('spent', true)
    await clock.pass(500)
    expect(sent).toEqual([115n, 111n, 122n])
  })

  it('follows rules that were replaced', async () => {
    const rules: { nonceOrder: NonceRules['nonceOrder']; nonceWindow: bigint } = {
      nonceOrder: 'strict',
      nonceWindow: 0n,
    }
    const order = new NonceOrder({ rules: () => rules, spread: new Spread() })
    const ticket = aTicket({ nonce: 5n })
    order.granted(aTicket({ nonce: 4n }), undefined, [], 0)
    expect(order.restMs(ticket, 0)).toBe(Number.POSITIVE_INFINITY)
    rules.nonceOrder = 'none'
    expect(order.restMs(ticket, 0)).toBe(0)
  })
})

describe('spaced order', () => {
  it('has several in flight, a gap apart, and never sends below one that is on its way', async () => {
    const spread = new Spread()
    // Round trips of 40 to 90 ms.
    for (let index = 0; index < 64; index += 1) spread.add(40 + (index % 11) * 5)
    expect(spread.gapMs).toBe(50)
    const lane = aLane({ nonceOrder: 'spaced' }, { spread })
    const sent: (readonly [bigint, number])[] = []
    const go = (nonce: bigint) => enter(lane, nonce).then(() => sent.push([nonce, clock.now()]))
    for (const nonce of [10n, 11n, 12n]) void go(nonce)
    await clock.pass(200)
    expect(sent).toEqual([
      [10n, 0],
      [11n, 50],
      [12n, 100],
    ])
    expect(lane.inFlight).toBe(3)
    const lower = caught(go(9n))
    await clock.pass(1000)
    expect(sent).toHaveLength(3)
    expect(await Promise.race([lower, Promise.resolve('waits')])).toBe('waits')
  })

  it('waits for no gap while nothing is on its way: there is nothing to overtake', async () => {
    const lane = aLane({ nonceOrder: 'spaced' })
    for (const nonce of [1n, 2n, 3n]) {
      const pass = await enter(lane, nonce)
      await clock.pass(10)
      pass.close('spent', true)
    }
    expect(clock.now()).toBe(30)
  })

  it('keeps the widest gap until round trips have been seen, and never one below 5 ms', () => {
    const spread = new Spread()
    expect(spread.gapMs).toBe(250)
    for (let index = 0; index < 16; index += 1) spread.add(30)
    expect(spread.gapMs).toBe(5)
    for (let index = 0; index < 64; index += 1) spread.add(index * 20)
    expect(spread.gapMs).toBe(250)
  })

  it('refuses nothing for a cancel that has to keep the gap as well', async () => {
    const lane = aLane({ nonceOrder: 'spaced' })
    const sent = [1n, 2n, 3n].map((nonce) => enter(lane, nonce, { held: nonce !== 3n }))
    await clock.pass(1_000)
    await expect(Promise.all(sent)).resolves.toHaveLength(3)
  })

  it('foretells the wait from the gap', async () => {
    const lane = aLane({ nonceOrder: 'spaced' })
    for (let nonce = 1n; nonce <= 9n; nonce += 1n) void enter(lane, nonce)
    await clock.pass(0)
    const refused = await caught(enter(lane, 10n, { maxWaitMs: 1500 }))
    expect(refused).toMatchObject({ code: 'limit_reached', retryAfterMs: 2000 })
  })
})

describe('no order', () => {
  it('sends calls as they come, and still refuses what can not succeed', async () => {
    const lane = aLane({ nonceOrder: 'none', nonceWindow: 5n })
    const sent: bigint[] = []
    const passes: Pass[] = []
    for (const nonce of [20n, 18n, 30n]) {
      passes.push(await enter(lane, nonce))
      sent.push(nonce)
    }
    expect(sent).toEqual([20n, 18n, 30n])
    for (const pass of passes) pass.close('spent', true)
    expect(await caught(enter(lane, 25n))).toMatchObject({ code: 'nonce_too_low' })
    await expect(enter(lane, 26n)).resolves.toBeDefined()
  })
})

describe('after a restart', () => {
  it('the highest nonce of the last process is known', async () => {
    const lane = aLane({}, { mark: { nonce: 100n, bot: 'grid' } })
    expect(await caught(enter(lane, 100n))).toMatchObject({ code: 'nonce_too_low' })
    await expect(enter(lane, 101n)).resolves.toBeDefined()
  })

  it('the highest nonce is written down, and only when it rises', async () => {
    const raised: unknown[] = []
    const lane = aLane({ nonceWindow: 10n }, { raised: (mark) => raised.push(mark) })
    for (const nonce of [5n, 4n, 6n]) (await enter(lane, nonce, { bot: 'grid' })).close('spent', true)
    ;(await enter(lane, 7n)).close('spent', false)
    expect(raised).toEqual([
      { nonce: 5n, bot: 'grid' },
      { nonce: 6n, bot: 'grid' },
    ])
  })

  // Killed in a stall, weir once let the next process overtake what it had left on the way: `EAPI:Invalid nonce`.
  it('calls wait until those of the dead process have arrived', async () => {
    const lane = aLane({}, { quietUntil: 4_000 })
    const sent = enter(lane, 7n).then(() => clock.now())
    await clock.pass(3_999)
    expect(lane.inFlight).toBe(0)
    await clock.pass(1)
    expect(await sent).toBe(4_000)
  })

  it('a call that can not wait so long is refused at once, with the time to come back', async () => {
    const lane = aLane({}, { quietUntil: 9_000 })
    const refused = await caught(enter(lane, 7n, { maxWaitMs: 6_000 }))
    expect(refused).toMatchObject({ code: 'limit_reached', retryAfterMs: 9_000 })
  })

  it('a cancel goes at once, and ends the wait: what it overtook is lost already', async () => {
    const lane = aLane({}, { quietUntil: 9_000 })
    const cancel = await enter(lane, 7n, { held: false })
    cancel.close('spent', true)
    await expect(enter(lane, 8n)).resolves.toBeDefined()
    expect(clock.now()).toBe(0)
  })
})

describe('nonces in different units', () => {
  const ms = 1_763_800_000_000n
  const ns = ms * 1_000_000n
  const mixed: unknown[] = []
  const lane = () => aLane({}, { mixed: (...pair) => mixed.push(pair) })
  beforeEach(() => {
    mixed.length = 0
  })
  const go = async (on: Lane, bot: string, nonce: bigint) => (await enter(on, nonce, { bot })).close('spent', true)
  const found = [
    { bot: 'hft', digits: 19 },
    { bot: 'grid', digits: 13 },
  ]

  it('are told with both bots, when the larger comes second', async () => {
    const on = lane()
    await go(on, 'grid', ms)
    await go(on, 'hft', ns)
    expect(mixed).toEqual([found])
  })

  it('are told with both bots, when the smaller comes second', async () => {
    const on = lane()
    await go(on, 'hft', ns)
    expect(await caught(enter(on, ms, { bot: 'grid' }))).toMatchObject({ code: 'nonce_too_low' })
    expect(mixed).toEqual([found])
  })

  it('are told apart also where they have as many digits: hundreds of nanoseconds since 1 or since 1970', async () => {
    const on = lane()
    await go(on, 'sdk', 176_380_000_000_000_000n)
    await go(on, 'net', 638_900_000_000_000_000n)
    expect(mixed).toHaveLength(1)
  })

  it('are not what a late call of the same unit is', async () => {
    const on = lane()
    await go(on, 'grid', ms + 60_000n)
    expect(await caught(enter(on, ms, { bot: 'other' }))).toMatchObject({ code: 'nonce_too_low' })
    expect(mixed).toEqual([])
  })
})

describe('reads and orders of one key', () => {
  const reads = bucketRule(1, 0.1, 'private')
  const engine = bucketRule(60, 1, 'engine')

  it('a read that lacks budget never holds up orders that keep coming', async () => {
    const lane = aLane()
    store.charge([takeFrom(reads)])
    let refused = 0
    const delays: number[] = []
    let nonce = 0n
    for (let at = 0; at < 5_000; at += 100) {
      clock.after(at, () => {
        nonce += 1n
        if (at % 500 === 0)
          enter(lane, nonce, { takes: [takeFrom(reads)], maxWaitMs: 20_000 }).catch(() => (refused += 1))
        nonce += 1n
        const since = clock.now()
        void enter(lane, nonce, { takes: [takeFrom(engine, 0.1)], trades: true }).then((pass) => {
          delays.push(clock.now() - since)
          clock.after(40, () => pass.close('spent', true))
        })
      })
    }
    await clock.pass(6_000)
    expect(delays).toHaveLength(50)
    expect(Math.max(...delays)).toBe(0)
    expect(refused).toBe(10)
  })

  it('a cheap read does not have a dear one refused that waits for the same budget', async () => {
    // Balance polls behind a history call: it was refused each time, whatever its bot was ready to wait.
    const lane = aLane()
    const budget = bucketRule(10, 1, 'private')
    store.charge([takeFrom(budget, 8)])
    const history = enter(lane, 1n, { takes: [takeFrom(budget, 4)], rank: 3 }).then((pass) => pass.close('spent', true))
    await clock.pass(10)
    const balance = enter(lane, 2n, { takes: [takeFrom(budget, 1)] }).then((pass) => pass.close('spent', true))
    store.settle([takeFrom(budget, 8)], 'spent')
    await clock.pass(8_000)
    await expect(Promise.all([history, balance])).resolves.toBeDefined()
  })
})
