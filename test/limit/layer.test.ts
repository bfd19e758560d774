import { beforeEach, describe, expect, it } from 'vitest'
import { diagnose } from '../../src/autopsy/diagnose.ts'
import { readFacts } from '../../src/classify/facts.ts'
import type { CallRecord, ClassifiedCall, Verdict } from '../../src/core/call.ts'
import { WeirError } from '../../src/core/errors.ts'
import type { WeirEvent } from '../../src/core/events.ts'
import type { EndpointClass } from '../../src/core/rules.ts'
import { ServerClocks } from '../../src/core/server-clock.ts'
import { Belief } from '../../src/limit/belief.ts'
import { Lanes } from '../../src/limit/lanes.ts'
import { limit } from '../../src/limit/layer.ts'
import { MemoryStore } from '../../src/limit/memory.ts'
import { Pricer } from '../../src/limit/price.ts'
import type { BucketLevel } from '../../src/limit/store.ts'
import { Orders } from '../../src/orders/ages.ts'
import { shippedRules } from '../rules/shipped.ts'
import { aCall, aReply, aVerdict, type CallChange, forwarded } from '../support/build.ts'
import { FakeClock, settled } from '../support/fake-clock.ts'

const { hosts } = shippedRules()
let clock: FakeClock
let store: MemoryStore
let serverClocks: ServerClocks
let events: WeirEvent[]
let orders: Orders
let lanes: Lanes
let pricer: Pricer
let belief: Belief

beforeEach(() => {
  clock = new FakeClock()
  store = new MemoryStore(clock, () => 1)
  serverClocks = new ServerClocks(clock)
  orders = new Orders(clock, () => 300_000)
  events = []
  pricer = new Pricer(orders)
  belief = new Belief({ clock, store, pricer, diagnose, coldStart: () => 1, tell: (event) => events.push(event) })
  lanes = new Lanes({ store, clock, maxQueueBytes: () => 1e6, tell: (event) => events.push(event) })
})

/** What the exchange made of a call. */
type Ending = (record: CallRecord) => void
const served: Ending = (record) => forwarded(record)
const said =
  (verdict: Verdict): Ending =>
  (record) =>
    forwarded(record, verdict)

/** Sends a call down the layer; the exchange takes `tookMs` over it. */
const send = async (call: ClassifiedCall, ending: Ending = served, tookMs = 0): Promise<CallRecord> => {
  const layer = limit({
    lanes,
    store,
    pricer,
    belief,
    serverClocks,
    clock,
  })(async ({ record }) => {
    if (tookMs > 0) await new Promise<void>((done) => void clock.after(tookMs, done))
    ending(record)
    return aReply()
  })
  await layer(call)
  return call.record
}

const aClassified = (change: CallChange, override: Partial<EndpointClass> = {}): ClassifiedCall => {
  const call = aCall(change)
  const found = hosts.get(call.request.host)?.classify(call.request.method, call.request.path)
  if (found === undefined) throw new Error('no such host')
  const rule = { ...found, ...override }
  return { ...call, rule, facts: readFacts(call.request, rule) }
}
const ticker = (change: CallChange = {}, override: Partial<EndpointClass> = {}) => aClassified(change, override)
let nonce = 0
const kraken = (endpoint: string, body = '', override: Partial<EndpointClass> = {}, change: CallChange = {}) => {
  nonce += 1
  const path = `/0/private/${endpoint}`
  return aClassified({ method: 'POST', path, body: `nonce=${nonce}&${body}`, credential: 'cred', ...change }, override)
}
const level = (key: string): BucketLevel => {
  const found = store.levels().find((one) => one.key === key)
  if (found === undefined) throw new Error(`no bucket ${key}`)
  return found
}
const refusal = async (sent: Promise<unknown>): Promise<WeirError> => {
  const error = await sent.then(
    () => undefined,
    (reason: unknown) => reason,
  )
  if (error instanceof WeirError) return error
  throw new Error('was not refused')
}
/** Spends what the public bucket of Kraken holds. */
const exhaust = () => Promise.all(Array.from({ length: 5 }, () => send(ticker())))

