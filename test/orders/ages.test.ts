import fc from 'fast-check'
import { beforeEach, describe, expect, it, vi } from 'vitest'
import { freeAfterMs, Orders } from '../../src/orders/ages.ts'
import { shippedRules } from '../rules/shipped.ts'
import { FakeClock } from '../support/fake-clock.ts'

const MINUTE = 60_000
let clock: FakeClock
let orders: Orders

beforeEach(() => {
  clock = new FakeClock()
  orders = new Orders(clock, () => 300_000)
})

describe('an order', () => {
  it('is found by each of its names, with its pair and age', () => {
    orders.placed('main', 'XBT/USD', ['TX', '7', 'mine'])
    clock.advance(4_200)
    for (const id of ['TX', '7', 'mine']) expect(orders.find('main', id)).toEqual([{ pair: 'XBT/USD', ageMs: 4_200 }])
  })

  it("is nobody else's", () => {
    orders.placed('main', 'XBT/USD', ['TX'])
    expect(orders.find('other', 'TX')).toEqual([])
    expect(orders.open('other')).toEqual([])
    expect(orders.pairs('other')).toEqual([])
  })

  it('may have been placed before weir heard of it', () => {
    orders.placed('main', 'XBT/USD', ['TX'], 30_000)
    expect(orders.find('main', 'TX')).toEqual([{ pair: 'XBT/USD', ageMs: 30_000 }])
  })

  it('is young again once amended, under all its names', () => {
    orders.placed('main', 'XBT/USD', ['TX', 'mine'])
    clock.advance(20_000)
    orders.amended('main', 'mine')
    clock.advance(1_000)
    for (const id of ['TX', 'mine']) expect(orders.find('main', id)).toEqual([{ pair: 'XBT/USD', ageMs: 1_000 }])
  })

  it('loses its old id when an edit gives it a new one', () => {
    orders.placed('main', 'XBT/USD', ['OLD', 'mine'])
    clock.advance(20_000)
    orders.amended('main', 'OLD', ['NEW'])
    expect(orders.find('main', 'OLD')).toEqual([])
    for (const id of ['NEW', 'mine']) expect(orders.find('main', id)).toEqual([{ pair: 'XBT/USD', ageMs: 0 }])
    expect(orders.open('main')).toHaveLength(1)
  })

  it('stays unknown when it is amended without having been seen', () => {
    orders.amended('main', 'TX', ['NEW'])
    expect(orders.find('main', 'TX')).toEqual([])
    expect(orders.find('main', 'NEW')).toEqual([])
  })

  it('is gone under all its names at once', () => {
    orders.placed('main', 'XBT/USD', ['TX', 'mine'])
    orders.gone('main', 'mine')
    expect(orders.find('main', 'TX')).toEqual([])
    expect(orders.open('main')).toEqual([])
  })

  it('leaves its pair behind: the account has traded it', () => {
    orders.placed('main', 'XBT/USD', ['A'])
    orders.placed('main', 'ETH/USD', ['B'])
    orders.gone('main', 'A')
    expect(orders.pairs('main')).toEqual(['XBT/USD', 'ETH/USD'])
  })
})

