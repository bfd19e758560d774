// The names that others read in Redis, as two real weirs write them; and that nothing secret is among them.

import { describe, expect, it, onTestFinished } from 'vitest'
import type { WeirEvent } from '../../src/core/events.ts'
import { parseAddress } from '../../src/redis/address.ts'
import { connect } from '../../src/redis/connection.ts'
import { Names } from '../../src/redis/names.ts'
import { anAutopsy } from '../support/autopsy.ts'
import { aCall, aVerdict } from '../support/build.ts'
import { krakenError, tooManyRequests } from '../support/exchange/faults.ts'
import { FakeClock, settled } from '../support/fake-clock.ts'
import { advancedGet, exchangeGet, krakenPoster } from '../system/sign.ts'
import { openPair, soon } from './pair.ts'
import { patientClock } from './rig.ts'
import { type RedisServer, startRedis } from './server.ts'

const ORDER = { pair: 'XBTUSD', type: 'buy', ordertype: 'limit', volume: '0.27182818', price: '31415.9' }

const lines = (text: string): readonly string[] => (text === '' ? [] : text.split('\n'))

/** A hash as an object. */
const hash = (redis: RedisServer, key: string): Record<string, string> => {
  const rows = lines(redis.cli('HGETALL', key))
  return Object.fromEntries(rows.flatMap((row, index) => (index % 2 === 0 ? [[row, rows[index + 1] ?? '']] : [])))
}

/** Entries of a stream, oldest first, each as its fields. */
const stream = (redis: RedisServer, key: string): readonly Record<string, string>[] => {
  const raw = JSON.parse(redis.cli('--json', 'XRANGE', key, '-', '+')) as [string, string[]][]
  return raw.map(([, rows]) =>
    Object.fromEntries(rows.flatMap((row, index) => (index % 2 === 0 ? [[row, rows[index + 1] ?? '']] : []))),
  )
}

it('what two weirs write is there under the promised names, of both together, and nothing of it is secret', {
  timeout: 120_000,
}, async () => {
  const { exchange, redis, one, other } = await openPair()
  const key = exchange.krakenKey('names')
  const advanced = exchange.coinbaseKey('names')
  const profile = exchange.coinbaseExchangeKey('names')
  const post = krakenPoster(key)
  for (const { bot } of [one, other]) {
    for (let twice = 0; twice < 2; twice += 1) await bot.send({ path: '/0/public/Assets' })
    await bot.send(post('Balance', { otp: 'otp-9e107d9d' }))
    await bot.send(advancedGet(advanced, 'accounts'))
    await bot.send(exchangeGet(profile, '/accounts'))
  }
  const placed = await one.bot.send(post('AddOrder', { ...ORDER, cl_ord_id: 'mine-c4ca4238' }))
  const [txid = ''] = (placed.json as { result?: { txid?: string[] } }).result?.txid ?? []
  exchange.fault({ ...krakenError('EAPI:Rate limit exceeded'), path: /Balance/ })
  await other.bot.send(post('Balance'))
  exchange.fault({ ...tooManyRequests(), host: 'api.coinbase.com' })
  await one.bot.send(advancedGet(advanced, 'accounts'))

  // Both weirs write once a second, and each lays its own over the other's.
  const counts = ['api_429_errors:last_5min', 'cache_hits:last_5min', 'cache_misses:last_5min']
  await soon(() => {
    const { global = '{}', circuits = '{}' } = hash(redis, 'kraken:rate_limits')
    const whole = counts.every((name) => redis.cli('GET', name) === '2')
    const opened = stream(redis, 'events:circuit_breakers').some(({ name }) => name === 'api.coinbase.com')
    return (whole && opened && JSON.parse(global).violations === 1 && circuits.includes('api.kraken.com')) || undefined
  }, 15_000)

  const limits = hash(redis, 'kraken:rate_limits')
  expect(Object.keys(limits).toSorted()).toEqual(['buckets', 'circuits', 'global', 'ts'])
  expect(Number(redis.cli('TTL', 'kraken:rate_limits'))).toBeGreaterThan(3_590)
  expect(Math.abs(Number(limits.ts) - Date.now() / 1000)).toBeLessThan(5)
  const buckets = JSON.parse(limits.buckets ?? '')
  const shared = Object.keys(buckets).filter((name) => name.startsWith('kraken.private/'))
  expect(shared).toHaveLength(1)
  expect(buckets[shared[0] ?? '']).toMatchObject({ capacity: 15 })
  expect(JSON.parse(limits.circuits ?? '')['api.kraken.com']).toMatchObject({ state: 'closed' })
  expect(JSON.parse(limits.global ?? '')).toMatchObject({ violations: 1, '429_errors_last_5min': 2 })

  const scope = shared[0]?.split('/')[1] ?? ''
  const [tokens, ts] = ['tokens', 'ts'].map((end) => Number(redis.cli('GET', `rl:{kraken}private:${scope}:${end}`)))
  expect(tokens).toBeLessThan(15)
  expect(ts).toBeGreaterThan(Date.now() - 60_000)

  const violations = stream(redis, 'events:rate_limits').filter(({ type }) => type === 'violation')
  const [violation] = violations.filter(({ endpoint }) => endpoint === 'kraken.private')
  expect(violation).toMatchObject({ violation_count: '1', bucket: 'kraken.private' })
  expect(Math.abs(Number(violation?.timestamp) - Date.now() / 1000)).toBeLessThan(30)
  const changes = stream(redis, 'events:circuit_breakers').filter(({ name }) => name === 'api.coinbase.com')
  expect(changes[0]).toMatchObject({ old_state: 'closed', new_state: 'open' })
  expect(Math.abs(Number(changes[0]?.timestamp) - Date.now() / 1000)).toBeLessThan(30)

  const alert = await soon(() => stream(redis, 'events:alerts').find(({ rule }) => rule === 'violations'), 15_000)
  const subject = expect.stringMatching(/^(kraken|coinbase)\./)
  expect(alert).toMatchObject({ status: 'firing', severity: 'critical', subject })

  const metrics = hash(redis, 'metrics:rate_limits')
  expect(Number(metrics.utilization)).toBeGreaterThan(0)
  expect(Number(metrics.available_tokens)).not.toBeNaN()
  expect(Math.abs(Number(metrics.timestamp) - Date.now() / 1000)).toBeLessThan(5)
  expect(metrics).toHaveProperty(['kraken.private:available_tokens'])

  expect(counts.map((name) => redis.cli('GET', name))).toEqual(['2', '2', '2'])
  for (const name of counts) expect(Number(redis.cli('TTL', name))).toBeGreaterThan(290)

  const dump = lines(redis.cli('--scan')).map((name) => `${name} ${redis.cli(...read(redis, name))}`)
  // The search would find what is there.
  expect(dump.some((text) => text.startsWith('weir:orders') && text.includes(scope))).toBe(true)
  const secrets = [
    ...[key.key, key.secret, advanced.name, advanced.pem, profile.key, profile.secret, profile.passphrase],
    ...['otp-9e107d9d', '0.27182818', '31415.9', 'mine-c4ca4238', txid],
  ]
  expect(secrets.every((secret) => secret.length >= 6)).toBe(true)
  expect(secrets.filter((secret) => dump.some((text) => text.includes(secret)))).toEqual([])
})