describe('the charge of a call', () => {
  it('is what its class costs, and goes on record', async () => {
    const record = await send(kraken('Ledgers'))
    expect(record).toMatchObject({ cost: 4, waitedMs: 0 })
    expect(level('{kraken}private:cred').available).toBe(15 - 4)
  })

  it('is given back when the call never left', async () => {
    const record = await send(kraken('Ledgers'), () => {})
    expect(record.cost).toBe(0)
    expect(level('{kraken}private:cred')).toMatchObject({ available: 15, inFlight: 0 })
  })

  it('is given back, too, when sending failed before a byte was written', async () => {
    const call = ticker()
    const failing = send(call, () => {
      throw new WeirError('upstream_unreachable')
    })
    await expect(failing).rejects.toMatchObject({ code: 'upstream_unreachable' })
    expect(level('{kraken}public')).toMatchObject({ available: 5, inFlight: 0 })
  })

  it('is spent when nobody knows whether the call arrived', async () => {
    const call = ticker()
    const failing = send(call, (record) => {
      record.sent = 'unknown'
      throw new WeirError('upstream_timeout')
    })
    await expect(failing).rejects.toMatchObject({ code: 'upstream_timeout' })
    expect(call.record.cost).toBe(1)
    expect(level('{kraken}public')).toMatchObject({ available: 4, inFlight: 0 })
  })

  it('is spent on an answer that refuses: the exchange counted the call', async () => {
    await send(ticker(), said(aVerdict('client')))
    expect(level('{kraken}public').available).toBe(4)
  })

  it('is made twice when the call was sent twice', async () => {
    const record = await send(ticker(), (mine) => {
      forwarded(mine)
      mine.resent = true
    })
    expect(record.cost).toBe(2)
    expect(level('{kraken}public')).toMatchObject({ available: 3, inFlight: 0 })
  })

  it('is held as in flight until the answer is here', async () => {
    const sent = send(ticker(), served, 500)
    await clock.pass(499)
    expect(level('{kraken}public')).toMatchObject({ inFlight: 1, available: 4 })
    await clock.pass(1)
    await sent
    expect(level('{kraken}public').inFlight).toBe(0)
  })

  it('is nothing for a class that the exchange exempts', async () => {
    const record = await send(aClassified({ host: 'api.exchange.coinbase.com', path: '/loans/assets' }))
    expect(record).toMatchObject({ cost: 0, rateLimit: undefined, rateLimitPolicy: undefined })
    expect(store.levels()).toEqual([])
  })
})

describe('a call that does not fit', () => {
  it('waits its turn, and the wait goes on record', async () => {
    await exhaust()
    const waiting = send(ticker())
    await clock.pass(5_000)
    const record = await waiting
    expect(record.waitedMs).toBeGreaterThanOrEqual(1_000)
    expect(record.waitedMs).toBeLessThan(1_010)
  })

  it('is refused at once when the class rejects instead of queueing, and told when to come back', async () => {
    await exhaust()
    const refused = await refusal(send(ticker({}, { onExhausted: 'reject' })))
    expect(refused.code).toBe('limit_reached')
    expect(refused.retryAfterMs).toBeGreaterThan(990)
    expect(refused.retryAfterMs).toBeLessThan(1_010)
    expect(level('{kraken}public').available).toBeLessThan(0.01)
  })

  it('is refused at once for the class when it would wait longer than the class allows', async () => {
    await exhaust()
    expect((await refusal(send(ticker({}, { maxWaitMs: 900 })))).code).toBe('limit_reached')
  })

  it('is refused at once for the bot when it would wait longer than the bot asked', async () => {
    await exhaust()
    expect((await refusal(send(ticker({ maxWaitMs: 900 })))).code).toBe('deadline_too_short')
    expect((await refusal(send(ticker({ maxWaitMs: 0 })))).code).toBe('deadline_too_short')
  })

  it('can not be made to wait longer than the class allows, whatever the bot asks', async () => {
    await exhaust()
    expect((await refusal(send(ticker({ maxWaitMs: 60_000 }, { maxWaitMs: 900 })))).code).toBe('limit_reached')
  })
})

