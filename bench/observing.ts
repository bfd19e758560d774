// `node bench/observing.ts`: what it costs a call that weir keeps history, statistics and alerts, and that somebody looks at
// the dashboard. Three weirs of one checkout in interleaved rounds; a round's CPU times are compared with each other only, for
// the machine is never twice the same. Options: --rounds 12, --seconds 3.

import { parseArgs } from 'node:util'
import { cpuMicros, openStage, type Stage, type Way } from './stage.ts'

const { values: options } = parseArgs({
  options: { rounds: { type: 'string', default: '12' }, seconds: { type: 'string', default: '3' } },
})
const rounds = Number(options.rounds)
const seconds = Number(options.seconds)
const CONNECTIONS = 32

const stage = await openStage({ beside: undefined, squid: undefined, profileDir: undefined, observing: true })
try {
  await compare(stage)
} finally {
  await stage.close()
}

async function compare(stage: Stage): Promise<void> {
  const ways = stage.ways.filter(({ kind }) => kind === 'weir')
  // V8 goes on making a weir faster for a few hundred thousand calls.
  for (const way of ways) await stage.measure({ ...orderFor(stage, way), calls: 100_000, seconds: 20 })
  const cpu = new Map<string, number[]>(ways.map(({ name }) => [name, []]))
  for (let round = 0; round < rounds; round += 1) {
    for (const way of round % 2 === 0 ? ways : ways.toReversed()) {
      const look = way.name === 'watched' ? watchEvents(way) : undefined
      cpu.get(way.name)?.push(await measure(stage, way))
      await look?.stop()
    }
  }
  const without = cpu.get('unobserved') ?? []
  process.stdout.write('| weir | CPU µs/call | beside unobserved |\n|---|--:|--:|\n')
  for (const { name } of ways) {
    const taken = cpu.get(name) ?? []
    const more = median(taken.map((micros, round) => micros / (without[round] ?? Number.NaN) - 1))
    process.stdout.write(`| ${name} | ${median(taken).toFixed(1)} | ${(more * 100).toFixed(1)} % |\n`)
  }
}

async function measure(stage: Stage, way: Way): Promise<number> {
  const before = cpuMicros(way.pid ?? 0)
  const seen = await stage.measure(orderFor(stage, way))
  if (seen.failed > 0 || seen.calls === 0) throw new Error(`${way.name}: ${seen.failed} failed\n${seen.complaint}`)
  return (cpuMicros(way.pid ?? 0) - before) / seen.calls
}

function orderFor({ originPort }: Stage, { proxyPort, port, caFile }: Way) {
  return { originPort, proxyPort, port, caFile, request: 'public', connections: CONNECTIONS, seconds } as const
}

/** Reads events as a browser at the dashboard does. */
function watchEvents({ admin }: Way): { stop(): Promise<void> } {
  const quit = new AbortController()
  const reading = (async () => {
    const answer = await fetch(`${admin}/v1/events`, { signal: quit.signal })
    for await (const _ of answer.body ?? []) if (quit.signal.aborted) break
  })().catch(() => undefined)
  return {
    stop: async () => {
      quit.abort()
      await reading
    },
  }
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b)
  const lower = sorted[(sorted.length - 1) >> 1] ?? Number.NaN
  return (lower + (sorted[sorted.length >> 1] ?? lower)) / 2
}
