// `weir serve`: runs the proxy until it is told to stop.

import { join } from 'node:path'
import { type AdminServer, startAdmin } from '../admin/server.ts'
import { adminDeps } from '../app/admin.ts'
import { type App, buildApp } from '../app/app.ts'
import { RulesError, StartError } from '../app/start-error.ts'
import { bracketed } from '../app/ways.ts'
import type { Address } from '../config/addresses.ts'
import { readSettings } from '../config/environment.ts'
import { formatIssues } from '../config/issues.ts'
import { AuthorityError } from '../tls/constraints.ts'
import { complain } from './complain.ts'
import { VERSION } from './version.ts'

/** Resolves once weir has stopped. Status 1: it could not start, and standard error says why. */
export const serve = async (args: readonly string[], env: NodeJS.ProcessEnv): Promise<number> => {
  const read = readSettings(args, env)
  if (!read.ok) return complain(formatIssues(read.issues, ''), 1)
  const { settings } = read
  let app: App
  try {
    app = await buildApp(settings, env)
  } catch (error) {
    if (error instanceof RulesError || error instanceof AuthorityError) return complain(error.message, 1)
    if (error instanceof StartError) return complain(`weir can not start: ${error.message}`, 1)
    // What the system says of a state directory or a certificate file is for the operator, not a bug of ours.
    if (error instanceof Error && 'syscall' in error) return complain(`weir can not start: ${error.message}`, 1)
    throw error
  }
  let admin: AdminServer | undefined
  try {
    const adminOptions = { ...settings.admin, onError: (error: unknown) => app.log.error('a page failed', error) }
    admin = await startAdmin(adminOptions, adminDeps(app)).catch(notBound('admin', settings.admin))
    await app.listen(adminAt(app, admin.port)).catch(notBound('listen', settings.listen))
  } catch (error) {
    // Either would keep the process alive: nobody would see that it does not serve.
    await Promise.all([app.stop(), admin?.close()])
    return complain(`weir can not start: ${error instanceof Error ? error.message : String(error)}`, 1)
  }
  const stopped = untilStopped(app, admin)
  // Whoever has read this may tell weir to stop.
  announce(app, admin.port)
  return stopped
}

/** Says which flag names the address that can not be had. */
const notBound =
  (flag: 'listen' | 'admin', { host, port }: Address) =>
  (error: NodeJS.ErrnoException): never => {
    const at = `${bracketed(host)}:${port}`
    const advice = `name another with --${flag} or WEIR_${flag.toUpperCase()}`
    if (error.code === 'EADDRINUSE') {
      throw new StartError(`${at} is taken, by another weir perhaps: stop what listens there, or ${advice}`)
    }
    throw error.syscall === 'listen' ? new StartError(`${at} can not be listened on (${error.code}): ${advice}`) : error
  }

const adminAt = ({ settings }: App, port: number): string => `http://${bracketed(settings.admin.host)}:${port}`

/** The line that people copy, and the line that machines read. */
const announce = (app: App, adminPort: number): void => {
  const { stateDir, config } = app.settings
  const proxy = app.proxy()
  app.log.started({
    version: VERSION,
    node: process.version,
    proxy,
    admin: adminAt(app, adminPort),
    config,
    stateDir,
    store: app.fleet === undefined ? 'sqlite' : 'redis',
    hosts: app.rulebook.rules.hosts.size,
    classes: app.rulebook.rules.exchanges.reduce((sum, { classes }) => sum + classes.length, 0),
  })
  app.log.flush()
  const bundle = join(stateDir, 'bundle.pem')
  process.stderr.write(
    `weir listens on ${proxy}. A bot needs:\n` +
      `  HTTPS_PROXY=${proxy} SSL_CERT_FILE=${bundle} REQUESTS_CA_BUNDLE=${bundle} NODE_USE_ENV_PROXY=1 NODE_EXTRA_CA_CERTS=${join(stateDir, 'ca.pem')} YOUR-BOT\n`,
  )
}

/** What the log still has to say is lost when nobody has read it by then. */
const LAST_WORDS_MS = 1000

const untilStopped = (app: App, admin: AdminServer): Promise<number> => {
  process.on('SIGHUP', () => void app.rulebook.reload())
  return new Promise((resolve) => {
    let stopping = false
    const end = async (status: number): Promise<void> => {
      await app.log.close(new Promise<void>((done) => void app.clock.after(LAST_WORDS_MS, done)))
      resolve(status)
    }
    const stop = (signal: string): void => {
      if (stopping) return
      stopping = true
      app.log.stopping(signal)
      // The admin port last: it tells that weir is stopping, and how the last calls end.
      app
        .stop()
        .finally(() => admin.close())
        .then(
          () => {
            app.log.stopped()
            return end(0)
          },
          (error: unknown) => {
            app.log.error('weir could not stop cleanly', error)
            return end(1)
          },
        )
    }
    process.on('SIGTERM', stop)
    process.on('SIGINT', stop)
  })
}