describe('a signature', () => {
  const bearer = (exp: number) => [
    'Authorization',
    `Bearer h.${Buffer.from(JSON.stringify({ sub: 'k', exp })).toString('base64url')}.s`,
  ]
  const account = (headers: readonly string[]) =>
    aClassified({ host: 'api.coinbase.com', path: '/api/v3/brokerage/accounts', headers, credential: 'cred' })
  const serverTime = () => serverClocks.observe('api.coinbase.com', new Date(clock.wall()).toUTCString(), 0)
  const seconds = () => clock.wall() / 1_000

  it('is not outlived by a wait', async () => {
    serverTime()
    await Promise.all(Array.from({ length: 30 }, () => send(account(bearer(seconds() + 120)))))
    // A second of doubt about the clock of the exchange, and the way there.
    expect((await refusal(send(account(bearer(seconds() + 2))))).code).toBe('deadline_too_short')
    const waiting = send(account(bearer(seconds() + 3)))
    await clock.pass(1_100)
    expect((await waiting).waitedMs).toBeGreaterThan(900)
  })

  it('that is dead already is refused and costs nothing', async () => {
    serverTime()
    const call = account(bearer(seconds() - 1))
    expect((await refusal(send(call))).code).toBe('deadline_too_short')
    expect(call.record.cost).toBe(0)
    expect(store.levels()).toEqual([])
  })

  it('is not judged by our own clock alone, which may be wrong', async () => {
    expect((await send(account(bearer(seconds() - 1)))).sent).toBe('yes')
  })
})

describe('a cancel', () => {
  it('is charged and never held back for want of budget', async () => {
    const sent = Array.from({ length: 12 }, (_, index) => send(kraken('CancelOrder', `txid=TX${index}`)))
    await settled()
    await clock.pass(0)
    const records = await Promise.all(sent)
    expect(records.every(({ waitedMs }) => waitedMs === 0)).toBe(true)
    // 12 × 8 on a counter of 60: the debt is the next order's to wait for.
    expect(level('{kraken}engine:cred:?').available).toBeCloseTo(60 - 96)
  })

  it('costs nothing when its order was gone already', async () => {
    // A bot that cancelled orders which had just been filled ran out of budget that Kraken had never charged.
    const gone = said({ ...aVerdict('client'), free: true })
    for (let index = 0; index < 10; index += 1) await send(kraken('CancelOrder', `txid=TX${index}`), gone)
    expect(level('{kraken}engine:cred:?').available).toBe(60)
  })

  it('makes orders of its pair wait, and no others', async () => {
    for (let index = 0; index < 10; index += 1) {
      orders.placed('cred', 'XBT/USD', [`TX${index}`])
      await send(kraken('CancelOrder', `txid=TX${index}`))
    }
    expect((await refusal(send(kraken('AddOrder', 'pair=XBTUSD')))).code).toBe('limit_reached')
    expect((await send(kraken('AddOrder', 'pair=ETHUSD'))).waitedMs).toBe(0)
  })

  it('still waits for its turn in the order of nonces', async () => {
    const first = send(kraken('Balance'), served, 300)
    await settled()
    const cancel = send(kraken('CancelOrder', 'txid=TX'))
    await clock.pass(299)
    expect(level('{kraken}private:cred').inFlight).toBe(1)
    await clock.pass(1)
    await first
    expect((await cancel).waitedMs).toBe(300)
  })

  // A read that hung at the exchange kept every cancel of its key back for six seconds, and then the cancel was refused.
  it.each([
    ['a second and a half', {}, 1500],
    ['half of what its client waits', { maxWaitMs: 500 }, 250],
  ])('waits no longer than %s for what is on its way', async (_, wish, dueMs) => {
    const hung = send(kraken('Balance'), served, 60_000)
    const cancel = send(kraken('CancelOrder', 'txid=TX', {}, wish))
    await clock.pass(dueMs)
    expect((await cancel).waitedMs).toBe(dueMs)
    await clock.pass(60_000)
    await hung
  })

  it('has reads before it refused rather than wait with them for one that hangs', async () => {
    const hung = send(kraken('Balance'), served, 60_000)
    const read = refusal(send(kraken('TradeBalance')))
    await clock.pass(2000)
    const cancel = send(kraken('CancelOrder', 'txid=TX'))
    expect((await cancel).waitedMs).toBe(0)
    const refused = await read
    expect(refused.code).toBe('limit_reached')
    // The bot that was told to come back never did.
    expect(refused.retryAfterMs).toBe(0)
    await clock.pass(60_000)
    await hung
  })
})

describe('shadow mode', () => {
  it.each([
    ['fair', () => ticker({}, { enforce: 'shadow' }), '{kraken}public', 5],
    ['nonce', () => kraken('Balance', '', { enforce: 'shadow' }), '{kraken}private:cred', 15],
  ] as const)('counts and holds nothing back, in a %s lane', async (_, make, key, capacity) => {
    const total = capacity + 5
    for (let index = 0; index < total; index += 1) expect((await send(make())).waitedMs).toBe(0)
    expect(level(key).available).toBeCloseTo(capacity - total)
  })
})

