// `weir ca`: the certificate that bots must trust, and how each system and language is told to.

import { existsSync, readFileSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { readSettings } from '../config/environment.ts'
import { formatIssues } from '../config/issues.ts'
import { loadRules } from '../config/load.ts'
import { realClock } from '../core/clock.ts'
import { trustAdvice } from '../tls/trust.ts'
import { caText } from './ca-text.ts'

/** Status 1 when there is no CA yet. */
export const ca = async (args: readonly string[], env: NodeJS.ProcessEnv): Promise<number> => {
  const read = readSettings(args, env)
  if (!read.ok) {
    process.stderr.write(`${formatIssues(read.issues, '')}\n`)
    return 1
  }
  const { stateDir, config } = read.settings
  const file = join(stateDir, 'ca.pem')
  if (!existsSync(file)) {
    process.stderr.write(`weir: there is no CA in ${stateDir} yet; it is made when weir first starts (weir serve)\n`)
    return 1
  }
  const pem = readFileSync(file, 'utf8')
  const loaded = loadRules(await readFile(config, 'utf8').catch(() => ''), config, env)
  const hosts = loaded.ok ? [...loaded.rules.hosts.keys()] : []
  process.stdout.write(
    `${caText(pem, hosts, realClock.wall())}${pem}\n${trustAdvice(file, join(stateDir, 'bundle.pem'))}\n`,
  )
  return 0
}
