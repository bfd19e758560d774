// Signal → which buckets it closes or empties, and which it leaves alone: other keys, other pairs, the address. By the rules
// that ship, from the bytes of the answer to the buckets.

import { beforeEach, describe, expect, it } from 'vitest'
import { diagnose } from '../../src/autopsy/diagnose.ts'
import { readFacts } from '../../src/classify/facts.ts'
import type { ClassifiedCall } from '../../src/core/call.ts'
import type { WeirEvent } from '../../src/core/events.ts'
import { judge, toldBudget } from '../../src/forward/verdict.ts'
import { Belief } from '../../src/limit/belief.ts'
import { MemoryStore } from '../../src/limit/memory.ts'
import { Pricer } from '../../src/limit/price.ts'
import type { BucketKey } from '../../src/limit/store.ts'
import { shippedRules } from '../rules/shipped.ts'
import { aCall, type CallChange, forwarded } from '../support/build.ts'
import { FakeClock } from '../support/fake-clock.ts'

const { hosts } = shippedRules()
const HTML = ['Content-Type', 'text/html']
const DAY = 24 * 3_600_000
let clock: FakeClock
let store: MemoryStore
let belief: Belief
let pricer: Pricer
let events: WeirEvent[]

beforeEach(() => {
  clock = new FakeClock()
  store = new MemoryStore(clock, () => 1)
  pricer = new Pricer({ find: () => [], open: () => [], old: () => 0, pairs: () => [], isGone: () => false })
  events = []
  belief = new Belief({ clock, store, pricer, diagnose, coldStart: () => 1, tell: (event) => void events.push(event) })
})

const classified = (change: CallChange): ClassifiedCall => {
  const call = aCall(change)
  const rule = hosts.get(call.request.host)?.classify(call.request.method, call.request.path)
  if (rule === undefined) throw new Error('no such host')
  return { ...call, rule, facts: readFacts(call.request, rule) }
}
let nonce = 0
const kraken = (endpoint: string, credential: string, body = ''): ClassifiedCall => {
  nonce += 1
  const path = `/0/private/${endpoint}`
  return classified({ method: 'POST', path, body: `nonce=${nonce}&${body}`, credential })
}
const open = (path: string, host = 'api.kraken.com') =>
  classified({ host, path: path.split('?')[0] ?? '', query: path.split('?')[1] ?? '' })
const coinbase = (credential: string) =>
  classified({ host: 'api.coinbase.com', path: '/api/v3/brokerage/accounts', credential })

interface Answer {
  readonly status?: number
  readonly body?: string
  readonly headers?: readonly string[]
}

const never = (): never => {
  throw new Error('costs nothing')
}

/** The exchange's answer to a call of weir's, 80 ms after it left. */
const answer = (call: ClassifiedCall, { status = 200, body = '{"error":[]}', headers = [] }: Answer = {}): void => {
  const takes = pricer.price(call)
  store.charge(takes)
  const departure = belief.departure(call, takes)
  clock.advance(80)
  const { exchange } = call.rule
  forwarded(call.record, judge(exchange, { status, headers, body: Buffer.from(body) }, clock.wall()), 80)
  call.record.told = toldBudget(exchange, headers)
  belief.hear(call, takes, departure)
  store.settle(takes, 'spent')
}
const said = (error: string): Answer => ({ body: JSON.stringify({ error: [error] }) })

/** Two keys, two pairs, the address: every bucket there is has been used, and has rested since. */
const touchAll = (): void => {
  for (const key of ['one', 'two']) {
    answer(kraken('Balance', key))
    for (const pair of ['XBTUSD', 'ETHUSD']) answer(kraken('AddOrder', key, `pair=${pair}`))
    answer(coinbase(key))
  }
  for (const path of ['Ticker?pair=XBTUSD', 'OHLC?pair=XBTUSD', 'OHLC?pair=ETHUSD']) answer(open(`/0/public/${path}`))
  answer(open('/api/v3/brokerage/market/products', 'api.coinbase.com'))
  clock.advance(DAY)
}

/** Buckets that are closed now, and those of them that are thought to be empty. */
const closed = (): readonly BucketKey[] =>
  store
    .levels()
    .filter(({ closedForMs }) => closedForMs > 0)
    .map(({ key }) => key)
    .sort()
