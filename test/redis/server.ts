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
const TRIES = 3

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

/** Starts one. @throws when there is no redis-server and none can be installed, or when it does not start */
export const startRedis = async (settings: readonly string[] = [], wanted?: number): Promise<RedisServer> => {
  ensureRedis()
  if (wanted !== undefined) return startAt(wanted, settings)
  // Somebody else may take the port before the server does.
  for (let left = TRIES - 1; left > 0; left -= 1) {
    const started = await startAt(await freePort(), settings).catch(() => undefined)
    if (started !== undefined) return started
  }
  return startAt(await freePort(), settings)
}

const startAt = async (port: number, settings: readonly string[]): Promise<RedisServer> => {
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
    const [command, ...words] = mortal('redis-server', ...args, ...settings)
    child = spawn(command, words, { stdio: 'ignore' })
    await answering(child, cli, port)
  }
  const end = async (): Promise<void> => {
    await kill()
    rmSync(home, { recursive: true, force: true })
  }
  await start().catch(async (error: unknown) => {
    await end()
    throw error
  })
  return {
    port,
    url: `redis://127.0.0.1:${port}`,
    signal: (name) => void child?.kill(name),
    kill,
    start,
    cli,
    [Symbol.asyncDispose]: end,
  }
}

/** A command, and what makes it end with the process that starts it where the system can: also when that one is killed. */
export const mortal = (...words: readonly [string, ...string[]]): readonly [string, ...string[]] =>
  canBind() ? [...BINDING, ...words] : words

const BINDING = ['setpriv', '--pdeathsig', 'KILL'] as const
/** Not every system has it, and not every `setpriv` can. */
const canBind = (): boolean =>
  process.platform === 'linux' && spawnSync(BINDING[0], [...BINDING.slice(1), 'true']).status === 0

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

/** Resolves when it is this child that answers at the port. */
const answering = async (child: ChildProcess, cli: RedisServer['cli'], port: number): Promise<void> => {
  let why: unknown
  const givesUpAt = performance.now() + START_PATIENCE_MS
  while (performance.now() < givesUpAt && child.exitCode === null && child.signalCode === null) {
    try {
      if (/^process_id:(\d+)/m.exec(cli('INFO', 'server'))?.[1] === String(child.pid)) return
    } catch (error) {
      why = error
    }
    await sleep(20)
  }
  throw new Error(`redis-server did not start on port ${port}`, { cause: why })
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
