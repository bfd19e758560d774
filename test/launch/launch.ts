// `weir exec` and `weir env` as a user types them, in an environment that holds only what a test puts there.

import { type ChildProcessByStdio, spawn } from 'node:child_process'
import { once } from 'node:events'
import type { Readable } from 'node:stream'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import type { Weir } from '../support/weir.ts'

export interface Ended {
  readonly status: number | null
  readonly stdout: string
  readonly stderr: string
}

const MAIN = fileURLToPath(new URL('../../src/main.ts', import.meta.url))
const PATIENCE_MS = 40_000

/** Path of a program of this folder. */
export const program = (name: string): string => fileURLToPath(new URL(`./programs/${name}`, import.meta.url))

/** Flags that name a running weir. */
export const at = (weir: Weir): readonly string[] => {
  const host = (url: string): string => new URL(url).host
  return ['--listen', host(weir.proxy), '--admin', host(weir.admin), '--state-dir', weir.stateDir]
}

/** Starts `weir WORDS…`. */
export const startCli = (
  words: readonly string[],
  env: Readonly<Record<string, string>> = {},
): ChildProcessByStdio<null, Readable, Readable> => start(process.execPath, [MAIN, ...words], env)

/** Runs `weir WORDS…` to its end. */
export const runCli = (words: readonly string[], env?: Readonly<Record<string, string>>): Promise<Ended> =>
  ended(startCli(words, env))

/** Runs a shell script to its end, in an environment that holds PATH alone. */
export const runScript = (script: string): Promise<Ended> => ended(start('sh', ['-c', script], {}))

const start = (command: string, args: readonly string[], env: Readonly<Record<string, string>>) =>
  spawn(command, args, {
    env: { PATH: process.env.PATH ?? '', ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: PATIENCE_MS,
    killSignal: 'SIGKILL',
  })

const ended = async (child: ChildProcessByStdio<null, Readable, Readable>): Promise<Ended> => {
  const [[status], stdout, stderr] = await Promise.all([once(child, 'close'), text(child.stdout), text(child.stderr)])
  return { status: status as number | null, stdout, stderr }
}
