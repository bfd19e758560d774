// An answer that one weir has fetched serves the others: real weirs, a real Redis, a simulated exchange.

import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect, it, onTestFinished } from 'vitest'
import { type Clock, realClock } from '../../src/core/clock.ts'
import { parseAddress } from '../../src/redis/address.ts'
import { Answers } from '../../src/redis/answers.ts'
import { connect } from '../../src/redis/connection.ts'
import { tooManyRequests } from '../support/exchange/faults.ts'
import { shippedLimits, startWeir } from '../support/weir.ts'
import { openPair, soon } from './pair.ts'
import { type RedisServer, startRedis } from './server.ts'

const TICKER = { path: '/0/public/Ticker?pair=XBTUSD' }
const FOREVER = Number.POSITIVE_INFINITY

/** The shipped limits, with every cached class sharing its answers. @param fresh for how long they are */
const sharing = (fresh: string): Promise<string> =>
  shippedLimits({
    'when: [breaker_open, error, queue] }': 'when: [breaker_open, error, queue], shared: true }',
    'fresh: 1s,': `fresh: ${fresh},`,
  })

const keysIn = (redis: RedisServer): string[] => redis.cli('KEYS', 'answer:*').split('\n').filter(Boolean)

/** A write is not waited for. */
const written = (redis: RedisServer, count = 1): Promise<string[]> =>
  soon(() => (keysIn(redis).length >= count ? keysIn(redis) : undefined), 5_000)

describe('an answer that one weir has fetched', { timeout: 40_000 }, () => {
  it('is a hit at another that has never asked, with its true age, and kept there too', async () => {
    const { exchange, redis, one, other } = await openPair({ config: await sharing('20s') })
    await Promise.all([one, other].map(({ weir }) => weir.logged(/^limits are shared/)))
    const first = await one.bot.send(TICKER)
    expect(first.headers['cache-status']).toBe('weir; fwd=miss; stored')
    await written(redis)
    await sleep(1_100)
    const asked = exchange.calls.length
    const hit = await other.bot.send(TICKER)
    expect(exchange.calls).toHaveLength(asked)
    expect(hit.bytes).toEqual(first.bytes)
    expect(hit).toMatchObject({ decision: 'cached', status: 200 })
    expect(hit.headers).toMatchObject({ 'cache-status': 'weir; hit', 'x-weir-sent': 'no', 'x-weir-cost': '0' })
    expect(Number(hit.headers.age)).toBeGreaterThanOrEqual(1)
    expect(Number(hit.headers.age)).toBeLessThan(15)
    redis.cli('FLUSHALL')
    expect((await other.bot.send(TICKER)).headers['cache-status']).toBe('weir; hit')
  })

  it('covers an outage at another that has never asked, marked as stale', async () => {
    const { exchange, redis, one, other } = await openPair({ config: await sharing('500ms') })
    await Promise.all([one, other].map(({ weir }) => weir.logged(/^limits are shared/)))
    const first = await one.bot.send(TICKER)
    await written(redis)
    await sleep(1_100)
    exchange.fault({ ...tooManyRequests({ retryAfter: 30 }), times: FOREVER })
    await one.bot.send({ path: '/0/public/Time' })
    const stale = await soon(async () => {
      const answer = await other.bot.send(TICKER)
      return answer.headers['x-weir-breaker'] === 'open' ? answer : undefined
    }, 10_000)
    expect(stale).toMatchObject({ decision: 'stale', text: first.text })
    expect(Number(stale.headers.age)).toBeGreaterThanOrEqual(1)
    expect(stale.headers['cache-status']).toMatch(/^weir; hit; ttl=-\d+; detail=breaker-open$/)
  })

  it('is in Redis under a name that tells nothing, for as long as it may serve; what a key was answered is not there', async () => {
    const { exchange, redis, one } = await openPair({ config: await sharing('20s') })
    await one.weir.logged(/^limits are shared/)
    const { key } = exchange.krakenKey('fleet')
    const withKey = { ...TICKER, headers: { 'API-Key': key } }
    expect((await one.bot.send(withKey)).headers['cache-status']).toBe('weir; fwd=miss; stored')
    await one.bot.send(TICKER)
    const [name = ''] = await written(redis)
    expect(name).toMatch(/^answer:\{kraken\}[\w-]{43}$/)
    const lifeMs = Number(redis.cli('PTTL', name))
    expect(lifeMs).toBeGreaterThan(300_000)
    expect(lifeMs).toBeLessThanOrEqual(320_000)
    expect(keysIn(redis)).toEqual([name])
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
    await ask()
    await written(redis)
    redis.signal('SIGSTOP')
    expect((await ask()).decision).toBe('forwarded')
    await other.weir.logged(/^Redis is away/)
    expect((await ask()).decision).toBe('forwarded')
    redis.signal('SIGCONT')
    await redis.kill()
    expect((await ask()).decision).toBe('forwarded')
    await redis.start()
    await soon(async () => {
      await ask()
      return keysIn(redis).length > 0 || undefined
    }, 10_000)
    expect(exchange.violations).toEqual([])
  })
})

