// `npm run bench`: what weir adds to a call, measured beside the same call without it, in interleaved rounds. Medians of
// the rounds are printed as a table. Options: --rounds 5, --seconds 2, --only NAME, --long (a million calls, for memory),
// --beside DIR (another checkout of weir) or --squid ROOT in the same rounds, --profile DIR (a CPU profile of weir).

import { parseArgs } from 'node:util'
import type { Order } from './load.ts'
import { cpuMicros, openStage, residentMb, type Stage, type Way } from './stage.ts'

/** A kind of load. */
interface Row {
  readonly name: string
  readonly order: Pick<Order, 'request' | 'connections' | 'fresh'>
  /** True where any other way would measure something else. */
  readonly weirOnly?: true
}

/** One measurement. */
interface Sample {
  readonly perSecond: number
  readonly p50: number
  readonly p99: number
  readonly cpu: number
}

const ROWS: readonly Row[] = [
  { name: '1 connection', order: { request: 'public', connections: 1 } },
  { name: '32 connections', order: { request: 'public', connections: 32 } },
  { name: '32 bots, nonce lanes', order: { request: 'private', connections: 32 } },
  { name: 'cache hits, 32 clients', order: { request: 'cached', connections: 32 }, weirOnly: true },
  { name: 'new connection, full', order: { request: 'public', connections: 1, fresh: 'full' } },
  { name: 'new connection, resumed', order: { request: 'public', connections: 1, fresh: 'resumed' } },
]

const { values: options } = parseArgs({
  options: {
    rounds: { type: 'string', default: '5' },
    seconds: { type: 'string', default: '2' },
    only: { type: 'string' },
    long: { type: 'boolean', default: false },
    beside: { type: 'string' },
    squid: { type: 'string' },
    profile: { type: 'string' },
  },
})
const rounds = Number(options.rounds)
const seconds = Number(options.seconds)
const rows = ROWS.filter(({ name }) => options.only === undefined || name.includes(options.only))

const stage = await openStage({ beside: options.beside, squid: options.squid, profileDir: options.profile })
try {
  if (options.long) await million(stage)
  else await compare(stage)
} finally {
  await stage.close()
}

async function compare(stage: Stage): Promise<void> {
  // A weir runs for weeks: V8 goes on making it faster for a few hundred thousand calls.
  for (const way of waysOf(stage, { weirOnly: true })) await warmUp(stage, way)
  const samples = new Map<string, Sample[]>()
  for (let round = 0; round <= rounds; round += 1) {
    for (const row of rows) {
      const ways = waysOf(stage, row)
      for (const way of round % 2 === 0 ? ways : ways.reverse()) {
        const sample = await measure(stage, row, way)
        // The first round only opens connections and fills the cache.
        if (round > 0) samples.set(keyOf(row, way), [...(samples.get(keyOf(row, way)) ?? []), sample])
      }
    }
  }
  print(['', 'way', 'calls/s', 'p50 ms', 'p99 ms', 'added p50 ms', 'CPU µs/call'])
  print(['---', '---', '--:', '--:', '--:', '--:', '--:'])
  for (const row of rows) {
    for (const way of waysOf(stage, row)) {
      const taken = samples.get(keyOf(row, way)) ?? []
      const { perSecond, p50, p99, cpu } = medians(taken)
      const proxied = way.kind !== 'direct'
      const straight = samples.get(`${row.name} direct`)
      const added = proxied && straight !== undefined ? (p50 - medians(straight).p50).toFixed(3) : ''
      print([
        ...[row.name, way.name, perSecond.toFixed(0), p50.toFixed(3), p99.toFixed(3), added],
        proxied ? cpu.toFixed(1) : '',
      ])
    }
  }
}

function waysOf({ ways }: Stage, { weirOnly }: Pick<Row, 'weirOnly'>): Way[] {
  return ways.filter(({ kind }) => weirOnly !== true || kind === 'weir')
}

async function warmUp({ measure, originPort }: Stage, { proxyPort, port, caFile }: Way): Promise<void> {
  const load = { originPort, proxyPort, port, caFile, calls: 100_000, seconds: 20, connections: 32 }
  await measure({ ...load, request: 'public' })
  await measure({ ...load, request: 'private' })
}

async function measure(stage: Stage, { name, order }: Row, way: Way): Promise<Sample> {
  const { originPort } = stage
  const before = way.pid === undefined ? 0 : cpuMicros(way.pid)
  const { proxyPort, port, caFile } = way
  const seen = await stage.measure({ ...order, originPort, proxyPort, port, caFile, seconds })
  if (seen.failed > 0 || seen.calls === 0) {
    throw new Error(`${name}, ${way.name}: ${seen.failed} calls failed\n${seen.complaint}`)
  }
  const cpu = way.pid === undefined ? 0 : (cpuMicros(way.pid) - before) / seen.calls
  return { perSecond: seen.calls / seen.seconds, p50: seen.p50, p99: seen.p99, cpu }
}

/** A million calls in ten parts: memory must not grow with them. */
async function million({ measure, originPort, ways }: Stage): Promise<void> {
  const weir = ways[1]
  if (weir?.pid === undefined) return
  const { proxyPort, port, caFile, pid } = weir
  print(['calls', 'RSS MB', 'CPU µs/call', 'p99 ms'])
  print(['--:', '--:', '--:', '--:'])
  print(['0', residentMb(pid).toFixed(0), '', ''])
  const part = {
    originPort,
    proxyPort,
    port,
    caFile,
    calls: 100_000,
    seconds: 120,
    connections: 32,
    request: 'public',
  } as const
  for (let calls = part.calls; calls <= 1_000_000; calls += part.calls) {
    const before = cpuMicros(pid)
    const seen = await measure(part)
    if (seen.failed > 0) throw new Error(`${seen.failed} calls failed\n${seen.complaint}`)
    const cpu = (cpuMicros(pid) - before) / seen.calls
    print([String(calls), residentMb(pid).toFixed(0), cpu.toFixed(1), seen.p99.toFixed(2)])
  }
}

function keyOf(row: Row, way: Way): string {
  return `${row.name} ${way.name}`
}

function medians(samples: readonly Sample[]): Sample {
  const of = (field: keyof Sample): number => {
    const sorted = samples.map((sample) => sample[field]).sort((a, b) => a - b)
    const lower = sorted[(sorted.length - 1) >> 1] ?? Number.NaN
    return (lower + (sorted[sorted.length >> 1] ?? lower)) / 2
  }
  return { perSecond: of('perSecond'), p50: of('p50'), p99: of('p99'), cpu: of('cpu') }
}

function print(cells: readonly string[]): void {
  process.stdout.write(`| ${cells.join(' | ')} |\n`)
}
