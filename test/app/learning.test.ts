// When weir asks an exchange for its table of pairs: at most once an hour, and never so that a bot would notice.

import { beforeEach, describe, expect, it } from 'vitest'
import { type Learning, startLearning } from '../../src/app/learning.ts'
import type { ClassifiedCall } from '../../src/core/call.ts'
import { WeirError } from '../../src/core/errors.ts'
import { MemoryStore } from '../../src/limit/memory.ts'
import { classOf, shippedRules } from '../rules/shipped.ts'
import { aCall, aReply, forwarded } from '../support/build.ts'
import { FakeClock } from '../support/fake-clock.ts'

const HOUR = 3_600_000
const MINUTE = 60_000
const TABLE = { XRPRLUSD: { altname: 'XRPRLUSD', wsname: 'XRP/RLUSD', base: 'XXRP', quote: 'RLUSD' } }
const rules = shippedRules()

let clock: FakeClock
let asked: ClassifiedCall[]
let learning: Learning
/** What the road does with a question. */
let road: (call: ClassifiedCall) => void

beforeEach(() => {
  clock = new FakeClock()
  asked = []
  road = (call) => {
    forwarded(call.record)
    learning.hear(call, () => ({ error: [], result: TABLE }))
  }
  learning = startLearning({
    rules: () => rules,
    clock,
    store: new MemoryStore(clock, () => 1),
    send: () => async (call) => {
      asked.push(call)
      road(call)
      return aReply()
    },
  })
})

const meet = (name: string) => learning.pairsOf('kraken').normal(name)
/** Time passes, and whatever was started comes to its end. */
const pass = async (ms: number): Promise<void> => {
  clock.advance(ms)
  for (let turn = 0; turn < 10; turn += 1) await Promise.resolve()
}

describe('the question for pairs', () => {
  it('is asked when a name puzzles, not at once but right after', async () => {
    expect(meet('XBTUSD')).toBe('XBT/USD')
    await pass(0)
    expect(asked).toEqual([])
    expect(meet('XRPRLUSD')).toBe('XRPRL/USD')
    expect(asked).toEqual([])
    await pass(0)
    expect(asked).toHaveLength(1)
    expect(meet('XRPRLUSD')).toBe('XRP/RLUSD')
  })

  it('is unsigned, charged as any other call of its class, and lets others go first', async () => {
    meet('XRPRLUSD')
    await pass(0)
    const [call] = asked
    expect(call?.request).toMatchObject({ method: 'GET', host: 'api.kraken.com', target: '/0/public/AssetPairs' })
    expect(call?.rule).toBe(rules.hosts.get('api.kraken.com')?.classify('GET', '/0/public/AssetPairs'))
    expect(call?.identity.credential).toBeUndefined()
    expect(call?.wishes.priority).toBe('low')
  })

  it('is asked again for a new name, but not within the hour', async () => {
    meet('XRPRLUSD')
    await pass(0)
    meet('NEWCOINUSD')
    meet('OTHERUSD')
    await pass(HOUR - 1)
    expect(asked).toHaveLength(1)
    await pass(1)
    await pass(0)
    expect(asked).toHaveLength(2)
    await pass(5 * HOUR)
    expect(asked).toHaveLength(2)
  })

  it('is asked again after an hour when it failed', async () => {
    road = ({ record }) => {
      record.sent = 'unknown'
      throw new WeirError('upstream_timeout')
    }
    meet('XRPRLUSD')
    await pass(0)
    await pass(HOUR - 1)
    expect(asked).toHaveLength(1)
    await pass(1)
    await pass(0)
    expect(asked).toHaveLength(2)
  })

  it('waits a minute when the breaker is open: nothing was asked', async () => {
    road = () => {
      throw new WeirError('circuit_open')
    }
    meet('XRPRLUSD')
    await pass(0)
    expect(meet('XRPRLUSD')).toBe('XRPRL/USD')
    await pass(MINUTE - 1)
    expect(asked).toHaveLength(1)
    await pass(1)
    await pass(0)
    expect(asked).toHaveLength(2)
  })

  it('is not asked of an exchange that has no such table', async () => {
    learning.pairsOf('coinbase').normal('XRPRLUSD')
    await pass(0)
    expect(asked).toEqual([])
  })
})

describe('an answer of the table to a bot', () => {
  const answered = (query: string): number => {
    const call = aCall({ path: '/0/public/AssetPairs', query })
    let reads = 0
    learning.hear({ ...call, rule: classOf('api.kraken.com', 'GET', '/0/public/AssetPairs') }, () => {
      reads += 1
      return { error: [], result: TABLE }
    })
    return reads
  }

  it('is read once, and again only when a name puzzles', () => {
    expect(['', '', 'pair=XBTUSD'].map(answered)).toEqual([1, 0, 0])
    expect(meet('XRPRLUSD')).toBe('XRP/RLUSD')
    meet('NEWCOINUSD')
    expect(['', ''].map(answered)).toEqual([1, 0])
  })

  it('is read as long as only parts of the table were seen', () => {
    expect(['pair=XRPRLUSD', 'pair=XRPRLUSD', '', 'pair=XRPRLUSD'].map(answered)).toEqual([1, 1, 1, 0])
  })
})

it('renames what was learned of orders when the table comes', async () => {
  learning.orders.placed('main', meet('XRPRLUSD') ?? '', ['TX'])
  await pass(0)
  expect(learning.orders.find('main', 'TX')).toEqual([{ pair: 'XRP/RLUSD', ageMs: 0 }])
})
