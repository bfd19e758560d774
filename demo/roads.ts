// The two ways from a bot to the simulated exchange: straight, and through weir. A road is all that differs between the
// two runs of the demo.

import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { Agent } from 'node:https'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { connect } from 'node:tls'
import type { Exchange } from '../test/support/exchange/exchange.ts'

export interface Road {
  /** The connections of one bot; bots share none. */
  agentFor(bot: string): Agent
  close(): Promise<void>
}

/** Straight to the exchange: what a hosts file and a trusted CA would do. */
export const directRoad = (exchange: Exchange): Road => ({
  agentFor: () => {
    const agent = new Agent({ keepAlive: true })
    agent.createConnection = ({ host }) =>
      connect({ host: '127.0.0.1', port: exchange.port, servername: host ?? '', ca: exchange.caPem })
    return agent
  },
  close: () => Promise.resolve(),
})

/** Through a weir of its own process, with the shipped limits.yaml told the tier that the exchange grants. */
export const weirRoad = async (exchange: Exchange, tier: string): Promise<Road> => {
  const dir = await mkdtemp(join(tmpdir(), 'weir-demo-'))
  const root = new URL('../', import.meta.url)
  const shipped = await readFile(new URL('limits.yaml', root), 'utf8')
  await writeFile(join(dir, 'limits.yaml'), shipped.replace('tier: starter', `tier: ${tier}`))
  const hosts = ['api.kraken.com', 'api.coinbase.com']
  const flags = [
    ...['--config', join(dir, 'limits.yaml'), '--state-dir', dir],
    ...['--listen', '127.0.0.1:0', '--admin', '127.0.0.1:0', '--upstream-ca', exchange.caFile],
    ...hosts.flatMap((host) => ['--connect-to', `${host}:443:127.0.0.1:${exchange.port}`]),
  ]
  const weir = spawn(process.execPath, ['src/main.ts', 'serve', ...flags], {
    cwd: root,
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const proxy = await startedAt(weir)
  const ca = await readFile(join(dir, 'ca.pem'), 'utf8')
  return {
    // What HTTPS_PROXY and NODE_EXTRA_CA_CERTS do for a whole process.
    agentFor: (bot) => new Agent({ keepAlive: true, ca, proxyEnv: { HTTPS_PROXY: proxy.replace('//', `//${bot}@`) } }),
    close: async () => {
      weir.kill('SIGTERM')
      if (weir.exitCode === null) await once(weir, 'exit')
      await rm(dir, { recursive: true, force: true })
    },
  }
}

/** The proxy address, from the log line that weir writes when it listens. Rejects when it ends instead. */
const startedAt = async (weir: ChildProcess): Promise<string> => {
  let complaint = ''
  weir.stderr?.on('data', (piece) => {
    complaint += piece
  })
  if (weir.stdout === null) throw new Error('weir has no output')
  for await (const line of createInterface(weir.stdout)) {
    const { proxy } = JSON.parse(line) as { proxy?: string }
    if (proxy === undefined) continue
    weir.stdout.resume()
    return proxy
  }
  throw new Error(`weir did not start: ${complaint}`)
}
