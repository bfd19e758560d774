// How long a call may wait, and by whose word; signatures that die in line; and what shadow mode says it would have done.

import { beforeEach, describe, expect, it } from 'vitest'
import { readFacts } from '../../src/classify/facts.ts'
import type { ClassifiedCall } from '../../src/core/call.ts'
import type { WeirError } from '../../src/core/errors.ts'
import type { BotRule, EndpointClass } from '../../src/core/rules.ts'
import { ServerClocks } from '../../src/core/server-clock.ts'
import { shadowText } from '../../src/core/shadow.ts'
import { admit } from '../../src/limit/admit.ts'
import { Lanes } from '../../src/limit/lanes.ts'
import { MemoryStore } from '../../src/limit/memory.ts'
import { Pricer } from '../../src/limit/price.ts'
import type { Pass } from '../../src/limit/ticket.ts'
import { Orders } from '../../src/orders/ages.ts'
import { shippedRules } from '../rules/shipped.ts'
import { aCall, type CallChange } from '../support/build.ts'
import { FakeClock } from '../support/fake-clock.ts'

const { hosts } = shippedRules()
let clock: FakeClock
let store: MemoryStore
let lanes: Lanes
let pricer: Pricer
let serverClocks: ServerClocks

beforeEach(() => {
  clock = new FakeClock()
  store = new MemoryStore(clock, () => 1)
  lanes = new Lanes({ store, clock, maxQueueBytes: () => 1e6, tell: () => {} })
  pricer = new Pricer(new Orders(clock, () => 300_000))
  serverClocks = new ServerClocks(clock)
})

interface Change extends CallChange {
  readonly rule?: Partial<EndpointClass>
  readonly manners?: Partial<BotRule>
  readonly patienceMs?: number
}

const aClassified = ({ rule: override, manners, patienceMs, ...change }: Change): ClassifiedCall => {
  const call = aCall(change)
  const found = hosts.get(call.request.host)?.classify(call.request.method, call.request.path)
  if (found === undefined) throw new Error('no such host')
  const rule = { ...found, ...override }
  const bot = manners && { weight: 1, maxWaitMs: undefined, priority: undefined, ...manners }
  return { ...call, rule, manners: bot, patienceMs, facts: readFacts(call.request, rule) }
}
const go = async (change: Change = {}): Promise<Pass & { readonly call: ClassifiedCall }> => {
  const call = aClassified(change)
  const pass = await admit({ lanes, pricer, store, serverClocks }, call, pricer.price(call))
  return { ...pass, call }
}
const refusal = (change: Change): Promise<WeirError> =>
  go(change).then(
    () => {
      throw new Error('was not refused')
    },
    (error: WeirError) => error,
  )
/** Spends what the public bucket of Kraken holds: the next call waits a second for each that waits before it. */
const spendAll = async () => {
  for (let index = 0; index < 5; index += 1) (await go()).close('spent', true)
}

