// How a weir joins a fleet, and when it says that it can not.

import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import { AddressError, parseAddress, shownOf } from '../../src/redis/address.ts'
import { startExchange } from '../support/exchange/exchange.ts'
import { shippedLimits, startWeir, type Weir } from '../support/weir.ts'
import { openClient } from '../system/client.ts'
import { exchangeGet } from '../system/sign.ts'
import { refusal } from './refusal.ts'
import { freePort, type RedisServer, startRedis } from './server.ts'

const PASSWORD = 'hunter2-correct-horse'

const redisFor = async (...settings: string[]): Promise<RedisServer> => {
  const redis = await startRedis(settings)
  onTestFinished(() => redis[Symbol.asyncDispose]())
  return redis
}

const home = async (): Promise<string> => {
  const directory = await mkdtemp(join(tmpdir(), 'weir-joins-'))
  onTestFinished(() => rm(directory, { recursive: true, force: true }))
  return directory
}

const weirAt = async (url: string, stateDir: string, config?: string): Promise<Weir> => {
  const exchange = await startExchange()
  onTestFinished(() => exchange.close())
  const weir = await startWeir({
    exchange,
    stateDir,
    args: ['--redis', url],
    ...(config === undefined ? {} : { config }),
  })
  onTestFinished(() => weir[Symbol.asyncDispose]())
  return weir
}

describe('an address of Redis', () => {
  it.each([
    ['redis://127.0.0.1', { form: 'one', nodes: [{ host: '127.0.0.1', port: 6379 }], tls: false, db: 0 }],
    ['rediss://user:p%40ss@redis.example:7000/3', { tls: true, username: 'user', password: 'p@ss', db: 3 }],
    ['redis://:only@[::1]:7000', { username: undefined, password: 'only', nodes: [{ host: '::1', port: 7000 }] }],
    [
      'redis://a:1,b:2,c',
      {
        form: 'cluster',
        nodes: [
          { host: 'a', port: 1 },
          { host: 'b', port: 2 },
          { host: 'c', port: 6379 },
        ],
      },
    ],
    [
      'redis+sentinel://s1,s2:5/main',
      {
        form: 'sentinel',
        master: 'main',
        nodes: [
          { host: 's1', port: 26379 },
          { host: 's2', port: 5 },
        ],
      },
    ],
  ])('is read: %s', (text, expected) => {
    expect(parseAddress(text)).toMatchObject(expected)
  })

  it.each([
    `http://x:${PASSWORD}@h`,
    `redis://u:${PASSWORD}@`,
    `redis://u:${PASSWORD}@h:1/db`,
    `redis+sentinel://u:${PASSWORD}@h`,
    `redis://u:${PASSWORD}@more@h`,
    `redis://u:${PASSWORD}%@h`,
    `redis://%zz:${PASSWORD}@h`,
  ])('that is none is refused without a word of what was given', (text) => {
    expect(() => parseAddress(text)).toThrow(AddressError)
    try {
      parseAddress(text)
    } catch (error) {
      expect(String(error)).not.toContain(PASSWORD)
    }
  })

  it('says how a % in a password is written', () => {
    expect(() => parseAddress(`redis://u:100%${PASSWORD}@h`)).toThrow('must be written %25')
    expect(parseAddress(`redis://u:100%25${PASSWORD}@h`).password).toBe(`100%${PASSWORD}`)
  })

  it('is shown without what opens it', () => {
    expect(shownOf(parseAddress(`rediss://me:${PASSWORD}@a:1,b:2`))).toBe('rediss://a:1,b:2')
  })
})

