// What a cancel ended that weir had not seen, by the exchange's own count: how many that were, and what they are charged.

import { beforeEach, describe, expect, it, vi } from 'vitest'
import { diagnose } from '../../src/autopsy/diagnose.ts'
import { readFacts } from '../../src/classify/facts.ts'
import type { CallRecord, Cancelled, ClassifiedCall } from '../../src/core/call.ts'
import { ServerClocks } from '../../src/core/server-clock.ts'
import { Belief } from '../../src/limit/belief.ts'
import { Lanes } from '../../src/limit/lanes.ts'
import { limit } from '../../src/limit/layer.ts'
import { MemoryStore } from '../../src/limit/memory.ts'
import { Pricer } from '../../src/limit/price.ts'
import { Orders } from '../../src/orders/ages.ts'
import { classOf } from '../rules/shipped.ts'
import { aCall, aReply, forwarded } from '../support/build.ts'
import { FakeClock } from '../support/fake-clock.ts'

const OLD_MS = 300_000
let clock: FakeClock
let orders: Orders
let pricer: Pricer
let store: MemoryStore

beforeEach(() => {
  clock = new FakeClock()
  orders = new Orders(clock, () => OLD_MS)
  pricer = new Pricer(orders)
  store = new MemoryStore(clock, () => 1)
})

const kraken = (endpoint: string, body: string): ClassifiedCall => {
  const path = `/0/private/${endpoint}`
  const call = aCall({ method: 'POST', path, body: `nonce=1&${body}`, credential: 'cred' })
  const rule = classOf('api.kraken.com', 'POST', path)
  return { ...call, rule, facts: readFacts(call.request, rule) }
}
const foreseen = (endpoint: string, body = ''): number | undefined => {
  const call = kraken(endpoint, body)
  pricer.price(call)
  return pricer.foreseen(call)
}
const place = (names: readonly string[], pair = 'XBT/USD'): void => {
  for (const [index, name] of names.entries()) orders.placed('cred', pair, [`${pair}-${index}`, name])
}

describe('how many orders a cancel may end, as far as weir knows', () => {
  it('is every open order for a cancel of all, also those that are too old to cost anything', () => {
    expect(foreseen('CancelAll')).toBe(0)
    place(['1', '2', '3'])
    clock.advance(OLD_MS)
    place(['4', '5'], 'ETH/USD')
    expect(foreseen('CancelAll')).toBe(5)
  })

  it('is one for each name that nobody knows, however many old orders there are', () => {
    place(['1', '2', '3'])
    clock.advance(OLD_MS)
    expect(foreseen('CancelOrder', 'txid=7')).toBe(1)
    expect(foreseen('CancelOrderBatch', 'orders[0]=7&orders[1]=8')).toBe(2)
    // A name that is one order's alone says nothing of others.
    expect(foreseen('CancelOrderBatch', 'orders[0]=7&orders[1]=XBT/USD-0')).toBe(2)
  })

  it('is all of a name, and old orders that may go by it too', () => {
    place(['7', '7', '7'])
    expect(foreseen('CancelOrder', 'txid=7')).toBe(3)
    clock.advance(OLD_MS)
    // Another of that name has the old ones dropped from it.
    place(['7'], 'ETH/USD')
    expect(foreseen('CancelOrder', 'txid=7')).toBe(4)
  })

  it('counts an old order once', () => {
    place(['7'])
    clock.advance(OLD_MS)
    expect(foreseen('CancelOrder', 'txid=7')).toBe(1)
  })

  it('is none for an order that is gone', () => {
    orders.gone('cred', 'OQCLML-BW3P3-BUCMWZ')
    expect(foreseen('CancelOrder', 'txid=OQCLML-BW3P3-BUCMWZ')).toBe(0)
  })

  it.each(['AddOrder', 'AmendOrder', 'CancelAllOrdersAfter', 'Balance'])('is no question for %s', (endpoint) => {
    expect(foreseen(endpoint)).toBeUndefined()
  })
})