describe('an order that ended', () => {
  const TXID = 'OQCLML-BW3P3-BUCMWZ'
  const EDITED = 'OAAAAA-BW3P3-BUCMWZ'

  // A batch of cancels that a bot sent twice was charged on every pair of the account the second time: nobody knew the ids.
  it('is known to be gone by its own id, however it ended', () => {
    orders.placed('main', 'XBT/USD', [TXID, 'mine'])
    expect(orders.isGone('main', TXID)).toBe(false)
    orders.amended('main', TXID, [EDITED])
    expect([TXID, EDITED].map((id) => orders.isGone('main', id))).toEqual([true, false])
    orders.gone('main', 'mine')
    expect(orders.isGone('main', EDITED)).toBe(true)
    expect(orders.isGone('other', EDITED)).toBe(false)
  })

  it('was an order, though nobody had seen it before its end', () => {
    orders.gone('main', TXID)
    expect(orders.isGone('main', TXID)).toBe(true)
    expect(orders.find('main', TXID)).toEqual([])
  })

  it('leaves the names that bots give to the next, which may be placed where weir does not see it', () => {
    orders.placed('main', 'XBT/USD', [TXID, 'mine', '7'])
    for (const name of ['mine', '7']) {
      orders.gone('main', name)
      orders.unknown('main', name)
      expect(orders.isGone('main', name)).toBe(false)
    }
    orders.placed('main', 'ETH/USD', [EDITED, '7'])
    expect(orders.find('main', '7')).toEqual([{ pair: 'ETH/USD', ageMs: 0 }])
  })

  it('is not meant when the exchange does not know a name that a bot gave: another call may just be giving it', () => {
    orders.placed('main', 'XBT/USD', [TXID, 'mine'])
    orders.unknown('main', 'mine')
    expect(orders.find('main', TXID)).toHaveLength(1)
    orders.unknown('main', TXID)
    expect(orders.find('main', 'mine')).toEqual([])
  })
})

describe('orders under one userref', () => {
  // Kraken lets many orders share a userref, and cancelling it cancels them all. Only the newest was remembered under it, so a
  // cancel that costs 24 was charged 8.
  it('are all found by it', () => {
    orders.placed('main', 'XBT/USD', ['A', '7'])
    clock.advance(1_000)
    orders.placed('main', 'ETH/USD', ['B', '7'])
    expect(orders.find('main', '7')).toEqual([
      { pair: 'XBT/USD', ageMs: 1_000 },
      { pair: 'ETH/USD', ageMs: 0 },
    ])
  })

  it('are all gone with it', () => {
    for (const id of ['A', 'B', 'C']) orders.placed('main', 'XBT/USD', [id, '7'])
    orders.gone('main', '7')
    expect(orders.open('main')).toEqual([])
    for (const id of ['A', 'B', 'C', '7']) expect(orders.find('main', id)).toEqual([])
  })

  it('go one by one, too', () => {
    for (const id of ['A', 'B']) orders.placed('main', 'XBT/USD', [id, '7'])
    orders.gone('main', 'A')
    expect(orders.find('main', '7')).toHaveLength(1)
    expect(orders.find('main', 'B')).toHaveLength(1)
  })
})

describe('what is open', () => {
  it('counts an order once, however many names it has', () => {
    orders.placed('main', 'XBT/USD', ['A', '7', 'mine'])
    orders.placed('main', 'ETH/USD', ['B'])
    expect(orders.open('main').map(({ pair }) => pair)).toEqual(['XBT/USD', 'ETH/USD'])
  })

  it('leaves out what is too old to cost anything', () => {
    orders.placed('main', 'XBT/USD', ['A'])
    clock.advance(5 * MINUTE)
    orders.placed('main', 'ETH/USD', ['B'])
    expect(orders.open('main')).toEqual([{ pair: 'ETH/USD', ageMs: 0 }])
  })

  it('is nothing once all are cancelled, for that account', () => {
    orders.placed('main', 'XBT/USD', ['A', '7'])
    orders.placed('other', 'XBT/USD', ['B'])
    orders.allGone('main')
    expect(orders.open('main')).toEqual([])
    expect(orders.find('main', '7')).toEqual([])
    expect(orders.open('other')).toHaveLength(1)
  })
})