describe('a weir that is to join others', { timeout: 90_000 }, () => {
  it('does not start for the first time when Redis is out of reach: nobody else would hash keys as it does', async () => {
    const said = await refusal(`redis://user:${PASSWORD}@127.0.0.1:${await freePort()}`, await home())
    expect(said).toMatch(
      /can not start: redis:\/\/127\.0\.0\.1:\d+ can not be used \(.*\), and this weir has never met/,
    )
    expect(said).not.toContain(PASSWORD)
  })

  it('starts without Redis once it knows the others, waits for its share, and joins them when Redis is back', async () => {
    const redis = await redisFor()
    const stateDir = await home()
    const first = await weirAt(redis.url, stateDir)
    await first.logged(/^limits are shared/)
    const secret = redis.cli('GET', 'weir:secret')
    await first.stop()
    await redis.kill()
    const second = await weirAt(redis.url, stateDir)
    await second.logged(/^Redis is away: this weir has no share/)
    const away = await fetch(`${second.admin}/ready`)
    expect([away.status, await away.text()]).toEqual([503, 'the common store is away\n'])
    await redis.start()
    await second.logged(/^limits are shared/)
    expect((await fetch(`${second.admin}/ready`)).status).toBe(200)
    // The emptied server got the secret of the fleet back, so that the next weir hashes keys alike.
    expect(redis.cli('GET', 'weir:secret')).toBe(secret)
  })

  // The secret was given back only when Redis had been away for a second: a new weir made up another meanwhile, and hashed the
  // same keys into buckets of its own.
  it('gives a Redis that was emptied in a moment the secret back', async () => {
    const redis = await redisFor()
    const weir = await weirAt(redis.url, await home())
    await weir.logged(/^limits are shared/)
    const secret = redis.cli('GET', 'weir:secret')
    expect(secret).toMatch(/^[0-9a-f]{64}$/)
    redis.cli('FLUSHALL')
    await expect.poll(() => redis.cli('GET', 'weir:secret'), { timeout: 5_000 }).toBe(secret)
  })

  it('hashes a key as the others do, and knows its budget by that', async () => {
    const redis = await redisFor()
    const exchange = await startExchange()
    onTestFinished(() => exchange.close())
    const key = exchange.coinbaseExchangeKey('one')
    const hashes: unknown[] = []
    for (const _ of [1, 2]) {
      const weir = await startWeir({ exchange, args: ['--redis', redis.url] })
      onTestFinished(() => weir[Symbol.asyncDispose]())
      await weir.logged(/^limits are shared/)
      const client = openClient(weir)
      await client.send(exchangeGet(key, '/accounts'))
      client.close()
      const { calls } = (await (await fetch(`${weir.admin}/v1/recent`)).json()) as { calls: { credential: string }[] }
      hashes.push(calls.at(-1)?.credential)
    }
    expect(hashes[0]).toMatch(/^[0-9a-f]{16}$/)
    expect(hashes[1]).toBe(hashes[0])
    const keys = redis.cli('KEYS', '*').split('\n')
    expect(keys).toContain(`rl:{coinbase_exchange}private:${String(hashes[0])}:tokens`)
    expect(keys.join('\n')).not.toContain(key.key)
  })

  it('sends nothing that is held before it has a share', async () => {
    const redis = await redisFor()
    const stateDir = await home()
    const exchange = await startExchange()
    onTestFinished(() => exchange.close())
    const start = async (): Promise<Weir> => {
      const weir = await startWeir({ exchange, stateDir, args: ['--redis', redis.url] })
      onTestFinished(() => weir[Symbol.asyncDispose]())
      return weir
    }
    const first = await start()
    await first.logged(/^limits are shared/)
    await first.stop()
    await redis.kill()
    const client = openClient(await start())
    onTestFinished(() => client.close())
    const answer = await client.send({ path: '/0/public/Time', headers: { 'X-Weir-Max-Wait': '500ms' } })
    expect(answer.decision).toBe('refused')
    expect(exchange.calls).toEqual([])
  })

  it('does not start on a Redis that drops keys when its memory is full: a bucket that is gone is a full one', async () => {
    const redis = await redisFor('--maxmemory', '100mb', '--maxmemory-policy', 'allkeys-lru')
    expect(await refusal(redis.url, await home())).toMatch(/maxmemory-policy allkeys-lru\): set it to noeviction/)
  })

  it('warns of a Redis that would drop keys, at its start and of another that takes its place', async () => {
    const redis = await redisFor('--maxmemory-policy', 'volatile-lru')
    const weir = await weirAt(redis.url, await home())
    await weir.logged(
      /^Redis may drop keys if maxmemory is ever set \(maxmemory-policy volatile-lru\): set it to noeviction$/,
    )
    await weir.logged(/^limits are shared/)
    redis.cli('CONFIG', 'SET', 'maxmemory-policy', 'allkeys-lru')
    redis.cli('CONFIG', 'SET', 'maxmemory', '100mb')
    const stoppedAt = Date.now()
    redis.signal('SIGSTOP')
    await weir.logged(/^Redis is away/, stoppedAt)
    redis.signal('SIGCONT')
    await weir.logged(
      /^Redis drops keys when its memory is full \(maxmemory-policy allkeys-lru\): set it to noeviction$/,
    )
    expect(weir.lines().filter(({ msg }) => msg.includes('maxmemory-policy'))).toHaveLength(2)
  })

  it('says once that Redis keeps its settings to itself, and goes on', async () => {
    const redis = await redisFor()
    redis.cli('ACL', 'SETUSER', 'bot', 'on', `>${PASSWORD}`, '~*', '&*', '+@all', '-config')
    const weir = await weirAt(redis.url.replace('//', `//bot:${PASSWORD}@`), await home())
    await weir.logged(/^limits are shared/)
    expect(weir.lines().filter(({ msg }) => msg.includes('maxmemory-policy'))).toHaveLength(1)
    expect(weir.logs()).not.toContain(PASSWORD)
  })

  it('sends nothing that is held while Redis is away, where that is asked for', async () => {
    const redis = await redisFor()
    const config = await shippedLimits({ 'on_store_failure: share': 'on_store_failure: closed' })
    const weir = await weirAt(redis.url, await home(), config)
    await weir.logged(/^limits are shared/)
    const client = openClient(weir)
    onTestFinished(() => client.close())
    const ask = () =>
      client.send({ path: '/0/public/Time', headers: { 'X-Weir-Max-Wait': '500ms', 'X-Weir-Cache': 'skip' } })
    // Where the processor has other things to do, Redis may be too slow for a first call.
    await expect.poll(async () => (await ask()).decision, { timeout: 15_000 }).toBe('forwarded')
    await redis.kill()
    await weir.logged(/^Redis is away: nothing that is held is sent/)
    expect((await ask()).decision).toBe('refused')
    expect((await fetch(`${weir.admin}/ready`)).status).toBe(503)
    expect((await fetch(`${weir.admin}/health`)).status).toBe(200)
  })
})
