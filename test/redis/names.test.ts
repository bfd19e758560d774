// The names that others read in Redis, as two real weirs write them; and that nothing secret is among them.

import { setTimeout as sleep } from 'node:timers/promises'
import { expect, it } from 'vitest'
import { krakenError, tooManyRequests } from '../support/exchange/faults.ts'
import { advancedGet, exchangeGet, krakenPoster } from '../system/sign.ts'
import { openPair, soon } from './pair.ts'
import type { RedisServer } from './server.ts'

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
  timeout: 60_000,
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

  await soon(() => (stream(redis, 'events:rate_limits').length >= 2 ? true : undefined), 5_000)
  await sleep(2_500)

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

  const alert = await soon(() => stream(redis, 'events:alerts').find(({ rule }) => rule === 'violations'), 8_000)
  const subject = expect.stringMatching(/^(kraken|coinbase)\./)
  expect(alert).toMatchObject({ status: 'firing', severity: 'critical', subject })

  const metrics = hash(redis, 'metrics:rate_limits')
  expect(Number(metrics.utilization)).toBeGreaterThan(0)
  expect(Number(metrics.available_tokens)).not.toBeNaN()
  expect(Math.abs(Number(metrics.timestamp) - Date.now() / 1000)).toBeLessThan(5)
  expect(metrics).toHaveProperty(['kraken.private:available_tokens'])

  const counts = ['api_429_errors:last_5min', 'cache_hits:last_5min', 'cache_misses:last_5min']
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