describe('what is open and too old to cost anything', () => {
  it('is counted until it is known to be gone, by whichever name', () => {
    for (const id of ['A', 'B', 'C']) orders.placed('main', 'XBT/USD', [id, '7'])
    orders.placed('main', 'ETH/USD', ['D'], 10 * MINUTE)
    expect(orders.old('main')).toBe(1)
    clock.advance(5 * MINUTE)
    expect(orders.old('main')).toBe(4)
    orders.gone('main', 'A')
    orders.gone('main', 'A')
    orders.amended('main', 'B')
    expect(orders.old('main')).toBe(2)
    expect(orders.open('main')).toHaveLength(1)
    orders.allGone('main')
    expect(orders.old('main')).toBe(0)
    expect(orders.old('nobody')).toBe(0)
  })

  it('is less by as many as went by one name, though it is no longer known which', () => {
    for (const id of ['A', 'B', 'C']) orders.placed('main', 'XBT/USD', [id, '7'])
    clock.advance(5 * MINUTE)
    orders.placed('main', 'XBT/USD', ['D', '7'])
    orders.placed('main', 'XBT/USD', ['E'], 5 * MINUTE)
    orders.gone('main', '7', 4)
    expect([orders.old('main'), orders.open('main').length]).toEqual([1, 0])
  })

  it('agrees with a plain list of orders, whatever happens', () => {
    const step = fc.record({
      act: fc.constantFrom('place', 'list', 'amend', 'gone'),
      id: fc.constantFrom('A', 'B', 'C', 'D', 'E'),
      ms: fc.integer({ min: 0, max: 200_000 }),
    })
    fc.assert(
      fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
        const time = new FakeClock()
        const subject = new Orders(time, () => 300_000)
        const model = new Map<string, number>()
        for (const { act, id, ms } of steps) {
          time.advance(ms)
          if (act === 'gone') {
            subject.gone('main', id)
            model.delete(id)
          } else if (act === 'amend') {
            subject.amended('main', id)
            if (model.has(id)) model.set(id, time.now())
          } else if (!model.has(id)) {
            const agoMs = act === 'list' ? 2 * ms : 0
            subject.placed('main', 'P', [id], agoMs)
            model.set(id, time.now() - agoMs)
          }
          const old = [...model.values()].filter((at) => time.now() - at >= 300_000).length
          expect([subject.open('main').length, subject.old('main')]).toEqual([model.size - old, old])
        }
      }),
    )
  })
})

