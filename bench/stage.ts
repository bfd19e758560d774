// The processes of a benchmark: origin, weir, generator. What they cost is read from /proc, so Linux only.

import { type ChildProcess, fork, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import type { Order, Outcome } from './load.ts'

/** A way to the origin. */
export interface Way {
  readonly name: string
  /** Undefined: straight. */
  readonly proxyPort: number | undefined
  readonly caFile: string
  /** Of the proxy; undefined where there is none. */
  readonly pid: number | undefined
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
  /** Where weir leaves a CPU profile when it ends. */
  readonly profileDir: string | undefined
}

const HERE = import.meta.dirname
const TICKS_PER_SECOND = 100

/** Starts all; resolves when they listen. */
export const openStage = async ({ beside, profileDir }: StageOptions): Promise<Stage> => {
  const dir = await mkdtemp(join(tmpdir(), 'weir-bench-'))
  const children: ChildProcess[] = []
  const start = async (args: readonly string[], field: string): Promise<{ said: Started; pid: number | undefined }> => {
    const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'ignore'] })
    children.push(child)
    return { said: await firstLine(child, field), pid: child.pid }
  }
  const origin = await start([join(HERE, 'origin.ts'), join(dir, 'origin')], 'port')
  const { port: originPort = 0, caFile = '' } = origin.said

  const startWeir = async (name: string, root: string, flags: readonly string[]): Promise<Way> => {
    const stateDir = join(dir, name)
    const { said, pid } = await start(
      [
        ...[...flags, join(root, 'src', 'main.ts'), 'serve', '--config', join(HERE, 'limits.yaml')],
        ...['--state-dir', stateDir, '--listen', '127.0.0.1:0', '--admin', '127.0.0.1:0', '--upstream-ca', caFile],
        ...['--connect-to', `api.kraken.com:443:127.0.0.1:${originPort}`],
      ],
      'proxy',
    )
    return { name, proxyPort: Number(new URL(said.proxy ?? '').port), caFile: join(stateDir, 'ca.pem'), pid }
  }
  const flags = profileDir === undefined ? [] : ['--cpu-prof', `--cpu-prof-dir=${profileDir}`]
  const ways: Way[] = [
    { name: 'direct', proxyPort: undefined, caFile, pid: undefined },
    await startWeir('weir', join(HERE, '..'), flags),
  ]
  if (beside !== undefined) ways.push(await startWeir('beside', beside, []))

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
    close: async () => {
      const ended = children.map((child) => once(child, 'exit'))
      for (const child of children) child.kill()
      await Promise.all(ended)
      await rm(dir, { recursive: true, force: true })
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