const emptied = (): readonly BucketKey[] =>
  store
    .levels()
    .filter(
      ({ key, rule, available }) =>
        closed().includes(key) && rule.kind === 'bucket' && available < 0.5 && rule.capacity > 0,
    )
    .map(({ key }) => key)
    .sort()

describe('a signal of Kraken', () => {
  const balance = () => kraken('Balance', 'one')
  const order = () => kraken('AddOrder', 'one', 'pair=XBTUSD')
  const ticker = () => open('/0/public/Ticker?pair=XBTUSD')
  const ohlc = () => open('/0/public/OHLC?pair=XBTUSD')
  const soon = () => `EService:Throttled: ${Math.ceil(clock.wall() / 1000) + 20}`
  const KEY = ['{kraken}private:one']
  const PAIR = ['{kraken}engine:one:XBT/USD']
  const ADDRESS = ['{kraken}public']

  it.each<
    [
      signal: string,
      make: () => ClassifiedCall,
      answer: () => Answer,
      drained: readonly string[],
      gated?: readonly string[],
    ]
  >([
    ['EAPI:Rate limit exceeded', balance, () => said('EAPI:Rate limit exceeded'), KEY],
    ['EAPI:Rate limit exceeded, said to an order', order, () => said('EAPI:Rate limit exceeded'), KEY],
    ['EAuth:Rate limit exceeded', balance, () => said('EAuth:Rate limit exceeded'), KEY],
    ['EAuth:Too many requests', balance, () => said('EAuth:Too many requests'), KEY],
    ['EOrder:Rate limit exceeded', order, () => said('EOrder:Rate limit exceeded'), PAIR],
    [
      'EOrder:Domain rate limit exceeded',
      order,
      () => said('EOrder:Domain rate limit exceeded'),
      [],
      ['{kraken}domain:one'],
    ],
    // Only the private counter was closed, from which orders take nothing: the next order left at once.
    ['EService:Throttled until a time', balance, () => said(soon()), [], [...KEY, '{kraken}domain:one']],
    ['EService:Throttled, said to an order', order, () => said(soon()), [], [...KEY, '{kraken}domain:one']],
    ['EGeneral:Temporary lockout', balance, () => said('EGeneral:Temporary lockout'), [], KEY],
    ['EGeneral:Too many requests', ticker, () => said('EGeneral:Too many requests'), ADDRESS],
    ['EGeneral:Too many requests, said to a key', balance, () => said('EGeneral:Too many requests'), ADDRESS],
    [
      'EGeneral:Too many requests, said to OHLC',
      ohlc,
      () => said('EGeneral:Too many requests'),
      ['{kraken}ohlc:XBT/USD', ...ADDRESS],
    ],
    ['429 as a page', ticker, () => ({ status: 429, body: '<html>', headers: HTML }), ADDRESS],
    ['429 as a page, said to a key', balance, () => ({ status: 429, body: '<html>', headers: HTML }), ADDRESS],
    ['Cloudflare 1015', order, () => ({ status: 429, body: 'error code: 1015' }), ADDRESS],
    ['403 as a page', ticker, () => ({ status: 403, body: '<html>', headers: HTML }), [], ADDRESS],
    ['403 as a page, said to a key', balance, () => ({ status: 403, body: '<html>', headers: HTML }), [], ADDRESS],
    ['EAPI:Invalid nonce', balance, () => said('EAPI:Invalid nonce'), []],
    ['EAPI:Invalid key', balance, () => said('EAPI:Invalid key'), []],
    ['EOrder:Orders limit exceeded', order, () => said('EOrder:Orders limit exceeded'), []],
    ['EService:Unavailable', order, () => said('EService:Unavailable'), []],
    ['520', order, () => ({ status: 520, body: '<html>', headers: HTML }), []],
  ])('%s acts on its own scope only', (_, make, made, drained, gated = []) => {
    touchAll()
    answer(make(), made())
    expect(closed()).toEqual([...drained, ...gated].sort())
    expect(emptied()).toEqual([...drained].sort())
  })

  it('that names a time closes until then, and no longer', () => {
    touchAll()
    answer(balance(), said(soon()))
    clock.advance(21_000)
    expect(closed()).toEqual([])
    answer(balance(), said('EGeneral:Temporary lockout'))
    clock.advance(14 * 60_000)
    expect(closed()).toEqual(KEY)
    clock.advance(61_000)
    expect(closed()).toEqual([])
  })

  it('closes twice as long each time it comes again at once', () => {
    touchAll()
    const rests = Array.from({ length: 4 }, () => {
      answer(balance(), said('EAPI:Rate limit exceeded'))
      const restMs = store.levels().find(({ key }) => key === KEY[0])?.closedForMs ?? 0
      clock.advance(restMs)
      return restMs / 1000
    })
    expect(rests).toEqual([5, 10, 20, 40])
  })
})

