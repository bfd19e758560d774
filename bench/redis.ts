// `npm run bench:redis`: what it costs to share limits. Grants through the script on a redis-server of this machine, for one
// weir and for three, with 1, 16 and 64 calls asking at once, beside the same from memory.

import { setTimeout as sleep } from 'node:timers/promises'
import { realClock } from '../src/core/clock.ts'
import type { TokenBucketRule } from '../src/core/rules.ts'
import { MemoryStore } from '../src/limit/memory.ts'
import type { BucketStore, Take } from '../src/limit/store.ts'
import { openMember } from '../test/redis/rig.ts'
import { startRedis } from '../test/redis/server.ts'

const EXCHANGE = 'bench'
const SECONDS = 3
const IN_FLIGHT = [1, 16, 64]

/** Three buckets, as an order takes from; none ever binds. */
const takes: readonly Take[] = ['private', 'engine', 'domain'].map((name) => ({
  key: `{${EXCHANGE}}${name}`,
  cost: 1,
  rule: ruleOf(name),
}))

function ruleOf(name: string): TokenBucketRule {
  const title = { id: `${EXCHANGE}.${name}`, name, exchange: EXCHANGE, scopes: ['ip'], policy: '', label: '' } as const
  const numbers = { capacity: 1e7, refill: 1e6, margin: 0, lowerTiers: [], recoveryMs: 1000, adaptive: false }
  return { ...title, ...numbers, kind: 'bucket' }
}

/** Takes and settles, again and again, so many at once in each store. */
const load = async (stores: readonly BucketStore[], atOnce: number): Promise<readonly number[]> => {
  const tookMs: number[] = []
  const until = performance.now() + SECONDS * 1000
  const one = async (store: BucketStore): Promise<void> => {
    while (performance.now() < until) {
      const since = performance.now()
      const taken = await store.take(takes, { held: true })
      tookMs.push(performance.now() - since)
      if (taken.granted) store.settle(takes, 'spent', taken)
      else await sleep(Math.max(1, taken.waitMs))
      // A call lasts longer than this; without it, memory alone would never let anything else run.
      if (tookMs.length % 1000 === 0) await sleep(0)
    }
  }
  await Promise.all(stores.flatMap((store) => Array.from({ length: atOnce }, () => one(store))))
  return tookMs
}

const figures = (tookMs: readonly number[]): readonly string[] => {
  const sorted = Float64Array.from(tookMs).sort()
  const at = (share: number): string => (sorted[Math.floor(share * (sorted.length - 1))] ?? 0).toFixed(3)
  return [String(Math.round(tookMs.length / SECONDS)), at(0.5), at(0.99)]
}

const row = (...cells: readonly string[]): void => {
  process.stdout.write(
    `| ${cells[0]?.padEnd(16)} | ${cells
      .slice(1)
      .map((cell) => cell.padStart(10))
      .join(' | ')} |\n`,
  )
}

const server = await startRedis()
const weirs = [1, 2, 3].map((weir) => openMember(server.url, `bench-${weir}`))
await Promise.all(weirs.map((weir) => weir.together(EXCHANGE)))
const shared = weirs.map(({ store }) => store)
const asked = (): number => weirs.reduce((sum, weir) => sum + weir.asked(), 0)

row('', 'at once', 'grants/s', 'p50 ms', 'p99 ms', 'asked/grant')
row('---', ...IN_FLIGHT.map(() => '---:'), '---:', '---:')
const memory = new MemoryStore(realClock, () => 1)
for (const [name, stores] of [
  ['memory', [memory]],
  ['one weir', shared.slice(0, 1)],
  ['three weirs', shared],
] as const) {
  for (const atOnce of IN_FLIGHT) {
    const before = asked()
    const tookMs = await load(stores, atOnce)
    row(name, String(atOnce * stores.length), ...figures(tookMs), ((asked() - before) / tookMs.length).toFixed(2))
  }
}
await Promise.allSettled(weirs.map((weir) => weir.close()))
await server[Symbol.asyncDispose]()