describe('how long a call may wait', () => {
  const LONG = 30_000
  it.each<[string, Change, string]>([
    ['is its class’s word', {}, '6000 ms allowed'],
    ['is longer for a client that waits longer', { patienceMs: LONG }, '30000 ms that its client waits'],
    ['is shorter for a client that gives up soon', { patienceMs: 500 }, '500 ms that its client waits'],
    [
      'is never longer than the class itself says, whatever the client',
      { patienceMs: LONG, rule: { maxWaitMs: 4_000, longestWaitMs: 4_000 } },
      '4000 ms that its client waits',
    ],
    [
      'is the bot’s own entry before all that',
      { patienceMs: 500, manners: { maxWaitMs: 2_000 }, rule: { longestWaitMs: 1_000 } },
      '2000 ms allowed to the bot',
    ],
    ['is shortened by what the bot asks', { maxWaitMs: 900, patienceMs: LONG }, '900 ms that the bot asked for'],
    [
      'is nothing in a class that rejects',
      { rule: { onExhausted: 'reject' }, manners: { maxWaitMs: LONG }, patienceMs: LONG },
      '0 ms allowed',
    ],
  ])('%s', async (_, change, words) => {
    await spendAll()
    for (let index = 0; index < 40; index += 1) go({ patienceMs: 60_000 }).catch(() => {})
    await clock.pass(0)
    expect((await refusal(change)).message).toMatch(new RegExp(`more than the ${words}$`))
  })

  it('is not stretched by what the bot asks', async () => {
    await spendAll()
    for (let index = 0; index < 10; index += 1) go({ patienceMs: 60_000 }).catch(() => {})
    await clock.pass(0)
    expect(await refusal({ maxWaitMs: 60_000 })).toMatchObject({ code: 'limit_reached' })
  })

  it('lets a patient client wait where others are refused', async () => {
    await spendAll()
    for (let index = 0; index < 8; index += 1) void go({ patienceMs: 60_000 }).then((pass) => pass.close('spent', true))
    await clock.pass(0)
    const waits = go({ patienceMs: 20_000 })
    await refusal({})
    await clock.pass(9_100)
    expect((await waits).waitedMs).toBeGreaterThan(8_900)
  })
})

describe('the manners of a bot', () => {
  it('give it more turns by its weight, and the turns of its priority', async () => {
    await spendAll()
    const sent: string[] = []
    const ask = (bot: string, manners: Partial<BotRule> = {}) =>
      void go({ bot, manners: { ...manners, maxWaitMs: 60_000 } }).then((pass) => {
        sent.push(bot)
        pass.close('spent', true)
      })
    for (let index = 0; index < 6; index += 1) {
      ask('plain')
      ask('heavy', { weight: 2 })
    }
    ask('urgent', { priority: 'critical' })
    await clock.pass(7_500)
    expect(sent[0]).toBe('urgent')
    expect(sent.filter((bot) => bot === 'heavy')).toHaveLength(4)
    expect(sent.filter((bot) => bot === 'plain')).toHaveLength(2)
  })
})

describe('a signature that would die in line', () => {
  const HOST = 'api.coinbase.com'
  /** The clock of the exchange is three seconds ahead of ours, as its answers tell to the second. */
  const SKEW_MS = 3_000
  const hear = () => serverClocks.observe(HOST, new Date(clock.wall() + SKEW_MS).toUTCString(), 0)
  const signed = (lifeMs: number): Change => ({
    host: HOST,
    path: '/api/v3/brokerage/accounts',
    credential: 'cred',
    headers: ['Authorization', `Bearer h.${payload((clock.wall() + SKEW_MS + lifeMs) / 1000)}.s`],
  })
  const payload = (exp: number) => Buffer.from(JSON.stringify({ sub: 'k', exp })).toString('base64url')
  const budget = async () => {
    for (let index = 0; index < 30; index += 1) (await go(signed(120_000))).close('spent', true)
  }

  it('is refused at once, with the reason, by the clock of the exchange', async () => {
    hear()
    await budget()
    // By our own clock it had five seconds left.
    const refused = await refusal(signed(2_000))
    expect(refused.code).toBe('deadline_too_short')
    expect(refused.message).toMatch(/more than the \d+ ms that its signature lives$/)
    expect(store.levels().every(({ inFlight }) => inFlight === 0)).toBe(true)
  })

  it('is refused when it stands in line already and the exchange first tells its time', async () => {
    await budget()
    const waiting = refusal(signed(700))
    await clock.pass(500)
    hear()
    await clock.pass(2_000)
    expect(await waiting).toMatchObject({ code: 'deadline_too_short', message: expect.stringMatching(/has expired/) })
  })

  it('is let go as long as it lives when its turn comes', async () => {
    hear()
    await budget()
    const waiting = go(signed(4_000))
    await clock.pass(1_100)
    expect((await waiting).waitedMs).toBeGreaterThan(900)
  })

  it.each([
    ['a timestamp header of Coinbase Exchange', 'api.exchange.coinbase.com', 'GET', '/accounts', '', 30_000],
    ['the deadline of an order at Kraken', 'api.kraken.com', 'POST', '/0/private/AddOrder', 'deadline', 0],
  ])('dies by %s too', async (_, host, method, path, param, lifeMs) => {
    serverClocks.observe(host, new Date(clock.wall() + SKEW_MS).toUTCString(), 0)
    const died = clock.wall() + SKEW_MS - 100
    const body = param === '' ? '' : `nonce=1&pair=XBTUSD&deadline=${new Date(died).toISOString()}`
    const headers = ['CB-ACCESS-TIMESTAMP', String((died - lifeMs) / 1000)]
    const refused = await refusal({ host, method, path, credential: 'cred', headers, ...(body === '' ? {} : { body }) })
    expect(refused).toMatchObject({ code: 'deadline_too_short', message: expect.stringMatching(/has expired/) })
    expect(store.levels().every(({ inFlight }) => inFlight === 0)).toBe(true)
  })
})