describe('a signal of Coinbase', () => {
  const ACCOUNT = ['{coinbase}private:one']
  it.each<[signal: string, answer: Answer, closes: readonly string[]]>([
    ['429', { status: 429, body: '{}' }, ACCOUNT],
    ['429 as a page, which it sends to a user as well', { status: 429, body: '<html>', headers: HTML }, ACCOUNT],
    ['429 with Retry-After', { status: 429, body: '{}', headers: ['Retry-After', '7'] }, ACCOUNT],
    ['Cloudflare 1015', { status: 429, body: 'error code: 1015' }, ['{coinbase}public']],
    ['403 as a page', { status: 403, body: '<html>', headers: HTML }, ['{coinbase}public']],
    ['401', { status: 401, body: 'Unauthorized' }, []],
    ['503', { status: 503, body: '' }, []],
  ])('%s acts on its own scope only', (_, made, closes) => {
    touchAll()
    answer(coinbase('one'), made)
    expect(closed()).toEqual(closes)
  })
})

describe('fields that tell what is left', () => {
  const tell = (remaining: number, limit = 30): Answer => ({
    headers: ['x-ratelimit-limit', String(limit), 'x-ratelimit-remaining', String(remaining), 'x-ratelimit-reset', '1'],
  })
  const left = (key = 'one') => store.levels().find((level) => level.key === `{coinbase}private:${key}`)?.available
  const told = (type: WeirEvent['type']) => events.filter((event) => event.type === type)

  it('lower the count when somebody else has spent', () => {
    touchAll()
    answer(coinbase('one'), tell(9))
    expect(left()).toBe(9)
    expect(left('two')).toBe(30)
    expect(told('limit.outspent')).toMatchObject([{ bucket: 'coinbase.private', tokens: 20 }])
    clock.advance(1100)
    expect(left()).toBe(30)
  })

  it('never raise it', () => {
    touchAll()
    answer(coinbase('one'), tell(500, 1000))
    expect(left()).toBe(29)
    answer(coinbase('one'), tell(30))
    expect(left()).toBe(28)
    expect(told('limit.outspent')).toEqual([])
  })

  it('tell nothing new of calls that left later, in whatever order the answers come', () => {
    touchAll()
    const calls = Array.from({ length: 20 }, () => {
      const call = coinbase('one')
      const takes = pricer.price(call)
      store.charge(takes)
      return { call, takes, departure: belief.departure(call, takes) }
    })
    clock.advance(80)
    // Handled in one order at the exchange, answered in another; one of them was handled before all the others.
    const handled = [19, 3, 7, 0, 12, 5, 18, 1, 9, 16, 2, 11, 6, 14, 4, 17, 8, 13, 10, 15]
    for (const [position, index] of handled.toReversed().entries()) {
      const one = calls[index]
      if (one === undefined) throw new Error('no such call')
      forwarded(one.call.record, undefined, 80)
      one.call.record.told = { limit: 30, remaining: 30 - (20 - position) }
      belief.hear(one.call, one.takes, one.departure)
      store.settle(one.takes, 'spent')
    }
    expect(left()).toBe(10)
    expect(told('limit.outspent')).toEqual([])
  })

  it('lower it once, however many answers tell of the same', () => {
    touchAll()
    const [first, second] = [coinbase('one'), coinbase('one')].map((call) => {
      const takes = pricer.price(call)
      store.charge(takes)
      return { call, takes, departure: belief.departure(call, takes) }
    })
    if (first === undefined || second === undefined) throw new Error('two calls')
    clock.advance(80)
    for (const [index, one] of [first, second].entries()) {
      forwarded(one.call.record, undefined, 80)
      one.call.record.told = { limit: undefined, remaining: 9 - index }
      belief.hear(one.call, one.takes, one.departure)
      store.settle(one.takes, 'spent')
    }
    expect(left()).toBe(8)
  })

  it('take nothing from a bucket that uses less of its rate than they leave', () => {
    touchAll()
    store.shrink({ ...(pricer.price(coinbase('one'))[0] ?? never()), cost: 0 })
    answer(coinbase('one'), tell(25))
    expect(left()).toBeCloseTo(23, 1)
    expect(told('limit.outspent')).toMatchObject([{ tokens: 4 }])
  })

  it('of a bucket that weir has just met are believed, and accuse nobody', () => {
    answer(coinbase('one'), tell(9))
    expect(left()).toBe(9)
    expect(told('limit.outspent')).toEqual([])
  })

  it('that state a lower limit set it, once told; a higher one is told and not taken', () => {
    touchAll()
    answer(coinbase('one'), tell(9, 10))
    answer(coinbase('one'), tell(8, 10))
    const capacity = () => store.levels().find(({ key }) => key === '{coinbase}private:one')?.rule
    expect(capacity()).toMatchObject({ limit: 10 })
    expect(told('limit.differs')).toMatchObject([{ configured: 30, told: 10, bucket: 'coinbase.private' }])
    answer(coinbase('one'), tell(40, 50))
    answer(coinbase('one'), tell(40, 50))
    expect(capacity()).toMatchObject({ limit: 30 })
    expect(told('limit.differs')).toMatchObject([{ told: 10 }, { told: 50 }])
  })

  it('keep what they said when the rules are read again', () => {
    touchAll()
    answer(coinbase('one'), tell(9, 10))
    store.retune([...hosts.values()].flatMap(({ exchange }) => exchange.buckets))
    expect(store.levels().find(({ key }) => key === '{coinbase}private:one')?.rule).toMatchObject({ limit: 10 })
  })

  it('of nothing at all close nothing: a limit of 0 is a mistake', () => {
    touchAll()
    answer(coinbase('one'), tell(29, 0))
    expect(store.levels().find(({ key }) => key === '{coinbase}private:one')?.rule).toMatchObject({ limit: 30 })
  })
})

