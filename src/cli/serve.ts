// `weir serve`: runs the proxy until it is told to stop.

import { join } from 'node:path'
import { type App, buildApp } from '../app/app.ts'
import { RulesError } from '../app/rulebook.ts'
import { readSettings } from '../config/environment.ts'
import { formatIssues } from '../config/issues.ts'
import { AuthorityError } from '../tls/constraints.ts'
import { VERSION } from './version.ts'

/** Resolves once weir has stopped. Status 1: it could not start, and standard error says why. */
export const serve = async (args: readonly string[], env: NodeJS.ProcessEnv): Promise<number> => {
  const read = readSettings(args, env)
  if (!read.ok) return refuse(formatIssues(read.issues, ''))
  const { settings } = read
  let app: App
  try {
    app = await buildApp(settings, env)
  } catch (error) {
    if (error instanceof RulesError || error instanceof AuthorityError) return refuse(error.message)
    throw error
  }
  const port = await app.listen()
  const proxy = `http://${bracketed(settings.listen.host)}:${port}`
  app.log.started({
    version: VERSION,
    node: process.version,
    proxy,
    admin: undefined,
    config: settings.config,
    stateDir: settings.stateDir,
    store: 'sqlite',
    hosts: app.rulebook.rules.hosts.size,
    classes: app.rulebook.rules.exchanges.reduce((sum, { classes }) => sum + classes.length, 0),
  })
  process.stderr.write(`A bot needs: HTTPS_PROXY=${proxy} SSL_CERT_FILE=${join(settings.stateDir, 'bundle.pem')}\n`)
  return untilStopped(app)
}

const untilStopped = (app: App): Promise<number> => {
  process.on('SIGHUP', () => void app.rulebook.reload())
  return new Promise((resolve) => {
    let stopping = false
    const stop = (signal: string): void => {
      if (stopping) return
      stopping = true
      app.log.stopping(signal)
      app.stop().then(
        () => {
          app.log.flush()
          resolve(0)
        },
        (error: unknown) => {
          app.log.error('weir could not stop cleanly', error)
          app.log.flush()
          resolve(1)
        },
      )
    }
    process.on('SIGTERM', stop)
    process.on('SIGINT', stop)
  })
}

const refuse = (report: string): number => {
  process.stderr.write(`${report}\n`)
  return 1
}

const bracketed = (host: string): string => (host.includes(':') ? `[${host}]` : host)
