// `node bench/admission.ts`: what it takes to decide on one call, without sockets and without the journal: price it, let it
// through its lane to its buckets, settle. With the shipped limits.yaml, a thousand buckets and a hundred thousand remembered
// orders; and how much memory these are.

import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { loadRules } from '../src/config/load.ts'
import { type ClassifiedCall, newRecord } from '../src/core/call.ts'
import type { Clock } from '../src/core/clock.ts'
import { Presence } from '../src/core/presence.ts'
import { ServerClocks } from '../src/core/server-clock.ts'
import { admit } from '../src/limit/admit.ts'
import { Lanes } from '../src/limit/lanes.ts'
import { MemoryStore } from '../src/limit/memory.ts'
import { Pricer } from '../src/limit/price.ts'
import { freeAfterMs, Orders } from '../src/orders/ages.ts'

const HOST = 'api.kraken.com'
const ACCOUNTS = 250
const PAIRS = ['XBT/USD', 'ETH/USD']
const REMEMBERED = 100_000
const WARM_UP = 60_000
const CALLS = 300_000
/** Slow enough for every account to afford its next call: none has to wait. */
const STEP_MS = 20

let nowMs = 0.25
const clock: Clock = { now: () => nowMs, wall: () => nowMs, after: () => ({ cancel: () => {} }) }

const loaded = loadRules(readFileSync(join(import.meta.dirname, '..', 'limits.yaml'), 'utf8'), 'limits.yaml', {})
if (!loaded.ok) throw new Error('limits.yaml has mistakes')
const host = loaded.rules.hosts.get(HOST)

const lastStepMs = freeAfterMs(loaded.rules)
const orders = new Orders(clock, () => lastStepMs)
const pricer = new Pricer(orders)
const store = new MemoryStore(clock, () => 1)
const lanes = new Lanes({ store, clock, maxQueueBytes: () => 1e6, tell: () => {} })
const deps = { lanes, pricer, store, serverClocks: new ServerClocks(clock) }
const kinds = ['Balance', 'AddOrder', 'CancelOrder', 'OpenOrders'] as const

setFlagsFromString('--expose-gc')
const collectGarbage = runInNewContext('gc') as () => void
const heapBytes = (): number => {
  collectGarbage()
  return process.memoryUsage().heapUsed
}

const without = heapBytes()
for (let order = 0; order < REMEMBERED; order += 1) {
  nowMs += 0.37
  orders.placed(accountOf(order), pairOf(order), [`OQCLML-BW3P3-${order}`, `9b2c1d3e-4f5a-6b7c-8d9e-${order}`])
}
const bytesEach = (heapBytes() - without) / REMEMBERED

const took: number[] = []
let held = 0
for (let index = 0; index < WARM_UP + CALLS; index += 1) {
  nowMs += STEP_MS
  const endpoint = kinds[Math.floor(index / ACCOUNTS) % kinds.length] ?? 'Balance'
  const call = callOf(endpoint, index)
  const since = performance.now()
  const pass = await admit(deps, call, pricer.price(call))
  pass.close('spent', true)
  if (index >= WARM_UP) took.push((performance.now() - since) * 1000)
  if (pass.waitedMs > 0) held += 1
  if (endpoint === 'AddOrder') orders.placed(accountOf(index), pairOf(index), [`new-${index}`])
}

const sorted = Float64Array.from(took).sort()
const at = (share: number): string => (sorted[Math.floor((sorted.length - 1) * share)] ?? Number.NaN).toFixed(2)
process.stdout.write(
  `${took.length} calls, ${store.levels().length} buckets, ${REMEMBERED} orders told, ${held} held back\n` +
    `p50 ${at(0.5)} µs, p99 ${at(0.99)} µs, p99.9 ${at(0.999)} µs\n` +
    `${bytesEach.toFixed(0)} bytes for an order with a txid and a cl_ord_id\n` +
    `CancelAll of an account with ${REMEMBERED} orders: ${cancelAllMicros().toFixed(1)} µs\n`,
)

/** The median of pricing a CancelAll, where all but ten orders are too old to cost anything. */
function cancelAllMicros(): number {
  for (let order = 0; order < REMEMBERED; order += 1) orders.placed('crowded', 'XBT/USD', [`crowd-${order}`])
  nowMs += lastStepMs
  for (let order = 0; order < 10; order += 1) orders.placed('crowded', 'XBT/USD', [`young-${order}`])
  const call = callOf('CancelAll', 0)
  const times: number[] = []
  for (let index = 0; index < 1000; index += 1) {
    const since = performance.now()
    pricer.price({ ...call, identity: { credential: 'crowded', account: 'crowded' } })
    times.push((performance.now() - since) * 1000)
  }
  return times.toSorted((a, b) => a - b)[500] ?? Number.NaN
}

function accountOf(index: number): string {
  return `account-${index % ACCOUNTS}`
}

function pairOf(index: number): string {
  return PAIRS[Math.floor(index / ACCOUNTS / kinds.length) % PAIRS.length] ?? ''
}

/** Each account asks for its balance, places an order, cancels it, and looks what is open. */
function callOf(endpoint: (typeof kinds)[number] | 'CancelAll', index: number): ClassifiedCall {
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