describe('an autopsy', () => {
  it('holds what was believed, on the way, waited, and when the call was let go', () => {
    touchAll()
    store.charge(pricer.price(kraken('Balance', 'one')))
    const call = kraken('Balance', 'one')
    call.record.waitedMs = 12
    answer(call, said('EAPI:Rate limit exceeded'))
    expect(events).toMatchObject([
      {
        type: 'limit.violated',
        bucket: 'kraken.private',
        autopsy: {
          cause: 'unexplained',
          believed: 13,
          inFlight: 1,
          cost: 1,
          capacity: 15,
          share: 1,
          waitedMs: 12,
          roundTripMs: 80,
          sinceStartMs: clock.now(),
          grantedAtWallMs: clock.wall() - 80,
          scopes: ['key'],
        },
      },
    ])
    expect(store.levels().find(({ key }) => key === '{kraken}private:one')?.share).toBe(0.8)
    expect(store.levels().find(({ key }) => key === '{kraken}private:two')?.share).toBe(1)
  })

  it.each<[why: string, prepare: () => void, cause: string]>([
    ['cold start', () => {}, 'cold_start'],
    ['a lockout', touchAll, 'gate'],
  ])('of %s leaves the rate alone', (_, prepare, cause) => {
    prepare()
    answer(kraken('Balance', 'one'), said(cause === 'gate' ? 'EGeneral:Temporary lockout' : 'EAPI:Rate limit exceeded'))
    expect(events).toMatchObject([{ autopsy: { cause } }])
    expect(store.levels().find(({ key }) => key === '{kraken}private:one')?.share).toBe(1)
  })

  it('of several calls on the way shrinks the rate once', () => {
    touchAll()
    const calls = Array.from({ length: 4 }, () => {
      const call = kraken('Balance', 'one')
      const takes = pricer.price(call)
      store.charge(takes)
      return { call, takes, departure: belief.departure(call, takes) }
    })
    clock.advance(80)
    for (const { call, takes, departure } of calls) {
      const verdict = judge(
        call.rule.exchange,
        { status: 200, headers: [], body: Buffer.from('{"error":["EAPI:Rate limit exceeded"]}') },
        0,
      )
      forwarded(call.record, verdict, 80)
      belief.hear(call, takes, departure)
      store.settle(takes, 'spent')
    }
    expect(events.map((event) => event.type === 'limit.violated' && event.autopsy.cause)).toEqual([
      'unexplained',
      'echo',
      'echo',
      'echo',
    ])
    expect(store.levels().find(({ key }) => key === '{kraken}private:one')?.share).toBeCloseTo(0.8, 4)
  })
})
