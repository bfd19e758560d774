// An answer that one weir has fetched serves the others: real weirs, a real Redis, a simulated exchange. A machine may be too
// busy for an answer of Redis within 50 ms, and then a weir does without: where one is needed, these ask again.

import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect, it, onTestFinished } from 'vitest'
import { type Clock, realClock } from '../../src/core/clock.ts'
import { parseAddress } from '../../src/redis/address.ts'
import { Answers } from '../../src/redis/answers.ts'
import { connect } from '../../src/redis/connection.ts'
import { tooManyRequests } from '../support/exchange/faults.ts'
import { FakeClock } from '../support/fake-clock.ts'
import { shippedLimits, startWeir, type Weir } from '../support/weir.ts'
import { openPair, soon } from './pair.ts'
import { type RedisServer, startRedis } from './server.ts'

const PAIRS = ['XBTUSD', 'ETHUSD', 'SOLUSD', 'XBTEUR', 'ETHEUR', 'ETHXBT']
const FOREVER = Number.POSITIVE_INFINITY

const ticker = (pair = 'XBTUSD') => ({ path: `/0/public/Ticker?pair=${pair}` })

/** The shipped limits, with every cached class sharing its answers. @param fresh for how long they are */
const sharing = (fresh: string): Promise<string> =>
  shippedLimits({
    'when: [breaker_open, error, queue] }': 'when: [breaker_open, error, queue], shared: true }',
    'fresh: 1s,': `fresh: ${fresh},`,
  })

const keysIn = (redis: RedisServer): string[] => redis.cli('KEYS', 'answer:*').split('\n').filter(Boolean)

/** Resolves with the names of the answers once there are more than `before`; undefined when none comes. */
const written = (redis: RedisServer, before = 0): Promise<string[] | undefined> =>
  soon(() => (keysIn(redis).length > before ? keysIn(redis) : undefined), 1_000).catch(() => undefined)

describe('an answer that one weir has fetched', { timeout: 60_000 }, () => {
  it('is a hit at another that has never asked, with its true age, and kept there too', async () => {
    const { exchange, redis, one, other } = await openPair({ config: await sharing('20s') })
    await Promise.all([one, other].map(({ weir }) => weir.logged(/^limits are shared/)))
    const tries = PAIRS.values()
    const { pair, first, hit } = await soon(async () => {
      const pair = tries.next().value
      const before = keysIn(redis).length
      const first = await one.bot.send(ticker(pair))
      if ((await written(redis, before)) === undefined) return undefined
      await sleep(1_100)
      const asked = exchange.calls.length
      const hit = await other.bot.send(ticker(pair))
      return exchange.calls.length === asked ? { pair, first, hit } : undefined
    }, 20 * PAIRS.length)
    expect(first.headers['cache-status']).toBe('weir; fwd=miss; stored')
    expect(hit).toMatchObject({ decision: 'cached', status: 200 })
    expect(hit.bytes).toEqual(first.bytes)
    expect(hit.headers).toMatchObject({ 'cache-status': 'weir; hit', 'x-weir-sent': 'no', 'x-weir-cost': '0' })
    expect(Number(hit.headers.age)).toBeGreaterThanOrEqual(1)
    expect(Number(hit.headers.age)).toBeLessThan(20)
    redis.cli('FLUSHALL')
    expect((await other.bot.send(ticker(pair))).headers['cache-status']).toBe('weir; hit')
  })

  it('covers an outage at another that has never asked, marked as stale', async () => {
    const { exchange, redis, one, other } = await openPair({ config: await sharing('500ms') })
    await Promise.all([one, other].map(({ weir }) => weir.logged(/^limits are shared/)))
    const first = await soon(async () => {
      const answer = await one.bot.send(ticker())
      return (await written(redis)) === undefined ? undefined : answer
    })
    await sleep(1_100)
    exchange.fault({ ...tooManyRequests({ retryAfter: 30 }), times: FOREVER })
    await one.bot.send({ path: '/0/public/Time' })
    const stale = await soon(async () => {
      const answer = await other.bot.send(ticker())
      return answer.headers['x-weir-breaker'] === 'open' && answer.decision === 'stale' ? answer : undefined
    }, 10_000)
    expect(stale.text).toBe(first.text)
    expect(Number(stale.headers.age)).toBeGreaterThanOrEqual(1)
    expect(stale.headers['cache-status']).toMatch(/^weir; hit; ttl=-\d+; detail=breaker-open$/)
  })

  it('is in Redis under a name that tells nothing, for as long as it may serve; what a key was answered is not there', async () => {
    const { exchange, redis, one } = await openPair({ config: await sharing('20s') })
    await one.weir.logged(/^limits are shared/)
    const withKey = { ...ticker(), headers: { 'API-Key': exchange.krakenKey('fleet').key } }
    expect((await one.bot.send(withKey)).headers['cache-status']).toBe('weir; fwd=miss; stored')
    expect(await written(redis)).toBeUndefined()
    const tries = PAIRS.values()
    const [name = ''] = await soon(async () => {
      await one.bot.send(ticker(tries.next().value))
      return written(redis)
    })
    expect(name).toMatch(/^answer:\{kraken\}[\w-]{43}$/)
    const lifeMs = Number(redis.cli('PTTL', name))
    expect(lifeMs).toBeGreaterThan(300_000)
    expect(lifeMs).toBeLessThanOrEqual(320_000)
  })

  it('is fetched anew while Redis is frozen, gone, and back', async () => {
    const { exchange, redis, other } = await openPair({ config: await sharing('20s') })
    await other.weir.logged(/^limits are shared/)
    let asked = 0
    // A limit with room for a burst, so that a share of it is enough.
    const ask = () => {
      asked += 1
      return other.bot.send({ host: 'api.exchange.coinbase.com', path: `/products/BTC-USD/ticker?asked=${asked}` })
    }
    const askedInVain = async () => {
      await ask()
      return keysIn(redis).length > 0 || undefined
    }
    await soon(askedInVain, 10_000)
    const stoppedAt = Date.now()
    redis.signal('SIGSTOP')
    expect((await ask()).decision).toBe('forwarded')
    await other.weir.logged(/^Redis is away/, stoppedAt)
    expect((await ask()).decision).toBe('forwarded')
    redis.signal('SIGCONT')
    await redis.kill()
    expect((await ask()).decision).toBe('forwarded')
    await redis.start()
    await soon(askedInVain, 10_000)
    expect(exchange.violations).toEqual([])
  })
})