describe('orders that nobody has seen', () => {
  const priced = (count: number) =>
    pricer.unforeseen(kraken('CancelAll', ''), count).map(({ key, cost }) => [key, cost] as const)

  it('cost as the youngest, on every pair that the account has traded', () => {
    orders.traded('cred', 'XBT/USD')
    orders.traded('cred', 'ETH/USD')
    expect(priced(4)).toEqual([
      ['{kraken}engine:cred:XBT/USD', 32],
      ['{kraken}engine:cred:ETH/USD', 32],
    ])
  })

  it('cost somewhere when it has traded none', () => {
    expect(priced(4)).toEqual([['{kraken}engine:cred:?', 32]])
  })

  it('cost the pair that is traded next, once', () => {
    const order = (pair: string) =>
      pricer.takenOver(kraken('AddOrder', `pair=${pair}`)).map(({ from, into }) => [from.key, into.key])
    expect(order('XBTUSD')).toEqual([])
    priced(4)
    const from = '{kraken}engine:cred:?'
    expect(order('XBTUSD')).toEqual([[from, '{kraken}engine:cred:XBT/USD']])
    expect(order('XBTUSD')).toEqual([])
    expect(order('ETHUSD')).toEqual([[from, '{kraken}engine:cred:ETH/USD']])
    expect(pricer.takenOver(kraken('Balance', 'pair=SOLUSD'))).toEqual([])
    // Charged anew, it is owed anew.
    priced(1)
    expect(order('ETHUSD')).toEqual([[from, '{kraken}engine:cred:ETH/USD']])
  })

  it.each([0, -1, Number.NEGATIVE_INFINITY])('cost nothing when there are %d', (count) => {
    expect(priced(count)).toEqual([])
  })
})

describe('a cancel that ended more than weir knew of', () => {
  /** Sends it down the layer; the exchange has so many orders fall. */
  const send = async (call: ClassifiedCall, cancelled?: Cancelled, resent = false): Promise<CallRecord> => {
    const belief = new Belief({ clock, store, pricer, diagnose, coldStart: () => 1, tell: () => {} })
    const lanes = new Lanes({ store, clock, maxQueueBytes: () => 1e6, tell: () => {} })
    const deps = { lanes, store, pricer, belief, clock, serverClocks: new ServerClocks(clock) }
    const layer = limit(deps)(({ record }) => {
      forwarded(record)
      record.resent = resent
      record.cancelled = cancelled
      orders.allGone('cred')
      return Promise.resolve(aReply())
    })
    await layer(call)
    return call.record
  }
  const left = (pair = 'XBT/USD') =>
    store.levels().find(({ key }) => key === `{kraken}engine:cred:${pair}`)?.available ?? 60

  // Four orders were placed over WebSocket: weir charged 1 for the call itself, the exchange 32 for their age.
  it('is charged for these, too, before its answer goes on', async () => {
    orders.traded('cred', 'XBT/USD')
    const record = await send(kraken('CancelAll', ''), { count: 4, isAll: true })
    expect(left()).toBe(60 - 32)
    expect(record.cost).toBe(1 + 32)
    expect(record.spent?.map(({ cost }) => cost)).toEqual([1, 32])
  })

  // What nobody had seen was charged once, and told as if it had been charged twice.
  it('is charged for these once when the call was sent twice', async () => {
    orders.traded('cred', 'XBT/USD')
    const record = await send(kraken('CancelAll', ''), { count: 4, isAll: true }, true)
    expect(left()).toBe(60 - 32)
    expect(record.cost).toBe(1 + 1 + 32)
    expect(record.spent?.map(({ cost }) => cost)).toEqual([1, 32, 1])
  })

  // A bot with thousands of open orders had them walked three times for each cancel of all.
  it('is looked for among the open orders once, and the old ones are counted once', async () => {
    place(['1', '2'])
    const walks = [vi.spyOn(orders, 'open'), vi.spyOn(orders, 'old')]
    await send(kraken('CancelAll', ''), { count: 2, isAll: true })
    for (const walk of walks) expect(walk).toHaveBeenCalledOnce()
  })

  // A userref that nobody knew was charged as one order, and five went by it.
  it('by an unknown name is charged for each', async () => {
    orders.traded('cred', 'XBT/USD')
    const record = await send(kraken('CancelOrder', 'txid=7'), { count: 5, isAll: true })
    expect(left()).toBe(60 - 40)
    expect(record.cost).toBe(40)
  })

  it('is charged for those that it is sure to have ended while others are pending', async () => {
    orders.traded('cred', 'XBT/USD')
    await send(kraken('CancelAll', ''), { count: 2, isAll: false })
    expect(left()).toBe(60 - 16)
  })

  it('is given nothing back while some are pending', async () => {
    place(['1', '2'])
    await send(kraken('CancelAll', ''), { count: 0, isAll: false })
    expect(left()).toBe(60 - 16)
  })

  // Else a bot that clears its book of old orders would wait for each of them.
  it('is charged nothing where weir knows of as many old orders', async () => {
    place(['1', '2', '3'])
    clock.advance(OLD_MS)
    const record = await send(kraken('CancelAll', ''), { count: 3, isAll: true })
    expect(left()).toBe(60)
    expect(record.cost).toBe(1)
  })

  it('is charged as weir foresaw when the exchange does not say how many there were', async () => {
    place(['1'])
    const record = await send(kraken('CancelAll', ''), undefined)
    expect(left()).toBe(60 - 8)
    expect(record.cost).toBe(1 + 8)
  })
})
