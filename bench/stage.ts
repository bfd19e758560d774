// The processes of a benchmark: origin, weir, generator. What they cost is read from /proc, so Linux only.

import { type ChildProcess, fork, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import type { Order, Outcome } from './load.ts'
import { startSquid } from './squid.ts'

/** A way to the origin. */
export interface Way {
  readonly name: string
  readonly kind: 'direct' | 'weir' | 'peer'
  /** Undefined: straight. */
  readonly proxyPort: number | undefined
  /** What CONNECT names. */
  readonly port: number
  readonly caFile: string
  /** Of the proxy; undefined where there is none. */
  readonly pid: number | undefined
  /** Of a weir: `http://127.0.0.1:port`. */
  readonly admin?: string | undefined
}

export interface Stage {
  readonly originPort: number
  /** Straight first, then the weir of this checkout, then others. */
  readonly ways: readonly Way[]
  measure(order: Order): Promise<Outcome>
  /** Ends all processes and removes their files. */
  close(): Promise<void>
}

export interface StageOptions {
  /** Another checkout of weir, to measure in the same rounds. */
  readonly beside: string | undefined
  /** Where Squid is unpacked, to measure it in the same rounds. */
  readonly squid: string | undefined
  /** Where weir leaves a CPU profile when it ends. */
  readonly profileDir: string | undefined
  /** The same weir twice more: with nothing that watches calls from beside, and with somebody at its dashboard. */
  readonly observing?: boolean
}

const HERE = import.meta.dirname
const HOST = 'api.kraken.com'
const TICKS_PER_SECOND = 100
/** What `npm start` gives to Node. */
const FLAGS = ['--max-semi-space-size=8']

/** Starts all; resolves when they listen. What was started is ended when one of them does not. */
export const openStage = async (options: StageOptions): Promise<Stage> => {
  const dir = await mkdtemp(join(tmpdir(), 'weir-bench-'))
  const children: ChildProcess[] = []
  const close = async (): Promise<void> => {
    const running = children.filter(({ exitCode, signalCode }) => exitCode === null && signalCode === null)
    const ended = running.map((child) => once(child, 'exit'))
    for (const child of running) child.kill()
    await Promise.all(ended)
    await rm(dir, { recursive: true, force: true })
  }
  try {
    return { ...(await raise(options, dir, children)), close }
  } catch (error) {
    await close()
    throw error
  }
}

/** Starts each process and adds it to `children`. */
const raise = async (
  { beside, squid, profileDir, observing }: StageOptions,
  dir: string,
  children: ChildProcess[],
): Promise<Omit<Stage, 'close'>> => {
  const start = async (args: readonly string[], field: string): Promise<{ said: Started; pid: number | undefined }> => {
    const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'ignore'] })
    children.push(child)
    return { said: await firstLine(child, field), pid: child.pid }
  }
  const origin = await start([join(HERE, 'origin.ts'), join(dir, 'origin')], 'port')
  const { port: originPort = 0, caFile: originCa = '' } = origin.said

  const startWeir = async (name: string, root: string, flags: readonly string[]): Promise<Way> => {
    const stateDir = join(dir, name)
    const { said, pid } = await start(
      [
        ...[...flags, join(root, 'src', 'main.ts'), 'serve', '--config', join(HERE, 'limits.yaml')],
        ...['--state-dir', stateDir, '--listen', '127.0.0.1:0', '--admin', '127.0.0.1:0', '--upstream-ca', originCa],
        ...['--connect-to', `${HOST}:443:127.0.0.1:${originPort}`],
      ],
      'proxy',
    )
    const proxyPort = Number(new URL(said.proxy ?? '').port)
    return { name, kind: 'weir', proxyPort, port: 443, caFile: join(stateDir, 'ca.pem'), pid, admin: said.admin }
  }
  const profile = profileDir === undefined ? [] : ['--cpu-prof', `--cpu-prof-dir=${profileDir}`]
  const ways: Way[] = [
    { name: 'direct', kind: 'direct', proxyPort: undefined, port: 443, caFile: originCa, pid: undefined },
    await startWeir('weir', join(HERE, '..'), [...FLAGS, ...profile]),
  ]
  if (observing === true) {
    ways.push(await startWeir('unobserved', join(HERE, '..'), [...FLAGS, '--import', join(HERE, 'unobserved.ts')]))
    ways.push(await startWeir('watched', join(HERE, '..'), FLAGS))
  }
  if (beside !== undefined) ways.push(await startWeir('beside', beside, FLAGS))
  if (squid !== undefined) {
    const { process: child, port: proxyPort, caFile } = await startSquid(squid, join(dir, 'squid'), HOST, originCa)
    children.push(child)
    ways.push({ name: 'squid', kind: 'peer', proxyPort, port: originPort, caFile, pid: child.pid })
  }

  const generator = fork(join(HERE, 'load.ts'))
  children.push(generator)
  return {
    originPort,
    ways,
    measure: async (order) => {
      generator.send(order)
      const [outcome] = (await once(generator, 'message')) as [Outcome]
      return outcome
    },
  }
}

/** CPU time that a process has used, in microseconds, all its threads together. */
export const cpuMicros = (pid: number): number => {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  return ((Number(fields[11]) + Number(fields[12])) * 1e6) / TICKS_PER_SECOND
}

/** Resident memory of a process, in MB. */
export const residentMb = (pid: number): number => {
  const kb = /VmRSS:\s*(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]
  return Number(kb) / 1000
}

/** What a process says once it listens. */
interface Started {
  readonly port?: number
  readonly caFile?: string
  readonly proxy?: string
  readonly admin?: string
}

/** The first line of JSON on standard output that has `field`. */
const firstLine = async (child: ChildProcess, field: string): Promise<Started> => {
  if (child.stdout === null) throw new Error('no standard output')
  for await (const line of createInterface({ input: child.stdout })) {
    const said = JSON.parse(line) as Started
    if (field in said) return said
  }
  throw new Error('a process of the benchmark did not start')
}
