// `weir doctor` of a weir that shares its limits: is Redis there, and does it keep what it is given?

import { afterAll, beforeAll, expect, it, onTestFinished } from 'vitest'
import { at, runCli } from '../launch/launch.ts'
import { type RedisServer, startRedis } from '../redis/server.ts'
import { type Exchange, startExchange } from '../support/exchange/exchange.ts'
import { startWeir, type Weir } from '../support/weir.ts'

const LIMITS = `
exchanges:
  kraken:
    hosts: [api.kraken.com]
    dialect: kraken
    probe: /0/public/SystemStatus
    buckets:
      public: { per: ip, capacity: 100, refill: 10/s }
    classes:
      public: { match: "GET /0/public/*", kind: read, cost: { public: 1 } }
    default: { kind: write, cost: { public: 1 } }
`
const PATIENCE = { timeout: 100_000 }

let exchange: Exchange

beforeAll(async () => {
  exchange = await startExchange()
})

afterAll(() => exchange.close())

const together = async (
  ...settings: readonly string[]
): Promise<{ readonly redis: RedisServer; readonly weir: Weir }> => {
  const redis = await startRedis(settings)
  onTestFinished(() => redis[Symbol.asyncDispose]())
  const weir = await startWeir({ exchange, config: LIMITS, args: ['--redis', redis.url] })
  onTestFinished(() => weir[Symbol.asyncDispose]())
  await weir.logged(/^limits are shared/)
  return { redis, weir }
}

/** What is said of Redis and of it all; not its first words, for on a busy machine Redis is sometimes away for a moment. */
const expectSaid = (weir: Weir) =>
  expect.poll(
    async () => {
      const { status, stdout, stderr } = await runCli(['doctor', '--json', ...at(weir)])
      if (!stdout.startsWith('{')) throw new Error(stdout + stderr)
      const { findings } = JSON.parse(stdout) as { findings: { subject: string; verdict: string; says: string }[] }
      const { verdict = '', says = '' } = findings.find(({ subject }) => subject === 'redis') ?? {}
      return `${status}: ${verdict}: ${says}`
    },
    { timeout: 40_000, interval: 200 },
  )

it('says that Redis answers', PATIENCE, async () => {
  const { redis, weir } = await together()
  await expectSaid(weir).toBe(`0: well: redis://127.0.0.1:${redis.port} answers, 1 together`)
})

it('says that Redis is away, and what weir lives on; it is no reason to fail, for weir goes on', PATIENCE, async () => {
  const { redis, weir } = await together()
  await redis.kill()
  await expectSaid(weir).toMatch(/^0: doubtful: redis:\/\/127\.0\.0\.1:\d+ is away \(.+\): on a share of 100 %$/)
})

it('says when Redis may drop what was spent, and when it will', PATIENCE, async () => {
  const { redis, weir } = await together('--maxmemory-policy', 'volatile-lru')
  await expectSaid(weir).toMatch(
    /^0: well: .* 1 together; it may drop keys .*\(maxmemory-policy volatile-lru\): set it to noeviction$/,
  )
  redis.cli('CONFIG', 'SET', 'maxmemory', '100mb')
  const stoppedAt = Date.now()
  redis.signal('SIGSTOP')
  await weir.logged(/^Redis is away/, stoppedAt)
  redis.signal('SIGCONT')
  await expectSaid(weir).toMatch(
    /^0: doubtful: .* 1 together; it drops keys .*\(maxmemory-policy volatile-lru\): set it to noeviction$/,
  )
})
