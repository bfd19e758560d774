// `node bench/starting.ts`: what a start takes that finds a hundred thousand orders in its state file: opened, looked over, and
// learned again. And what it takes to keep one while weir runs.

import { mkdtempSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { realClock } from '../src/core/clock.ts'
import { type OrderNews, Orders } from '../src/orders/ages.ts'
import { Database } from '../src/state/database.ts'

const ACCOUNT = '1f0c9a8b7c6d5e4f'
const PAIRS = ['XBT/USD', 'ETH/USD', 'SOL/USD']
const ORDERS = 100_000
/** Nearly all of so many were placed long ago. */
const PLACED_AGO_MS = 3_600_000
/** What is gathered in a fifth of a second of a busy day. */
const AT_ONCE = 20
const STARTS = 9

const directory = mkdtempSync(join(tmpdir(), 'weir-starting-'))
try {
  const kept = cpuMs(fill)
  const megabytes = statSync(join(directory, 'weir.db')).size / 1e6
  print(`kept ${ORDERS} orders: ${((kept * 1000) / ORDERS).toFixed(1)} µs CPU each, ${megabytes.toFixed(1)} MB`)
  const starts: { readonly ms: number; readonly cpu: number }[] = []
  for (let start = 0; start < STARTS; start += 1) {
    const since = performance.now()
    const cpu = cpuMs(restore)
    starts.push({ ms: performance.now() - since, cpu })
  }
  const middle = (of: readonly number[]): string => [...of].sort((a, b) => a - b)[STARTS >> 1]?.toFixed(0) ?? '?'
  const [ms, cpu] = [middle(starts.map((start) => start.ms)), middle(starts.map((start) => start.cpu))]
  print(`started with them: ${ms} ms, ${cpu} ms CPU (median of ${STARTS})`)
} finally {
  rmSync(directory, { recursive: true })
}

function fill(): void {
  const database = new Database(directory, realClock)
  const orders = new Orders(
    realClock,
    () => 300_000,
    (news) => database.saveOrder(news, false),
  )
  for (let order = 0; order < ORDERS; order += 1) {
    const pair = PAIRS[order % PAIRS.length] ?? ''
    orders.placed(ACCOUNT, pair, [`OQCLML-BW3P3-${order}`, `9b2c1d3e-4f5a-6b7c-8d9e-${order}`], PLACED_AGO_MS)
    if (order % AT_ONCE === 0) database.flush()
  }
  database.close()
}

function restore(): void {
  const database = new Database(directory, realClock)
  const orders = new Orders(realClock, () => 300_000)
  for (const { news, elapsedMs } of database.orders()) orders.restore(news as OrderNews, elapsedMs)
  if (orders.find(ACCOUNT, 'OQCLML-BW3P3-0').length === 0) throw new Error('orders were lost')
  database.close()
}

/** CPU time of the whole process. */
function cpuMs(work: () => void): number {
  const before = process.cpuUsage()
  work()
  const { user, system } = process.cpuUsage(before)
  return (user + system) / 1000
}

function print(line: string): void {
  process.stdout.write(`${line}\n`)
}