describe('what happens while Redis does not answer', { timeout: 30_000 }, () => {
  /** Names of one weir, of whose questions some get lost on their way (`unsaid`) and some are answered in vain (`unheard`). */
  const openNames = async () => {
    const redis = await startRedis()
    onTestFinished(() => redis[Symbol.asyncDispose]())
    const connection = connect(parseAddress(redis.url), patientClock)
    onTestFinished(() => connection.close())
    await soon(() => connection.command('PING').catch(() => undefined))
    const lost = { unsaid: [] as string[], unheard: [] as string[] }
    const asked: string[] = []
    /** What happens while a question is under way. */
    const meanwhile: Record<string, () => unknown> = {}
    const run: typeof connection.run = async (script, keys, args) => {
      const [question = ''] = args
      asked.push(question)
      if (lost.unsaid.includes(question)) throw new Error('the message is lost')
      const answer = await connection.run(script, keys, args)
      await meanwhile[question]?.()
      if (lost.unheard.includes(question)) throw new Error('the reply is lost')
      return answer
    }
    const clock = new FakeClock()
    const quiet = { calls: 0, refused: 0, limited: 0, throttled: 0, cacheHits: 0, stale: 0, cacheMisses: 0 }
    const names = new Names({
      redis: { ...connection, run },
      clock,
      me: 'one',
      exchanges: () => ['kraken'],
      exchangeOf: () => 'kraken',
      limits: () => [],
      breakers: () => [],
      lately: () => quiet,
    })
    names.start()
    onTestFinished(() => names.stop())
    /** Lets seconds pass until it is so. */
    const until = (isSo: () => boolean): Promise<true> =>
      soon(() => {
        clock.advance(1_000)
        return isSo() || undefined
      }, 10_000)
    return { redis, lost, asked, meanwhile, names, until }
  }

  const changed = (reason: string): WeirEvent => {
    const openForMs = undefined
    return { type: 'breaker.changed', host: 'api.kraken.com', from: 'closed', to: 'open', reason, openForMs }
  }

  const violated: WeirEvent = {
    type: 'limit.violated',
    exchange: 'kraken',
    bucket: 'kraken.private',
    call: aCall(),
    verdict: aVerdict('throttled'),
    autopsy: anAutopsy(),
  }

  it('is told when it answers again: each event once, and counted once, also where only the reply was lost', async () => {
    const { redis, lost, names, until } = await openNames()
    const count = () => redis.cli('GET', 'rl:{kraken}violations')
    lost.unsaid = ['count', 'append']
    for (let times = 0; times < 2; times += 1) names.observer(violated)
    names.observer(changed('http 502'))
    await until(() => redis.cli('EXISTS', 'kraken:rate_limits') === '1')
    expect(redis.cli('EXISTS', 'rl:{kraken}violations', 'events:rate_limits', 'events:circuit_breakers')).toBe('0')
    Object.assign(lost, { unsaid: [], unheard: ['count'] })
    await until(() => count() === '2')
    names.observer(violated)
    await until(() => count() === '3')
    lost.unheard = ['append']
    await until(() => stream(redis, 'events:rate_limits').length === 3)
    lost.unheard = []
    names.observer(violated)
    names.observer(changed('http 503'))
    await until(() =>
      ['events:circuit_breakers', 'events:rate_limits'].every((name, at) => stream(redis, name).length >= 2 + 2 * at),
    )
    expect(stream(redis, 'events:rate_limits').map((event) => event.violation_count)).toEqual(['1', '2', '3', '4'])
    expect(stream(redis, 'events:circuit_breakers').map(({ reason }) => reason)).toEqual(['http 502', 'http 503'])
  })

  // The list of what is counted was the one that grows: what came before the reply was told with it, and again a second later.
  it('is told once where it happens while others are being counted', async () => {
    const { redis, meanwhile, names, until } = await openNames()
    meanwhile.count = () => {
      delete meanwhile.count
      names.observer(violated)
    }
    names.observer(violated)
    await until(() => redis.cli('GET', 'rl:{kraken}violations') === '2')
    await until(() => stream(redis, 'events:rate_limits').length >= 2)
    await names.stop()
    expect(stream(redis, 'events:rate_limits').map((event) => event.violation_count)).toEqual(['1', '2'])
  })

  // A weir that stopped while it wrote, wrote the same again beside it: a violation was told twice.
  it('is told once where a weir stops while it is written', async () => {
    const { redis, asked, meanwhile, names, until } = await openNames()
    const writes = () => asked.filter((question) => question === 'lately').length
    const gate = Promise.withResolvers<void>()
    onTestFinished(() => gate.resolve())
    meanwhile.count = () => gate.promise
    names.observer(violated)
    await until(() => asked.includes('count'))
    const [before, stopped] = [writes(), names.stop()]
    await settled()
    expect(writes()).toBe(before)
    gate.resolve()
    await stopped
    expect(writes()).toBe(before + 1)
    expect(stream(redis, 'events:rate_limits')).toHaveLength(1)
  })

  it('and what happens just before a weir stops, is told before it is gone', async () => {
    const { redis, names } = await openNames()
    names.observer(changed('http 502'))
    await names.stop()
    expect(stream(redis, 'events:circuit_breakers')).toMatchObject([{ reason: 'http 502' }])
  })

  it('is kept within bounds, the newest of it, and what is dropped is counted all the same', async () => {
    const { redis, lost, names, until } = await openNames()
    lost.unsaid = ['count', 'append']
    for (let times = 1; times <= 250; times += 1) {
      names.observer(changed(`${times}`))
      names.observer(violated)
    }
    await until(() => redis.cli('EXISTS', 'kraken:rate_limits') === '1')
    lost.unsaid = []
    // What nobody reads does not grow for ever: some ten thousand entries are kept, and whole blocks of a hundred dropped.
    const many = "for _ = 1, 12000 do redis.call('XADD', KEYS[1], '*', 'a', 'b') end"
    redis.cli('EVAL', many, '1', 'events:rate_limits')
    await until(() => stream(redis, 'events:circuit_breakers').length > 0)
    expect(Number(redis.cli('XLEN', 'events:rate_limits'))).toBeLessThanOrEqual(10_100)
    expect(stream(redis, 'events:circuit_breakers').map(({ reason }) => reason)).toEqual(
      Array.from({ length: 200 }, (_, index) => `${index + 51}`),
    )
    expect(stream(redis, 'events:rate_limits').at(-1)).toMatchObject({ violation_count: '250' })
    expect(redis.cli('GET', 'rl:{kraken}violations')).toBe('250')
  })
})

/** How a key of any type is read as a whole. */
const read = (redis: RedisServer, name: string): readonly string[] => {
  const type = redis.cli('TYPE', name)
  const commands: Readonly<Record<string, readonly string[]>> = {
    string: ['GET', name],
    hash: ['HGETALL', name],
    set: ['SMEMBERS', name],
    zset: ['ZRANGE', name, '0', '-1', 'WITHSCORES'],
    list: ['LRANGE', name, '0', '-1'],
    stream: ['XRANGE', name, '-', '+'],
  }
  const command = commands[type]
  if (command === undefined) throw new Error(`a key of type ${type}`)
  return command
}