it('a weir without Redis says once that there is nobody to share with', { timeout: 20_000 }, async () => {
  await using weir = await startWeir({ exchange: { port: 1, caFile: '' }, config: await sharing('1s') })
  const said = weir.lines().filter(({ msg }) => /without --redis/.test(msg))
  expect(said).toHaveLength(1)
  expect(said[0]?.classes).toContain('kraken.ticker')
})

describe('the answers in Redis', { timeout: 20_000 }, () => {
  /** One weir's way to them, with all that it asks counted. */
  const answersAt = async (redis: RedisServer, clock: Clock = realClock, reachable = () => true) => {
    const connection = connect(parseAddress(redis.url), realClock)
    onTestFinished(() => connection.close())
    await soon(() => connection.command('PING').catch(() => undefined))
    const count = { runs: 0 }
    const run: typeof connection.run = (...args) => {
      count.runs += 1
      return connection.run(...args)
    }
    const answers = new Answers({ redis: { run }, clock, secret: Buffer.from('of the fleet'), reachable })
    const keep = async (key: string, text: string, bornAt: number, lifeMs = 60_000) => {
      // Its clock is learned from a question.
      await answers.find('venue', key)
      answers.keep('venue', key, text, bornAt, lifeMs)
    }
    return { answers, count, keep, find: (key: string) => answers.find('venue', key) }
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
    await a.keep('key', 'päper \u0000 ÿ', bornAt)
    await written(redis)
    await sleep(300)
    const found = await b.find('key')
    const ageMs = elsewhere.now() - (found?.bornAt ?? Number.NaN)
    expect(found?.text).toBe('päper \u0000 ÿ')
    expect(ageMs).toBeGreaterThanOrEqual(300)
    // It may seem older by the time that questions were on their way.
    expect(ageMs - (realClock.now() - bornAt)).toBeLessThan(100)
  })

  it('age while their writing waits in a frozen Redis, and are not there once their life is over', async () => {
    const redis = await server()
    const [a, b] = [await answersAt(redis), await answersAt(redis, elsewhere)]
    await a.find('long')
    redis.signal('SIGSTOP')
    const bornAt = realClock.now()
    a.answers.keep('venue', 'short', 'text', bornAt, 300)
    a.answers.keep('venue', 'long', 'text', bornAt, 60_000)
    await sleep(500)
    redis.signal('SIGCONT')
    await written(redis)
    const found = await soon(() => b.find('long'))
    expect(elsewhere.now() - found.bornAt).toBeGreaterThanOrEqual(500)
    expect(await b.find('short')).toBeUndefined()
  })

  it('are asked for once by all who ask at the same time', async () => {
    const redis = await server()
    const { answers, count } = await answersAt(redis)
    await Promise.all(Array.from({ length: 20 }, () => answers.find('venue', 'key')))
    expect(count.runs).toBe(1)
  })

  it('are not asked for again for a second after a question without an answer, nor while Redis is known to be away', async () => {
    const redis = await server()
    const { find, keep, count } = await answersAt(redis)
    await find('key')
    redis.signal('SIGSTOP')
    const since = realClock.now()
    expect(await find('key')).toBeUndefined()
    // 50 ms, and what a busy machine adds.
    expect(realClock.now() - since).toBeLessThan(1_000)
    expect(count.runs).toBe(2)
    for (let call = 0; call < 10; call += 1) await keep('key', 'text', realClock.now())
    expect(count.runs).toBe(2)
    redis.signal('SIGCONT')
    const away = await answersAt(redis, realClock, () => false)
    await away.keep('key', 'text', realClock.now())
    expect(away.count.runs).toBe(0)
  })

  it('are bounded in size, and leave half of the memory to the limits', async () => {
    const redis = await server(['--maxmemory', '64mb'])
    const { keep, find } = await answersAt(redis)
    await keep('large', 'x'.repeat(256 * 1024 + 1), realClock.now())
    await keep('small', 'x'.repeat(256 * 1024), realClock.now())
    expect((await soon(() => find('small'))).text).toHaveLength(256 * 1024)
    expect(keysIn(redis)).toHaveLength(1)
    const used = Number(/used_memory:(\d+)/.exec(redis.cli('INFO', 'memory'))?.[1])
    redis.cli('CONFIG', 'SET', 'maxmemory', String(Math.round(used * 1.9)))
    await keep('more', 'x', realClock.now())
    // Commands are answered in turn: what was sent before is done.
    await find('small')
    expect(keysIn(redis)).toHaveLength(1)
  })

  it('are passed over when they are not as weirs write them, or come from a clock that has gone back', async () => {
    const redis = await server()
    const { keep, find } = await answersAt(redis)
    await keep('key', 'text', realClock.now())
    const [name = ''] = await written(redis)
    for (const word of ['', 'nonsense', ' ', `${Date.now() + 60_000} text`]) {
      redis.cli('SET', name, word)
      expect(await find('key')).toBeUndefined()
    }
    redis.cli('DEL', name)
    redis.cli('LPUSH', name, 'a list')
    expect(await find('key')).toBeUndefined()
  })
})
