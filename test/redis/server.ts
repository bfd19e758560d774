// A real redis-server for tests: installed from the system's packages where it is missing and we may, started on a free port
// of this machine without files of its own, and gone when the test is over.

import { type ChildProcess, execFileSync, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { installing } from '../support/debian.ts'

const START_PATIENCE_MS = 10_000

/** A server that can be stopped, killed and started again on its port. */
export interface RedisServer extends AsyncDisposable {
  readonly port: number
  readonly url: string
  signal(name: 'SIGSTOP' | 'SIGCONT'): void
  /** SIGKILL; resolves when it is gone. */
  kill(): Promise<void>
  /** Starts it again, empty unless its settings say otherwise; resolves when it answers. */
  start(): Promise<void>
  /** Asks with redis-cli. */
  cli(...args: readonly string[]): string
}

/** Starts one. @throws when there is no redis-server and none can be installed */
export const startRedis = async (settings: readonly string[] = [], wanted?: number): Promise<RedisServer> => {
  ensureRedis()
  const port = wanted ?? (await freePort())
  const home = mkdtempSync(join(tmpdir(), 'weir-redis-'))
  let child: ChildProcess | undefined
  const cli = (...args: readonly string[]): string =>
    execFileSync('redis-cli', ['-p', String(port), ...args], { encoding: 'utf8', timeout: 5000, stdio: 'pipe' }).trim()
  const kill = async (): Promise<void> => {
    const dying = child
    child = undefined
    if (dying === undefined || dying.exitCode !== null || dying.signalCode !== null) return
    const gone = once(dying, 'exit')
    dying.kill('SIGKILL')
    await gone
  }
  const start = async (): Promise<void> => {
    const args = ['--port', String(port), '--bind', '127.0.0.1', '--dir', home, '--save', '', '--appendonly', 'no']
    child = spawn('redis-server', [...args, ...settings], { stdio: 'ignore' })
    await answering(cli, START_PATIENCE_MS)
  }
  await start()
  return {
    port,
    url: `redis://127.0.0.1:${port}`,
    signal: (name) => void child?.kill(name),
    kill,
    start,
    cli,
    [Symbol.asyncDispose]: async () => {
      await kill()
      rmSync(home, { recursive: true, force: true })
    },
  }
}

/** A port that nobody listens on just now. */
export const freePort = async (): Promise<number> => {
  const server = createServer()
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  server.close()
  if (address === null || typeof address === 'string') throw new Error('no port')
  return address.port
}

const answering = async (cli: RedisServer['cli'], patienceMs: number): Promise<void> => {
  for (let waited = 0; ; waited += 20) {
    try {
      if (cli('PING') !== '') return
    } catch (error) {
      if (waited > patienceMs) throw error
    }
    await sleep(20)
  }
}

const isThere = (): boolean => spawnSync('redis-server', ['--version']).status === 0

/** Tests of what several weirs share are worth nothing against a stand-in. */
const ensureRedis = (): void => {
  if (isThere()) return
  const install = installing(['redis-server'])
  if (install !== undefined) spawnSync(...install, { stdio: 'ignore', timeout: 300_000 })
  if (!isThere()) {
    throw new Error(
      "These tests need a real redis-server: `apt-get install redis-server` (or your system's package), and again.",
    )
  }
}
