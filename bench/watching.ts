// `node bench/watching.ts`: what statistics, failures, health and alerts cost by themselves, without sockets: per finished call,
// per analysis of a thousand failures and of ten thousand, and per look at all conditions with a thousand buckets.

import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { Alerts } from '../src/alerts/alerts.ts'
import { loadRules } from '../src/config/load.ts'
import { type Call, newRecord, OK } from '../src/core/call.ts'
import { realClock } from '../src/core/clock.ts'
import { callFinished, type Observer } from '../src/core/events.ts'
import { Presence } from '../src/core/presence.ts'
import type { LimitView } from '../src/core/views.ts'
import { analyse } from '../src/failures/analysis.ts'
import { Failures, WINDOW_MS } from '../src/failures/failures.ts'
import { Monitor } from '../src/health/monitor.ts'
import { Stats } from '../src/observe/stats.ts'
import { Times } from '../src/observe/times.ts'

const CALLS = 1_000_000
const BOTS = 50
const LOOKS = 200
const BUCKETS = 1000

const loaded = loadRules(readFileSync(join(import.meta.dirname, '..', 'limits.yaml'), 'utf8'), 'limits.yaml', {})
if (!loaded.ok) throw new Error('limits.yaml has mistakes')
const { rules } = loaded
const classes = rules.exchanges.flatMap((exchange) => exchange.classes.map(({ id }) => [exchange.name, id] as const))

const clock = realClock
const stats = new Stats(clock)
const failures = new Failures(clock, () => rules.failurePatterns)
const nothing = async () => undefined
const monitor = new Monitor({ clock, rules: () => rules.health, askHost: nothing, check: nothing, tell: () => {} })
const times = new Times()
const calls = Array.from({ length: 5000 }, (_, index) => callOf(index))

row('statistics, per call', CALLS, perCall(stats.observer))
row('failures, per call that went well', CALLS, perCall(failures.observer))
row('health, per call', CALLS, perCall(monitor.observer))
row('histograms by class, per call', CALLS, (index) => times.finished(callAt(index).record, 12))

for (let index = 0; index < 1000; index += 1) {
  const call = callOf(index)
  Object.assign(call.record, { exchange: 'kraken', verdict: { ...OK, kind: 'failing', reason: `http 50${index % 5}` } })
  failures.observer(callFinished(call, 503, 12))
}
const kept = failures.list('kraken')
const uses = stats.view().bots.flatMap(({ bot, classes: of }) => of.map((use) => ({ ...use, bot })))
const lately = { calls: 900, refused: 300, limited: 200, throttled: 9, cacheHits: 40, stale: 0, cacheMisses: 60 }
const context = { wallMs: clock.wall(), windowMs: WINDOW_MS, patterns: [], recommendations: [], lately, uses }
/** As many as are kept, and ten times as many. */
const many = Array.from({ length: 10 }, () => kept).flat()
for (const found of [kept, many]) {
  row(
    `analysis of ${found.length} failures`,
    LOOKS,
    () => void analyse('kraken', found, { ...context, maxWaitMs: () => 6000 }),
  )
}

const limits = Array.from(
  { length: BUCKETS },
  (_, index): LimitView => ({
    ...{ exchange: 'kraken', bucket: 'kraken.private', scope: `k${index}`, kind: 'bucket', available: 9, capacity: 15 },
    ...{
      refillPerSecond: 1,
      effectiveShare: 1,
      effectiveRefillPerSecond: 1,
      utilization: index / BUCKETS,
      inFlight: 0,
    },
    ...{ closedForMs: 0, fullInMs: 0 },
  }),
)
const alerts = new Alerts({
  clock,
  tell: () => {},
  look: () => ({
    ...{ settings: rules.alerts, limits, queues: [], maxQueueBytes: 1e6, breakers: [], restingKeys: [], namedBots: [] },
    ...{
      exchanges: [{ name: 'kraken', lately }],
      bots: stats.seen(),
      failedChecks: [],
      storeErrors: 0,
      stateTrouble: undefined,
    },
    rulesError: undefined,
  }),
})
row(`a look at the conditions, ${BUCKETS} buckets, every 2 s`, LOOKS, () => alerts.look())

/** Runs it twice, and tells the second time. */
function row(what: string, times: number, run: (index: number) => void): void {
  for (let index = 0; index < times; index += 1) run(index)
  const since = performance.now()
  for (let index = 0; index < times; index += 1) run(index)
  const micros = ((performance.now() - since) * 1000) / times
  process.stdout.write(`${what.padEnd(60)}${micros.toFixed(micros < 10 ? 3 : 0).padStart(8)} µs\n`)
}

function perCall(observer: Observer): (index: number) => void {
  return (index) => observer(callFinished(callAt(index), 200, 12))
}

function callAt(index: number): Call {
  return calls[index % calls.length] as Call
}

function callOf(index: number): Call {
  const [exchange, id] = classes[index % classes.length] as (typeof classes)[number]
  return {
    ...{ id: 'bench', startedAt: 0, bot: `bot-${index % BOTS}`, presence: new Presence(), early: undefined },
    request: {
      ...{ method: 'GET', host: 'api.kraken.com', port: 443, target: '/', path: '/', query: '' },
      ...{ headers: [], body: undefined },
    },
    wishes: { maxWaitMs: undefined, priority: undefined, skipCache: false },
    record: { ...newRecord(), exchange, class: id, decision: 'forwarded', verdict: OK, cost: 1, upstreamMs: 10 },
  }
}
