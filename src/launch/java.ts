// A trust store for the JVM, made by its own keytool: the roots that came with it, and weir's.

import { execFileSync, spawnSync } from 'node:child_process'
import { chmodSync, copyFileSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Environment } from './variables.ts'

/** The password that every JDK's own store has; there is no secret in it. */
const PASSWORD = 'changeit'
const PATIENCE_MS = 20_000

/** Path of the store, which `keep` keeps; undefined when no Java is found, or when it can not make one. */
export const javaStore = (
  keep: (name: string, key: string, make: (path: string) => void) => string,
  ca: { readonly file: string; readonly pem: string },
  env: Environment,
): string | undefined => {
  const home = javaHome(env)
  if (home === undefined) return undefined
  const roots = join(home, 'lib/security/cacerts')
  try {
    return keep('java-truststore', readFileSync(roots, 'latin1') + ca.pem, (path) => {
      copyFileSync(roots, path)
      chmodSync(path, 0o644)
      const what = ['-importcert', '-noprompt', '-alias', 'weir', '-file', ca.file]
      const where = ['-keystore', path, '-storepass', PASSWORD]
      execFileSync(join(home, 'bin/keytool'), [...what, ...where], { stdio: 'ignore', timeout: PATIENCE_MS })
    })
  } catch {
    return undefined
  }
}

/** What the Java that would run the bot calls its home. */
const javaHome = (env: Environment): string | undefined => {
  const java = env.JAVA_HOME ? join(env.JAVA_HOME, 'bin/java') : 'java'
  const { stderr } = spawnSync(java, ['-XshowSettings:properties', '-version'], {
    encoding: 'utf8',
    timeout: PATIENCE_MS,
    env: { PATH: env.PATH },
  })
  return /^\s*java\.home = (.+)$/m.exec(stderr ?? '')?.[1]
}
