import { spawn, type ChildProcess } from 'node:child_process'
import { setTimeout as sleep } from 'node:timers/promises'
import { realClock as clock } from '../../src/core/clock.ts'
import { SharedStore } from '../../src/limit/shared/store.ts'
import { connect } from '../../src/redis/connection.ts'
import { parseAddress } from '../../src/redis/address.ts'
import { carrierOver } from '../../src/redis/carrier.ts'

const PORT = 16399
let server: ChildProcess = undefined as never
const startRedis = async () => {
  server = spawn('redis-server', ['--port', String(PORT), '--save', '', '--appendonly', 'no'], { stdio: 'ignore' })
  await sleep(300)
}
const rule: any = { kind: 'bucket', id: 'x.b', name: 'b', exchange: 'x', scopes: ['ip'], capacity: Number(process.env.CAP ?? 30), margin: 0, refill: Number(process.env.RATE ?? 50) / 1000, recoveryMs: 1000, adaptive: true }
const t = { key: '{x}b', rule, cost: 1 }
// judge
let level = rule.capacity, at = performance.now(), violations = 0, served = 0
const start = performance.now()
const timeline: number[] = []
const arrive = () => {
  const now = performance.now()
  level = Math.min(rule.capacity, level + (now - at) * rule.refill); at = now
  timeline[Math.floor((now - start) / 1000)] = (timeline[Math.floor((now - start) / 1000)] ?? 0) + 1
  if (level < 1 - 1e-6) { violations++; } else { level -= 1; served++ }
}
const weir = (n: number) => {
  const redis = connect(parseAddress(`redis://127.0.0.1:${PORT}`), clock)
  let calls = 0
  const carrier = carrierOver(redis, ['x'])
  const counted = { ask: (e: string, m: string) => { calls++; return carrier.ask(e, m) }, onShout: carrier.onShout }
  const store = new SharedStore({ carrier: counted, clock, me: `w${n}:${Math.random()}`, home: `w${n}`, replaces: undefined, coldStart: () => 1, yieldMs: 600_000, onFailure: 'share', changed: (_e, t) => console.log(((performance.now() - start) / 1000).toFixed(2), `w${n}`, t ? 'together' : 'alone', JSON.stringify(store.standing())) })
  store.start(['x'])
  let stop = false, grants = 0
  const queue: (() => void)[] = []
  // a lane: head asks
  const lane = async () => {
    while (!stop) {
      if (queue.length === 0) { await sleep(1); continue }
      const taken: any = await store.take([t], { held: true })
      if (!taken.granted) { await sleep(Math.min(1000, taken.waitMs)); continue }
      grants++
      queue.shift()?.()
      ;(async () => {
        await sleep(10 + Math.random() * 30); arrive(); await sleep(10 + Math.random() * 20)
        store.settle([t], 'spent', taken)
        bot()
      })()
    }
  }
  const bot = () => { if (!stop) queue.push(() => {}) }
  for (let i = 0; i < 20; i++) bot()
  void lane()
  return { stop: async () => { stop = true }, redis, store, get calls() { return calls }, get grants() { return grants } }
}
await startRedis()
const weirs = [weir(1), weir(2), weir(3)]
const script = process.argv[2] ?? 'plain'
const secs = Number(process.argv[3] ?? 12)
if (script === 'stop') { await sleep(4000); server.kill('SIGSTOP'); await sleep(5000); server.kill('SIGCONT') }
if (script === 'kill') { await sleep(4000); server.kill('SIGKILL'); await sleep(5000); await startRedis() }
if (script === 'flush') { await sleep(4000); spawn('redis-cli', ['-p', String(PORT), 'flushall']) }
await sleep(secs * 1000)
const elapsed = performance.now() - start
console.log({ violations, served, ideal: rule.capacity + elapsed * rule.refill, eff: served / (rule.capacity + elapsed * rule.refill), calls: weirs.map((w) => w.calls), grants: weirs.map((w) => w.grants), perGrant: weirs.reduce((s, w) => s + w.calls, 0) / weirs.reduce((s, w) => s + w.grants, 0) })
console.log(timeline.join(' '))
server.kill('SIGKILL')
process.exit(0)
