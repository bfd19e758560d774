// Runs `ground.ts` where no bot can reach anything but this machine, and where the exchanges' names lead to a recorder: in
// a network and mount namespace (unshare(1)) with a hosts file of its own. Where those are not permitted it runs without.

import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { CallView } from '../../src/core/views.ts'
import { HOSTS } from '../support/exchange/exchange.ts'
import type { Weir } from '../support/weir.ts'
import { openCommand } from './needs.ts'

/** What the bots' side needs to know of the weir. */
export type Way = Pick<Weir, 'proxy' | 'admin' | 'stateDir' | 'caFile' | 'bundle'>

/** Said by the ground when everything listens. */
export interface Hello {
  /** False: nobody watches what goes past weir. */
  readonly isolated: boolean
  readonly weir: Way
}

/** One bot to run. */
export interface Order {
  readonly command: readonly string[]
  /** PATH is added. */
  readonly env: Readonly<Record<string, string>>
  /** The exchanges' names lead to weir's port 443 instead of the recorder. */
  readonly mapped: boolean
  /** Names of keys that the exchange is to know. */
  readonly keys: readonly string[]
}

/** What came of it. */
export interface Outcome {
  readonly status: number | null
  readonly stdout: string
  readonly stderr: string
  /** Connections that went past weir. */
  readonly past: number
  /** What weir says that it has finished. */
  readonly heard: readonly CallView[]
  /** What the exchange has seen. */
  readonly reached: readonly {
    readonly host: string
    readonly path: string
    readonly verdict: string
    readonly agent: string
    /** The API key at Kraken; empty elsewhere. */
    readonly key: string
    readonly body: string
  }[]
  /** At the exchange, since its start. */
  readonly violations: number
  readonly invalidNonces: number
}

export interface Ground extends Hello, AsyncDisposable {
  run(order: Order): Promise<Outcome>
}

/** Where the exchanges' names lead by themselves, and where they lead a bot whose hosts file knows weir. */
export const DIRECT = '127.0.0.2'
export const WEIR_AS_EXCHANGE = '127.0.0.3'

/** Interfaces of a new network namespace are down; names are read from the file given. */
const ENTER = 'ip link set lo up && mount --bind "$0" /etc/hosts && exec "$@"'

/** Starts it; one line says so when the bots are not isolated. */
export async function openGround(): Promise<Ground> {
  const dir = await mkdtemp(join(tmpdir(), 'weir-ground-'))
  const [direct, mapped] = await Promise.all([DIRECT, WEIR_AS_EXCHANGE].map((address) => hostsFile(dir, address)))
  const flags = (await openCommand(['ip', '-V'], ['iproute2'])) ? namespaces() : undefined
  const program = [process.execPath, fileURLToPath(new URL('./ground.ts', import.meta.url))]
  if (flags === undefined)
    process.stdout.write('NO RECORDER: no ip(8), or namespaces are not permitted here; bots run without\n')
  const isolated = ['unshare', ...(flags ?? []), 'sh', '-c', ENTER, String(direct), ...program, String(mapped)]
  const [command = '', ...args] = flags === undefined ? program : isolated
  const child = spawn(command, args, { stdio: ['ignore', 'ignore', 'pipe', 'ipc'] })
  let said = ''
  child.stderr?.on('data', (piece: Buffer) => {
    said += piece.toString()
  })
  const hello = (await answerOf(child, () => said)) as Hello
  return {
    ...hello,
    run: (order) => {
      child.send(order)
      return answerOf(child, () => said) as Promise<Outcome>
    },
    [Symbol.asyncDispose]: async () => {
      const gone = once(child, 'exit')
      child.disconnect()
      await gone
      await rm(dir, { recursive: true })
    },
  }
}

async function hostsFile(dir: string, address: string): Promise<string> {
  const path = join(dir, `hosts-${address}`)
  await writeFile(path, `127.0.0.1 localhost\n${HOSTS.map((host) => `${address} ${host}\n`).join('')}`)
  return path
}

/** Flags of unshare(1) that are permitted here: whoever is not root becomes it in a user namespace. */
function namespaces(): readonly string[] | undefined {
  const flags = ['--mount', '--net']
  const ways = [flags, [...flags, '--map-root-user']]
  return ways.find((way) => spawnSync('unshare', [...way, 'sh', '-c', 'ip link set lo up']).status === 0)
}

async function answerOf(child: ChildProcess, said: () => string): Promise<unknown> {
  const gone = new AbortController()
  try {
    const end = once(child, 'exit', gone).then(() => Promise.reject(new Error(`the ground is gone: ${said()}`)))
    const [message] = (await Promise.race([once(child, 'message', gone), end])) as [unknown]
    return message
  } finally {
    gone.abort()
  }
}
