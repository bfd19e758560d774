// Where bots are watched: a simulated exchange, a weir in front of it, and a recorder at the address that the exchanges'
// names have by themselves. A program: `isolated.ts` runs it in namespaces of its own, and it runs bots as it is told.

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { connect, createServer } from 'node:net'
import { text } from 'node:stream/consumers'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import type { CallView } from '../../src/core/views.ts'
import { HOSTS, startExchange } from '../support/exchange/exchange.ts'
import { shippedLimits, startWeir } from '../support/weir.ts'
import type { Hello, Order, Outcome } from './isolated.ts'
import { DIRECT, WEIR_AS_EXCHANGE } from './isolated.ts'

const PATIENCE_MS = 90_000
/** weir lists a call when its last byte is gone, which can be after the bot has gone. */
const NEWS_PATIENCE_MS = 10_000
const LOOK_EVERY_MS = 20
/** Some forty starts of the same programs take half the time. */
const COMPILED = fileURLToPath(new URL('../../node_modules/.cache/weir-compiled', import.meta.url))

/** Budgets that come back so slowly that a bot which asks for too much is refused, and Coinbase's time but once an hour. */
const SCARCE = {
  'starter: 0.33/s': 'starter: 1/10s',
  '{ per: account, limit: 30, every: 1s,': '{ per: account, limit: 30, every: 60s,',
  '{ per: account, capacity: 30, refill: 15/s,': '{ per: account, capacity: 30, refill: 1/10s,',
  '      public:  { per: ip, limit: 10, every: 1s, recovery: 1s }':
    '      public:  { per: ip, limit: 10, every: 1s, recovery: 1s }\n      scarce: { per: ip, limit: 1, every: 1h, recovery: 1s }',
  "match: 'GET /api/v3/brokerage/time', cost: { public: 1 }":
    "match: 'GET /api/v3/brokerage/time', cost: { scarce: 1 }",
}

const [, , hostsOfWeir = ''] = process.argv
const isolated = hostsOfWeir !== ''

const exchange = await startExchange({ kraken: { cancelOverMax: 'accept' } })
const args = HOSTS.flatMap((host) => ['--connect-to', `${host}:443:127.0.0.1:${exchange.port}`])
const weir = await startWeir({ exchange, config: await shippedLimits(SCARCE), args })

/** Connections that went past weir. Nobody is answered there. */
let past = 0
if (isolated) {
  await listen(DIRECT, (socket) => {
    past += 1
    socket.destroy()
  })
  // As a container publishes a port.
  await listen(WEIR_AS_EXCHANGE, (socket) => {
    const inner = connect(weir.port, '127.0.0.1')
    socket.pipe(inner).pipe(socket)
    socket.on('error', () => inner.destroy())
    inner.on('error', () => socket.destroy())
  })
}

const heard = new Set<string>()
process.on('message', (order: Order) => {
  void run(order).then((outcome) => process.send?.(outcome))
})
process.on('disconnect', async () => {
  await weir[Symbol.asyncDispose]()
  await exchange.close()
  process.exit()
})
const { proxy, admin, stateDir, caFile, bundle } = weir
process.send?.({ isolated, weir: { proxy, admin, stateDir, caFile, bundle } } satisfies Hello)

/** Runs one command to its end, and tells everything that came of it. */
async function run({ command, env, mapped, keys }: Order): Promise<Outcome> {
  for (const key of keys) {
    exchange.krakenKey(key)
    exchange.coinbaseKey(key)
    exchange.coinbaseExchangeKey(key)
  }
  const before = { calls: exchange.calls.length, past }
  // A hosts file of its own, for this command alone.
  const remap = ['unshare', '--mount', 'sh', '-c', 'mount --bind "$0" /etc/hosts && exec "$@"', hostsOfWeir]
  const [program = '', ...args] = mapped ? [...remap, ...command] : command
  const child = spawn(program, args, {
    env: { PATH: process.env.PATH ?? '', NODE_COMPILE_CACHE: COMPILED, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: PATIENCE_MS,
    killSignal: 'SIGKILL',
  })
  child.once('error', () => child.stdout.destroy())
  const [[status], stdout, stderr] = await Promise.all([once(child, 'close'), text(child.stdout), text(child.stderr)])
  // weir asks for itself, too, whether an exchange that was quiet for long is well.
  const reached = exchange.calls.slice(before.calls).filter(({ bot }) => bot !== 'weir')
  const owed = reached.filter(({ verdict }) => verdict !== 'upgraded').length
  const { violations, invalidNonces } = exchange.report()
  return {
    ...{ status: status as number | null, stdout, stderr, violations, invalidNonces },
    past: past - before.past,
    heard: await newsOf(owed),
    reached: reached.map(({ host, path, verdict, bot, body, headers }) => {
      return { host, path, verdict, agent: bot, key: String(headers['api-key'] ?? ''), body: body.toString() }
    }),
  }
}

/** What weir tells once it has told at least so many calls, or nothing new comes. */
async function newsOf(count: number): Promise<readonly CallView[]> {
  const calls = [...(await news())]
  for (let waited = 0; calls.length < count && waited < NEWS_PATIENCE_MS; waited += LOOK_EVERY_MS) {
    await sleep(LOOK_EVERY_MS)
    calls.push(...(await news()))
  }
  return calls
}

/** The calls that weir has finished since it was last asked. */
async function news(): Promise<readonly CallView[]> {
  const answer = await fetch(`${weir.admin}/v1/recent?limit=500`)
  const { calls } = (await answer.json()) as { calls: readonly CallView[] }
  const fresh = calls.filter(({ id }) => !heard.has(id))
  for (const { id } of fresh) heard.add(id)
  return fresh
}

async function listen(address: string, meet: Parameters<typeof createServer>[1]): Promise<void> {
  const server = createServer(meet).listen(443, address)
  await once(server, 'listening')
}
