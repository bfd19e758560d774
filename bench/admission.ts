// `node bench/admission.ts`: what it takes to decide on one call, without sockets and without the journal: price it, take
// from its buckets, settle. With the shipped limits.yaml, a thousand buckets and as many remembered orders as are kept.

import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { normalPair } from '../src/classify/pair.ts'
import { loadRules } from '../src/config/load.ts'
import { type ClassifiedCall, newRecord } from '../src/core/call.ts'
import type { Clock } from '../src/core/clock.ts'
import { Presence } from '../src/core/presence.ts'
import { MemoryStore } from '../src/limit/memory.ts'
import { Pricer } from '../src/limit/price.ts'
import { Orders } from '../src/orders/ages.ts'

const HOST = 'api.kraken.com'
const ACCOUNTS = 333
const PAIRS = ['XBTUSD', 'ETHUSD']
const REMEMBERED = 100_000
const WARM_UP = 60_000
const CALLS = 300_000
/** Slow enough for every account to afford its next call: none is refused, all are settled. */
const STEP_MS = 20

let nowMs = 0
const clock: Clock = { now: () => nowMs, wall: () => nowMs, after: () => ({ cancel: () => {} }) }

const loaded = loadRules(readFileSync(join(import.meta.dirname, '..', 'limits.yaml'), 'utf8'), 'limits.yaml', {})
const host = loaded.ok ? loaded.rules.hosts.get(HOST) : undefined
if (host === undefined) throw new Error('limits.yaml does not know Kraken')

const orders = new Orders(clock)
const pricer = new Pricer(orders)
const store = new MemoryStore(clock, () => 1)
const kinds = ['Balance', 'AddOrder', 'CancelOrder', 'OpenOrders'] as const

for (let order = 0; order < REMEMBERED; order += 1) orders.placed(accountOf(order), pairOf(order), [`old-${order}`])

const took: number[] = []
let refused = 0
for (let index = 0; index < WARM_UP + CALLS; index += 1) {
  nowMs += STEP_MS
  const endpoint = kinds[Math.floor(index / ACCOUNTS) % kinds.length] ?? 'Balance'
  const call = callOf(endpoint, index)
  const since = performance.now()
  const takes = pricer.price(call)
  const { granted } = store.take(takes)
  if (granted) store.settle(takes, 'spent')
  if (index >= WARM_UP) took.push((performance.now() - since) * 1000)
  if (!granted) refused += 1
  if (endpoint === 'AddOrder') orders.placed(accountOf(index), pairOf(index), [`new-${index}`])
}

const sorted = Float64Array.from(took).sort()
const at = (share: number): string => (sorted[Math.floor((sorted.length - 1) * share)] ?? Number.NaN).toFixed(2)
process.stdout.write(
  `${took.length} calls, ${store.levels().length} buckets, ${REMEMBERED} orders told, ${refused} refused\n` +
    `p50 ${at(0.5)} µs, p99 ${at(0.99)} µs, p99.9 ${at(0.999)} µs\n`,
)

function accountOf(index: number): string {
  return `account-${index % ACCOUNTS}`
}

function pairOf(index: number): string {
  return normalPair(PAIRS[Math.floor(index / ACCOUNTS / kinds.length) % PAIRS.length]) ?? ''
}

/** Each account asks for its balance, places an order, cancels it, and looks what is open. */
function callOf(endpoint: (typeof kinds)[number], index: number): ClassifiedCall {
  const path = `/0/private/${endpoint}`
  const rule = host?.classify('POST', path)
  if (rule === undefined) throw new Error(`${path} has no class`)
  const account = accountOf(index)
  return {
    id: String(index),
    startedAt: nowMs,
    request: { method: 'POST', host: HOST, port: 443, target: path, path, query: '', headers: [], body: undefined },
    wishes: { maxWaitMs: undefined, priority: undefined, skipCache: false },
    bot: 'bench',
    presence: new Presence(),
    record: newRecord(),
    early: undefined,
    identity: { credential: account, account },
    rule,
    facts: {
      nonce: BigInt(index),
      pair: endpoint === 'AddOrder' ? pairOf(index) : undefined,
      orderIds: endpoint === 'CancelOrder' ? [`new-${index - ACCOUNTS}`] : [],
      params: new Map(),
      expiresAtWallMs: undefined,
    },
  }
}