describe('in shadow', () => {
  const shadow: Change = { rule: { enforce: 'shadow' } }
  const said = async (change: Change = {}) => {
    const { call, waitedMs, close } = await go({ ...shadow, ...change })
    expect(waitedMs).toBe(0)
    close('spent', true)
    return shadowText(call.record.shadow)
  }

  it('says nothing of a call that would have been sent at once', async () => {
    expect(await said()).toBeUndefined()
  })

  it('says how long a call would have waited', async () => {
    await spendAll()
    expect(await said()).toMatch(/^wait;ms=100\d$/)
    expect(await said()).toMatch(/^wait;ms=200\d$/)
  })

  it('says with which code a call would have been refused', async () => {
    await spendAll()
    expect(await said({ maxWaitMs: 500 })).toBe('refuse;code=deadline_too_short')
    expect(await said({ patienceMs: 500 })).toBe('refuse;code=limit_reached')
  })

  const balance = (nonce: number): Change => ({
    method: 'POST',
    path: '/0/private/Balance',
    credential: 'cred',
    body: `nonce=${nonce}`,
  })

  it('lets calls of one key go side by side, as they come', async () => {
    // A nonce lane in shadow still had one call in flight at a time.
    const passes = [await go({ ...shadow, ...balance(7) }), await go({ ...shadow, ...balance(6) })]
    expect(passes.map(({ waitedMs }) => waitedMs)).toEqual([0, 0])
    expect(lanes.view()).toMatchObject([{ inFlight: 2, waiting: 0 }])
    for (const pass of passes) pass.close('spent', true)
  })

  it('says of a nonce that can not succeed that it would have been refused', async () => {
    await said(balance(7))
    expect(await said(balance(6))).toBe('refuse;code=nonce_too_low')
  })
})

describe('reserved budget', () => {
  it('is left by reads and used by orders', async () => {
    const rules = shippedRules(
      {},
      { 'private: { per: account, limit: 30,': 'private: { per: account, reserve: { trading: 20% }, limit: 30,' },
    )
    const call = (method: string, path: string) => {
      const base = aClassified({ host: 'api.coinbase.com', method, path, credential: 'cred', maxWaitMs: 0 })
      const rule = rules.hosts.get('api.coinbase.com')?.classify(method, path)
      if (rule === undefined) throw new Error('no such host')
      return { ...base, rule }
    }
    const tries = async (method: string, path: string) => {
      let gone = 0
      for (let index = 0; index < 40; index += 1) {
        const one = call(method, path)
        try {
          await admit({ lanes, pricer, store, serverClocks }, one, pricer.price(one))
          gone += 1
        } catch {
          break
        }
      }
      return gone
    }
    expect(await tries('GET', '/api/v3/brokerage/accounts')).toBe(24)
    expect(await tries('POST', '/api/v3/brokerage/orders')).toBe(6)
  })
})
