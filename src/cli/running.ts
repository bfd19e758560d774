// A weir that a bot can be led to: the one that runs, asked through its admin port and tried as a bot would; or a private
// one, which lives as long as its command.

import { connect } from 'node:tls'
import { bracketed } from '../app/ways.ts'
import type { Address } from '../config/addresses.ts'
import type { Settings } from '../config/environment.ts'
import { ask, NotRunning } from './desk.ts'

export interface Running {
  /** Where bots connect: `127.0.0.1:8080`. */
  readonly proxy: string
  /** What it intercepts. */
  readonly hosts: readonly string[]
  /** The root that bots must trust. */
  readonly caPem: string
}

const PATIENCE_MS = 5000

/** Resolves only when an exchange's name is answered for, under the root that the admin port hands out. @throws NotRunning */
export const findRunning = async (settings: Settings): Promise<Running> => {
  const caPem = await ask(settings, '/ca.pem', '*/*')
  const page = JSON.parse(await ask(settings, '/v1/breakers', 'application/json')) as {
    readonly breakers: readonly { readonly host: string }[]
  }
  const hosts = page.breakers.map(({ host }) => host)
  const address = reachable(settings.listen)
  const [host = ''] = hosts
  await shakeHands(address, host, caPem)
  return { proxy: written(address), hosts, caPem }
}

/** Starts a weir on a free port, in this process. It logs to standard error: standard output is the command's. */
export const startOwn = async (
  settings: Settings,
  env: NodeJS.ProcessEnv,
): Promise<{ readonly running: Running; readonly stop: () => Promise<void> }> => {
  // Loaded only here: most bots are led to a weir that runs, and start half a second sooner without.
  const [{ buildApp }, { createLog }] = await Promise.all([import('../app/app.ts'), import('../observe/log.ts')])
  const listen = { host: '127.0.0.1', port: 0 }
  const app = await buildApp({ ...settings, listen }, env, createLog(settings.logLevel, process.stderr))
  const port = await app.listen()
  const hosts = [...app.rulebook.rules.hosts.keys()]
  const running = { proxy: written({ ...listen, port }), hosts, caPem: app.certificates.caPem }
  return { running, stop: () => app.stop() }
}

/** An address to listen on is not always one to connect to. */
const reachable = ({ host, port }: Address): Address => {
  if (host === '0.0.0.0') return { host: '127.0.0.1', port }
  return { host: host === '::' ? '::1' : host, port }
}

const written = ({ host, port }: Address): string => `${bracketed(host)}:${port}`

const shakeHands = (address: Address, servername: string, ca: string): Promise<void> =>
  new Promise((resolve, reject) => {
    const socket = connect({ ...address, servername, ca, timeout: PATIENCE_MS })
    const fail = (why: string): void => {
      socket.destroy()
      reject(new NotRunning(`${why}; name the address that weir listens on with --listen or WEIR_LISTEN`))
    }
    socket.once('secureConnect', () => {
      // Not destroyed: weir would take that for a bot that does not trust it.
      socket.end()
      resolve()
    })
    socket.once('timeout', () => fail(`${written(address)} does not answer`))
    socket.once('error', (error: NodeJS.ErrnoException) => {
      const refused = error.code === 'ECONNREFUSED'
      fail(refused ? `nothing listens on ${written(address)}` : `${written(address)} is not the weir that was asked`)
    })
  })
