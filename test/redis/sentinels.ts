// A master, its replica, and three sentinels that make the replica a master when the first one dies: real ones, of this machine.

import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { onTestFinished } from 'vitest'
import { freePort, mortal, type RedisServer, startRedis } from './server.ts'
import type { TlsSettings } from './tls.ts'

/** The name under which they know the master. */
const NAME = 'main'
/** How long a master may be silent. */
const DOWN_AFTER_MS = 1000
const PATIENCE_MS = 15_000

interface Sentinels {
  /** The sentinels and the name, as `--redis` takes them, after the scheme. */
  readonly place: string
  readonly master: RedisServer
  readonly replica: RedisServer
  /** The processes of the sentinels. */
  readonly sentinels: readonly ChildProcess[]
}

/** Starts them; resolves when all know each other and the replica follows. They are gone when the test is over. */
export const startSentinels = async (
  settings: { readonly tls?: TlsSettings; readonly redis?: readonly string[] } = {},
): Promise<Sentinels> => {
  const { tls, redis = [] } = settings
  const server = async (flags: readonly string[]): Promise<[RedisServer, number]> => {
    const tlsPort = await freePort()
    const one = await startRedis([
      ...redis,
      ...(tls?.flags(tlsPort) ?? []),
      '--repl-diskless-sync-delay',
      '0',
      ...flags,
    ])
    onTestFinished(() => one[Symbol.asyncDispose]())
    return [one, tls === undefined ? one.port : tlsPort]
  }
  const [master, port] = await server([])
  const [replica] = await server(['--replicaof', '127.0.0.1', String(port)])
  const sentinels = await Promise.all([1, 2, 3].map(() => startSentinel(port, tls)))
  const knowAll = (): boolean =>
    /master_link_status:up/.test(replica.cli('INFO', 'replication')) &&
    sentinels.every(({ ask }) => /status=ok,[^\n]*slaves=1,sentinels=3/.test(ask('INFO', 'sentinel')))
  for (let waited = 0; !knowAll(); waited += 100) {
    if (waited > PATIENCE_MS) throw new Error(sentinels.map(({ ask }) => ask('INFO', 'sentinel')).join('\n'))
    await sleep(100)
  }
  const place = `${sentinels.map((one) => `127.0.0.1:${one.port}`).join(',')}/${NAME}`
  return { place, master, replica, sentinels: sentinels.map(({ child }) => child) }
}

const startSentinel = async (master: number, tls: TlsSettings | undefined) => {
  const home = await mkdtemp(join(tmpdir(), 'weir-sentinel-'))
  const port = await freePort()
  const rules = [
    `sentinel monitor ${NAME} 127.0.0.1 ${master} 2`,
    `sentinel down-after-milliseconds ${NAME} ${DOWN_AFTER_MS}`,
    `sentinel failover-timeout ${NAME} 5000`,
  ]
  // It writes into its file what it learns.
  const file = join(home, 'sentinel.conf')
  await writeFile(file, `${rules.join('\n')}\n`)
  const flags = tls === undefined ? ['--port', String(port)] : ['--port', '0', ...tls.flags(port)]
  const bound = [...flags, '--bind', '127.0.0.1', '--dir', home]
  const [command, ...words] = mortal('redis-server', file, '--sentinel', ...bound)
  const child = spawn(command, words, { stdio: 'ignore' })
  onTestFinished(async () => {
    const gone = once(child, 'exit')
    if (child.exitCode === null && child.kill('SIGKILL')) await gone
    await rm(home, { recursive: true, force: true })
  })
  const trust = tls === undefined ? [] : ['--tls', '--cacert', tls.caFile]
  const ask = (...args: readonly string[]): string => {
    const call = ['-p', String(port), ...trust, ...args]
    try {
      return execFileSync('redis-cli', call, { encoding: 'utf8', timeout: 5000, stdio: 'pipe' })
    } catch (error) {
      return String(error)
    }
  }
  return { port, child, ask }
}
