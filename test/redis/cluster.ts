// A real Redis Cluster on this machine: three masters, each with a replica.

import { execFileSync } from 'node:child_process'
import { setTimeout as sleep } from 'node:timers/promises'
import { freePort, type RedisServer, startRedis } from './server.ts'

/** How long a node may be silent before its replica takes over. */
const NODE_TIMEOUT_MS = 1000
const PATIENCE_MS = 20_000

export interface RedisCluster extends AsyncDisposable {
  /** Seeds, as `--redis` takes them. */
  readonly url: string
  /** The master that holds that key. */
  masterOf(key: string): RedisServer
}

/** Starts one; resolves when all slots are served and every master has its replica. */
export const startCluster = async (): Promise<RedisCluster> => {
  const nodes: RedisServer[] = []
  for (let node = 0; node < 6; node += 1) {
    // The nodes talk on a port of their own, by default 10000 higher, which may not exist.
    const bus = await freePort()
    const settings = [
      ...['--cluster-enabled', 'yes', '--cluster-node-timeout', String(NODE_TIMEOUT_MS), '--cluster-port', String(bus)],
      ...['--cluster-replica-validity-factor', '0', '--repl-diskless-sync-delay', '0'],
    ]
    nodes.push(await startRedis(settings))
  }
  const places = nodes.map(({ port }) => `127.0.0.1:${port}`)
  const create = ['--cluster', 'create', ...places, '--cluster-replicas', '1', '--cluster-yes']
  execFileSync('redis-cli', create, { stdio: 'ignore', timeout: 60_000 })
  const [first] = nodes
  if (first === undefined) throw new Error('no node')
  const isWhole = (): boolean =>
    first.cli('CLUSTER', 'INFO').includes('cluster_state:ok') &&
    nodes.filter((node) => /master_link_status:up/.test(node.cli('INFO', 'replication'))).length === 3
  for (let waited = 0; !isWhole(); waited += 100) {
    if (waited > PATIENCE_MS) throw new Error(first.cli('CLUSTER', 'NODES'))
    await sleep(100)
  }
  return {
    url: `redis://${places.join(',')}`,
    masterOf: (key) => {
      const slot = Number(first.cli('CLUSTER', 'KEYSLOT', key))
      for (const line of first.cli('CLUSTER', 'NODES').split('\n')) {
        const [, address = '', flags = '', , , , , , ...ranges] = line.split(' ')
        const holds = ranges.some((range) => {
          const [from = Number.NaN, to = from] = range.split('-').map(Number)
          return slot >= from && slot <= to
        })
        const port = Number(/:(\d+)@/.exec(address)?.[1])
        const node = nodes.find((one) => one.port === port)
        if (holds && flags.includes('master') && !flags.includes('fail') && node !== undefined) return node
      }
      throw new Error(`nobody holds ${key}`)
    },
    [Symbol.asyncDispose]: async () => {
      for (const node of nodes) await node[Symbol.asyncDispose]()
    },
  }
}