describe('the memory', () => {
  // An order was forgotten after 300 s because its cancel is free from then on. But an unknown order is priced as the youngest:
  // cancelling an order of yesterday was charged 8, on every pair of the account, and new orders waited for it.
  it('keeps an order that has become free to cancel, so that it is not taken for a young one', () => {
    orders.placed('main', 'XBT/USD', ['A'])
    clock.advance(24 * 60 * MINUTE)
    orders.placed('main', 'XBT/USD', ['B'])
    expect(orders.find('main', 'A')).toEqual([{ pair: 'XBT/USD', ageMs: 24 * 60 * MINUTE }])
  })

  it('holds a hundred thousand orders with two names each', () => {
    for (let index = 0; index < 100_000; index += 1) orders.placed('main', 'XBT/USD', [`TX${index}`, `mine-${index}`])
    for (const id of ['TX0', 'mine-0', 'TX99999', 'mine-99999']) expect(orders.find('main', id)).toHaveLength(1)
  })

  // Filled orders are never told, so they pile up. CancelAll walked them all, 100,000 for each call, to find the few that cost.
  it('does not walk old orders to find the young ones', () => {
    for (let index = 0; index < 20_000; index += 1) orders.placed('main', 'XBT/USD', [`TX${index}`, '7'])
    clock.advance(5 * MINUTE)
    orders.placed('main', 'ETH/USD', ['YOUNG', '7'])
    const asked = vi.spyOn(clock, 'now')
    expect(orders.open('main')).toHaveLength(1)
    expect(orders.find('main', '7')).toHaveLength(1)
    orders.allGone('main')
    expect(asked.mock.calls.length).toBeLessThan(20)
  })

  it('takes what is old from the rules in force', () => {
    let freeAfter = MINUTE
    const subject = new Orders(clock, () => freeAfter)
    subject.placed('main', 'XBT/USD', ['A'])
    clock.advance(2 * MINUTE)
    expect(subject.open('main')).toEqual([])
    freeAfter = 5 * MINUTE
    subject.placed('main', 'XBT/USD', ['B'])
    clock.advance(2 * MINUTE)
    expect(subject.open('main')).toEqual([{ pair: 'XBT/USD', ageMs: 2 * MINUTE }])
  })

  it('follows a pair whose right name is learned', () => {
    orders.placed('main', 'XRPRL/USD', ['A'])
    orders.placed('main', 'XBT/USD', ['B'])
    orders.renamed(new Map([['XRPRL/USD', 'XRP/RLUSD']]))
    expect(orders.find('main', 'A')).toEqual([{ pair: 'XRP/RLUSD', ageMs: 0 }])
    expect(orders.open('main').map(({ pair }) => pair)).toEqual(['XRP/RLUSD', 'XBT/USD'])
    expect([...orders.pairs('main')].sort()).toEqual(['XBT/USD', 'XRP/RLUSD'])
  })

  // An order that is found by three names was renamed three times: one of the pair A became B's, then C's, when B had been
  // taken for C's all along.
  it('follows it once, however many names the order has, when the right name of one is the wrong name of another', () => {
    orders.placed('main', 'A', ['TX', 'mine', '7'])
    orders.placed('main', 'B', ['TY', 'yours', '7'])
    orders.renamed(
      new Map([
        ['A', 'B'],
        ['B', 'C'],
      ]),
    )
    const pairsOf = (name: string) => orders.find('main', name).map(({ pair }) => pair)
    expect(['TX', 'mine', 'TY', 'yours'].flatMap(pairsOf)).toEqual(['B', 'B', 'C', 'C'])
    expect(pairsOf('7')).toEqual(['B', 'C'])
    expect([...orders.pairs('main')].sort()).toEqual(['B', 'C'])
  })

  it('agrees with a plain list of orders, whatever happens', () => {
    const id = fc.constantFrom('A', 'B', 'C', 'D')
    const step = fc.oneof(
      fc.record({ act: fc.constant('place' as const), id, ref: fc.constantFrom('1', '2') }),
      fc.record({ act: fc.constant('amend' as const), id, ref: fc.constant('') }),
      fc.record({
        act: fc.constant('gone' as const),
        id: fc.constantFrom('A', 'B', 'C', 'D', '1', '2'),
        ref: fc.constant(''),
      }),
    )
    fc.assert(
      fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
        const time = new FakeClock()
        const subject = new Orders(time, () => 300_000)
        let model: { id: string; ref: string; at: number }[] = []
        for (const { act, id: name, ref } of steps) {
          time.advance(1_000)
          if (act === 'place') {
            if (model.some((order) => order.id === name)) continue
            subject.placed('main', 'P', [name, ref])
            model.push({ id: name, ref, at: time.now() })
          } else if (act === 'amend') {
            subject.amended('main', name)
            for (const order of model) if (order.id === name) order.at = time.now()
          } else {
            subject.gone('main', name)
            model = model.filter((order) => order.id !== name && order.ref !== name)
          }
        }
        const ages = (of: readonly { ageMs: number }[]) => of.map(({ ageMs }) => ageMs).sort((a, b) => a - b)
        const expected = (match: (order: { id: string; ref: string }) => boolean) =>
          model
            .filter(match)
            .map(({ at }) => time.now() - at)
            .sort((a, b) => a - b)
        for (const name of ['A', 'B', 'C', 'D', '1', '2']) {
          expect(ages(subject.find('main', name))).toEqual(expected((order) => order.id === name || order.ref === name))
        }
        expect(ages(subject.open('main'))).toEqual(expected(() => true))
      }),
    )
  })
})

it('knows from the rules that ship that a cancel is free after 300 s', () => {
  expect(freeAfterMs(shippedRules())).toBe(300_000)
  expect(freeAfterMs({ exchanges: [] })).toBe(0)
})
