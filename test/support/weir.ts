// A real weir: the process that users start, on free ports, in front of a simulated exchange, with a state directory of
// its own. It goes away with `await using`; what it wrote can be read until then.

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import type { Exchange } from './exchange/exchange.ts'

export interface WeirOptions {
  /** Where every exchange host really leads. */
  readonly exchange: Pick<Exchange, 'port' | 'caFile'>
  /** Text of limits.yaml; the shipped one unless given. */
  readonly config?: string
  /** State of an earlier weir; a fresh directory unless given. */
  readonly stateDir?: string
  /** The port for bots; any free one unless given. */
  readonly port?: number
  readonly env?: Readonly<Record<string, string>>
  readonly args?: readonly string[]
}

/** One line of the log. */
export type LogLine = Readonly<Record<string, unknown>> & { readonly msg: string }

export interface Weir extends AsyncDisposable {
  readonly pid: number
  readonly port: number
  /** `http://127.0.0.1:port`, the value of HTTPS_PROXY. */
  readonly proxy: string
  /** `http://127.0.0.1:port` of the admin port. */
  readonly admin: string
  /** The authority alone, and joined to the public roots. */
  readonly caFile: string
  readonly bundle: string
  readonly stateDir: string
  /** Path of its limits.yaml. */
  readonly config: string
  /** Everything that was written to standard output and standard error. */
  logs(): string
  lines(): readonly LogLine[]
  /** Resolves with the first line, also an earlier one unless a time is given, whose message matches; rejects when none comes for long. */
  logged(message: RegExp, sinceWallMs?: number): Promise<LogLine>
  /** Replaces limits.yaml and tells weir; resolves once weir has said what it makes of it. */
  reload(config: string): Promise<LogLine>
  /** SIGTERM; resolves with the exit status. */
  stop(): Promise<number | null>
  /** SIGKILL; resolves once it is gone. */
  kill9(): Promise<void>
}

const ROOT = fileURLToPath(new URL('../../', import.meta.url))
/** Weir keeps its compiled code in its home, and that is a new one here: nearly half of what a start costs. */
const COMPILED = join(ROOT, 'node_modules/.cache/weir-compiled')
const HOSTS = ['api.kraken.com', 'futures.kraken.com', 'api.coinbase.com', 'api.exchange.coinbase.com', 'ws.kraken.com']
/** Both are for machines with too much to do; a second is usual. */
const START_PATIENCE_MS = 30_000
const PATIENCE_MS = 15_000
const LOOK_EVERY_MS = 20

/** limits.yaml as it is shipped, but for some words. Throws when it does not say them any more. */
export async function shippedLimits(changes: Readonly<Record<string, string>> = {}): Promise<string> {
  let text = await readFile(join(ROOT, 'limits.yaml'), 'utf8')
  for (const [from, to] of Object.entries(changes)) {
    if (!text.includes(from)) throw new Error(`limits.yaml does not say "${from}" any more`)
    text = text.replaceAll(from, to)
  }
  return text
}

/** Starts weir; resolves when it listens. Rejects with its output when it does not. */
export async function startWeir(options: WeirOptions): Promise<Weir> {
  const home = await mkdtemp(join(tmpdir(), 'weir-'))
  const stateDir = options.stateDir ?? join(home, 'state')
  const config = join(home, 'limits.yaml')
  await writeFile(config, options.config ?? (await shippedLimits()))
  const child = spawn(process.execPath, [join(ROOT, 'src/main.ts'), 'serve', ...flags(options, config, stateDir)], {
    env: { PATH: process.env.PATH ?? '', HOME: home, NODE_COMPILE_CACHE: COMPILED, ...options.env },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const out = collect(child.stdout)
  const err = collect(child.stderr)
  // Once everything it wrote has been read as well.
  const exited = once(child, 'close') as Promise<[number | null, string | null]>
  let running = true
  void exited.then(() => {
    running = false
  })

  const logs = () => out() + err()
  const lines = () => out().split('\n').flatMap(parsed)
  const find = async (message: RegExp, patienceMs: number, sinceWallMs = 0): Promise<LogLine> => {
    for (let waited = 0; waited < patienceMs; waited += LOOK_EVERY_MS) {
      const line = lines().find(({ msg, time }) => message.test(msg) && Date.parse(String(time)) >= sinceWallMs)
      if (line !== undefined) return line
      if (!running) break
      await sleep(LOOK_EVERY_MS)
    }
    throw new Error(`weir did not say ${message}:\n${logs()}`)
  }
  const end = async (signal: NodeJS.Signals): Promise<number | null> => {
    if (running) child.kill(signal)
    const [code] = await exited
    return code
  }

  const started = await find(/^weir listens on/, START_PATIENCE_MS).catch(async (error: unknown) => {
    await end('SIGKILL')
    await rm(home, { recursive: true, force: true })
    throw error
  })
  const proxy = String(started.proxy)
  return {
    pid: child.pid ?? 0,
    port: Number(new URL(proxy).port),
    proxy,
    admin: String(started.admin),
    caFile: join(stateDir, 'ca.pem'),
    bundle: join(stateDir, 'bundle.pem'),
    stateDir,
    config,
    logs,
    lines,
    logged: (message, sinceWallMs) => find(message, PATIENCE_MS, sinceWallMs),
    reload: async (text) => {
      const sinceWallMs = Date.now()
      await writeFile(config, text)
      child.kill('SIGHUP')
      return find(/are in force$|has mistakes/, PATIENCE_MS, sinceWallMs)
    },
    stop: () => end('SIGTERM'),
    kill9: async () => void (await end('SIGKILL')),
    [Symbol.asyncDispose]: async () => {
      await end('SIGKILL')
      if (existsSync(home)) await rm(home, { recursive: true, force: true })
    },
  }
}

/** Flags of `weir serve`. What the caller adds comes last and so wins. */
function flags(options: WeirOptions, config: string, stateDir: string): readonly string[] {
  const { exchange, port = 0, args = [] } = options
  return [
    ...['--config', config, '--state-dir', stateDir],
    ...['--listen', `127.0.0.1:${port}`, '--admin', '127.0.0.1:0'],
    ...HOSTS.flatMap((host) => ['--connect-to', `${host}:443:127.0.0.1:${exchange.port}`]),
    ...(exchange.caFile === '' ? [] : ['--upstream-ca', exchange.caFile]),
    ...args,
  ]
}

function collect(stream: NodeJS.ReadableStream): () => string {
  let text = ''
  stream.setEncoding('utf8')
  stream.on('data', (piece: string) => {
    text += piece
  })
  return () => text
}

/** A line of JSON; none while it is half written. */
function parsed(line: string): LogLine[] {
  try {
    return [JSON.parse(line) as LogLine]
  } catch {
    return []
  }
}