describe('an exchange that refuses', () => {
  const violations = () => events.filter((event) => event.type === 'limit.violated')
  const throttled = (change: Partial<Verdict> = {}) => said(aVerdict('throttled', { pauseMs: 5_000, ...change }))

  it('is believed: the bucket of its scope is closed for as long as it says', async () => {
    await send(ticker(), throttled())
    expect(level('{kraken}public')).toMatchObject({ available: expect.closeTo(0, 2), closedForMs: 5_000 })
    expect((await refusal(send(ticker({ maxWaitMs: 4_999 })))).retryAfterMs).toBeCloseTo(5_000)
    expect(violations()).toMatchObject([
      { exchange: 'kraken', bucket: 'kraken.public', autopsy: { believed: 4, inFlight: 0 } },
    ])
  })

  it('closes one key and leaves another open', async () => {
    await send(kraken('Balance'), throttled({ drains: 'private' }))
    const other = kraken('Balance', '', {}, { credential: 'other' })
    expect((await send(other)).waitedMs).toBe(0)
    expect((await refusal(send(kraken('Balance', '', { maxWaitMs: 4_000 })))).code).toBe('limit_reached')
  })

  it('closes the counter it speaks of, not the one the call took from', async () => {
    await send(kraken('AddOrder', 'pair=XBTUSD'), throttled({ drains: 'private' }))
    expect(level('{kraken}private:cred').closedForMs).toBe(5_000)
    expect(level('{kraken}engine:cred:XBT/USD').closedForMs).toBe(0)
  })

  it('closes one pair and leaves another open', async () => {
    await send(kraken('AddOrder', 'pair=XBTUSD'), throttled({ drains: 'engine' }))
    expect(level('{kraken}engine:cred:XBT/USD').closedForMs).toBe(5_000)
    expect((await send(kraken('AddOrder', 'pair=ETHUSD'))).waitedMs).toBe(0)
  })

  it('locks a key out for as long as it says', async () => {
    await send(kraken('Balance'), said(aVerdict('banned', { drains: 'private', pauseMs: 900_000 })))
    expect((await refusal(send(kraken('Balance')))).retryAfterMs).toBeCloseTo(900_000)
  })

  it('that names no time closes for the recovery time of the bucket', async () => {
    const call = aClassified({ host: 'api.exchange.coinbase.com', path: '/time' })
    await send(call, said(aVerdict('throttled')))
    expect(level('{coinbase_exchange}public').closedForMs).toBe(1_000)
  })

  it.each(['ok', 'client', 'auth', 'failing'] as const)('for another reason closes nothing: %s', async (kind) => {
    await send(ticker(), said(aVerdict(kind)))
    expect(level('{kraken}public').closedForMs).toBe(0)
    expect(violations()).toEqual([])
  })
})

describe('RateLimit and RateLimit-Policy', () => {
  it('tell of the bucket: what is left and when it is full', async () => {
    const record = await send(kraken('Ledgers'))
    expect(record.rateLimit).toBe('"kraken-private";r=11;t=13')
    expect(record.rateLimitPolicy).toMatch(/^"kraken-private";q=15;w=\d+$/)
  })

  it('tell of the bucket with the least left', async () => {
    orders.placed('cred', 'XBT/USD', ['A', 'B'])
    const record = await send(kraken('CancelAll'))
    expect(record.rateLimit).toMatch(/^"kraken-private";r=14;/)
    await exhaustEngine()
    orders.placed('cred', 'XBT/USD', ['C'])
    expect((await send(kraken('CancelAll'))).rateLimit).toMatch(/^"kraken-engine";r=0;/)
  })

  it('never tell of less than nothing', async () => {
    await exhaustEngine()
    expect((await send(kraken('CancelOrder', 'txid=X'))).rateLimit).toMatch(/;r=0;t=\d+$/)
  })

  // A window knows what was spent in it, and nothing was spent when the exchange refused out of the blue: bots read that 29 of
  // 30 calls were left while none could go.
  it('tell of nothing left while the bucket is closed, and of the time it opens', async () => {
    const call = aClassified({ host: 'api.coinbase.com', path: '/api/v3/brokerage/accounts', credential: 'cred' })
    const record = await send(call, said(aVerdict('throttled', { pauseMs: 20_000 })))
    expect(record.rateLimit).toBe('"coinbase-private";r=0;t=20')
  })

  const exhaustEngine = async () => {
    for (let index = 0; index < 9; index += 1) {
      orders.placed('cred', 'XBT/USD', [`X${index}`])
      await send(kraken('CancelOrder', `txid=X${index}`))
    }
  }
})
