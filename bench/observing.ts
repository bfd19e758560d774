// `node bench/observing.ts`: what it costs a call that weir keeps history, statistics and alerts, and that somebody looks at
// the dashboard. Three weirs of one checkout in interleaved rounds; a round's CPU times are compared with each other only, for
// the machine is never twice the same. What history and spending add by themselves is measured without sockets beside it, for it
// is less than a machine's whims (statistics, failures and alerts: bench/watching.ts). Options: --rounds 12, --seconds 3.

import { parseArgs } from 'node:util'
import { type Call, newRecord } from '../src/core/call.ts'
import { realClock } from '../src/core/clock.ts'
import { callFinished, type Observer, type WeirEvent } from '../src/core/events.ts'
import { Presence } from '../src/core/presence.ts'
import { History } from '../src/observe/history.ts'
import { createRecent } from '../src/observe/recent.ts'
import { Spenders } from '../src/observe/spenders.ts'
import { cpuMicros, openStage, type Stage, type Way } from './stage.ts'

const { values: options } = parseArgs({
  options: { rounds: { type: 'string', default: '12' }, seconds: { type: 'string', default: '3' } },
})
const rounds = Number(options.rounds)
const seconds = Number(options.seconds)
const CONNECTIONS = 32

const EVENTS = 1_000_000

alone()
const stage = await openStage({ beside: undefined, squid: undefined, profileDir: undefined, observing: true })
try {
  await compare(stage)
} finally {
  await stage.close()
}

async function compare(stage: Stage): Promise<void> {
  const ways = stage.ways.filter(({ kind }) => kind === 'weir')
  // V8 goes on making a weir faster for a few hundred thousand calls.
  for (const way of ways) {
    await stage.measure({ ...orderFor(stage, way), calls: 100_000, seconds: 20 })
    await confirm(way)
  }
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

/** That the one weir has seen none of its calls, and the others have: else there would be nothing to compare. */
async function confirm({ name, admin }: Way): Promise<void> {
  const { bots } = (await (await fetch(`${admin}/v1/stats`)).json()) as { bots: readonly unknown[] }
  if ((bots.length === 0) !== (name === 'unobserved')) throw new Error(`${name} saw calls of ${bots.length} bots`)
}

/** Each observer by itself: microseconds per finished call, once V8 has seen enough of them. */
function alone(): void {
  const history = new History({
    clock: realClock,
    limits: () => [],
    journal: { load: () => [], save: () => {} },
    tell: () => {},
  })
  const observers: readonly (readonly [string, Observer])[] = [
    ['history', history.observer],
    ['who spent it', new Spenders(realClock).observer],
    ['the last calls', createRecent(realClock).observer],
  ]
  const events = Array.from({ length: 64 }, (_, index) => finished(index))
  process.stdout.write('| observer | µs/call |\n|---|--:|\n')
  for (const [name, observer] of observers) {
    let micros = 0
    for (let round = 0; round < 3; round += 1) {
      const start = performance.now()
      for (let at = 0; at < EVENTS; at += 1) observer(events[at % events.length] as WeirEvent)
      micros = ((performance.now() - start) / EVENTS) * 1000
    }
    process.stdout.write(`| ${name} | ${micros.toFixed(2)} |\n`)
  }
  process.stdout.write('\n')
}

function finished(index: number): WeirEvent {
  const record = Object.assign(newRecord(), {
    decision: 'forwarded',
    exchange: 'kraken',
    class: `kraken.${index % 2 === 0 ? 'private' : 'public'}`,
    cost: 1,
    sent: 'yes',
    upstreamMs: 40,
    waitedMs: index % 8 === 0 ? 120 : 0,
    spent: [{ key: `{kraken}private:${index % 4}`, cost: 1 }],
  })
  const request = { method: 'GET', host: 'api.kraken.com', port: 443, target: '/', path: '/', query: '', headers: [] }
  const call: Call = {
    id: String(index),
    startedAt: 0,
    request: { ...request, body: undefined },
    wishes: { maxWaitMs: undefined, priority: undefined, skipCache: false },
    bot: `bot-${index % 5}`,
    presence: new Presence(),
    record,
    early: undefined,
  }
  return callFinished(call, 200, 41)
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