describe('a weir without Redis says that there is nobody to share with', { timeout: 30_000 }, () => {
  const exchange = { port: 1, caFile: '' }
  const said = (weir: Weir) => weir.lines().filter(({ msg }) => /without --redis/.test(msg))

  it('once when it starts', async () => {
    await using weir = await startWeir({ exchange, config: await sharing('1s') })
    expect(said(weir)).toHaveLength(1)
    expect(said(weir)[0]?.classes).toContain('kraken.ticker')
  })

  it('when it comes with a reload', async () => {
    await using weir = await startWeir({ exchange })
    expect(said(weir)).toEqual([])
    await weir.reload(await sharing('1s'))
    expect(await soon(() => said(weir)[0])).toMatchObject({ level: 'warn' })
  })
})

describe('the answers in Redis', { timeout: 30_000 }, () => {
  /** One weir's way to them, open and tried; all that it asks is counted. */
  const answersAt = async (redis: RedisServer, clock: Clock = realClock) => {
    const connection = connect(parseAddress(redis.url), realClock)
    onTestFinished(() => connection.close())
    await soon(() => connection.command('PING').catch(() => undefined))
    const counts = { asked: 0, answered: 0, written: 0 }
    const run: typeof connection.run = async (...args) => {
      counts.asked += 1
      const reply = await connection.run(...args)
      counts.answered += 1
      return reply
    }
    const known = { reachable: true }
    const secret = Buffer.from('of the fleet')
    const answers = new Answers({ redis: { run }, clock, secret, reachable: () => known.reachable })
    const keep = (key: string, body: string, bornAt: number, lifeMs = 60_000) => {
      const text = () => {
        counts.written += 1
        return body
      }
      answers.keep('venue', key, { bytes: body.length, text, bornAt, lifeMs })
    }
    const find = (key: string) => answers.find('venue', key)
    /** What Redis says, be it that there is nothing. */
    const hear = (key: string) =>
      soon(async () => {
        if (clock instanceof FakeClock) clock.advance(1_000)
        const before = counts.answered
        const found = await find(key)
        return counts.answered > before ? { found } : undefined
      }, 5_000)
    await hear('anything')
    return { keep, find, hear, counts, known }
  }

  const server = async (settings: readonly string[] = []): Promise<RedisServer> => {
    const redis = await startRedis(settings)
    onTestFinished(() => redis[Symbol.asyncDispose]())
    return redis
  }

  /** A weir's clocks are its own: this one has been running for years, and its date is of another age. */
  const elsewhere: Clock = { ...realClock, now: () => realClock.now() + 1e11, wall: () => 0 }

  it('are as old at one weir as at another, whatever their clocks say, and never younger than they are', async () => {
    const redis = await server()
    const [a, b] = [await answersAt(redis), await answersAt(redis, elsewhere)]
    const bornAt = realClock.now()
    a.keep('key', 'päper \u0000 ÿ', bornAt)
    await written(redis)
    await sleep(300)
    const { found } = await b.hear('key')
    const seemsOlderMs = bornAt + 1e11 - (found?.bornAt ?? Number.NaN)
    expect(found?.text).toBe('päper \u0000 ÿ')
    // By the time that two questions were on their way, and the grain of a number so large.
    expect(seemsOlderMs).toBeGreaterThan(-0.1)
    expect(seemsOlderMs).toBeLessThan(5_000)
  })

  it('age while their writing waits in a frozen Redis, and are not there once their life is over', async () => {
    const redis = await server()
    const [a, b] = [await answersAt(redis), await answersAt(redis, elsewhere)]
    redis.signal('SIGSTOP')
    const bornAt = realClock.now()
    a.keep('short', 'text', bornAt, 300)
    a.keep('long', 'text', bornAt, 60_000)
    await sleep(500)
    redis.signal('SIGCONT')
    await written(redis)
    const { found } = await b.hear('long')
    expect(elsewhere.now() - (found?.bornAt ?? Number.NaN)).toBeGreaterThanOrEqual(499)
    expect((await b.hear('short')).found).toBeUndefined()
  })

  it('are asked for once by all who ask at the same time', async () => {
    const { find, counts } = await answersAt(await server())
    const before = counts.asked
    await Promise.all(Array.from({ length: 20 }, () => find('key')))
    expect(counts.asked).toBe(before + 1)
  })

  it('are not asked for again for a second after a question without an answer, nor while Redis is known to be away', async () => {
    const redis = await server()
    const clock = new FakeClock()
    const { find, hear, keep, counts, known } = await answersAt(redis, clock)
    const before = counts.asked
    redis.signal('SIGSTOP')
    expect(await find('key')).toBeUndefined()
    clock.advance(999)
    for (let call = 0; call < 10; call += 1) {
      await find('key')
      keep('key', 'text', clock.now())
    }
    expect(counts.asked).toBe(before + 1)
    redis.signal('SIGCONT')
    await hear('key')
    known.reachable = false
    const then = counts.asked
    await find('key')
    keep('key', 'text', clock.now())
    expect(counts.asked).toBe(then)
    expect(counts.written).toBe(0)
  })

  it('are bounded in size, and leave half of the memory to the limits', async () => {
    const redis = await server(['--maxmemory', '64mb'])
    const { keep, hear, counts } = await answersAt(redis)
    keep('large', 'x'.repeat(256 * 1024 + 1), realClock.now())
    expect(counts.written).toBe(0)
    keep('small', 'x'.repeat(256 * 1024), realClock.now())
    await written(redis)
    // What was sent before a question that is answered is done.
    expect((await hear('small')).found?.text).toHaveLength(256 * 1024)
    expect(keysIn(redis)).toHaveLength(1)
    // Beside so much, what Redis needs for a moment to read and to answer does not count.
    redis.cli('SETRANGE', 'something', '20000000', 'x')
    const used = Number(/used_memory:(\d+)/.exec(redis.cli('INFO', 'memory'))?.[1])
    redis.cli('CONFIG', 'SET', 'maxmemory', String(Math.round(used * 1.5)))
    keep('more', 'x', realClock.now())
    await hear('more')
    expect(keysIn(redis)).toHaveLength(1)
  })

  it('are passed over when they are not as weirs write them, or come from a clock that has gone back', async () => {
    const redis = await server()
    const { keep, find, hear } = await answersAt(redis)
    keep('key', 'text', realClock.now())
    const [name = ''] = (await written(redis)) ?? []
    expect((await hear('key')).found?.text).toBe('text')
    for (const word of ['', 'nonsense', ' ', `${Date.now() + 60_000} text`]) {
      redis.cli('SET', name, word)
      expect((await hear('key')).found).toBeUndefined()
    }
    redis.cli('DEL', name)
    redis.cli('LPUSH', name, 'a list')
    expect(await find('key')).toBeUndefined()
  })
})
