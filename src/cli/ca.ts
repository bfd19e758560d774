// `weir ca`: the certificate that bots must trust, and how each system and language is told to; `weir ca trust --system` tells
// the system itself.

import { existsSync, readFileSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { readSettings, type Settings } from '../config/environment.ts'
import { formatIssues } from '../config/issues.ts'
import { loadRules } from '../config/load.ts'
import { realClock } from '../core/clock.ts'
import { trustAdvice } from '../tls/trust.ts'
import { TrustError, trustSystem, untrustSystem } from './ca-system.ts'
import { caText } from './ca-text.ts'
import { complain } from './complain.ts'

const USAGE = `Usage: weir ca                   the certificate, and how bots are told to trust it
       weir ca trust --system   add it to the system's trust store, as root (Debian, Ubuntu)
       weir ca untrust          take it back`

/** Status 1 when there is no CA yet or the system can not be told, 2 when the question makes no sense. */
export const ca = async (args: readonly string[], env: NodeJS.ProcessEnv): Promise<number> => {
  const system = args.includes('--system')
  const read = readSettings(
    args.filter((word) => word !== '--system'),
    env,
  )
  if (!read.ok) return complain(formatIssues(read.issues, ''), 1)
  const [what, ...more] = read.rest
  const asked = `${what ?? 'show'}${system ? ' --system' : ''}`
  if (more.length > 0 || !ASKED.has(asked)) return complain(USAGE, 2)
  try {
    if (what === 'untrust') return say(untrustSystem())
    const { stateDir } = read.settings
    const file = join(stateDir, 'ca.pem')
    if (!existsSync(file)) {
      return complain(`weir: there is no CA in ${stateDir} yet; it is made when weir first starts (weir serve)`, 1)
    }
    const pem = readFileSync(file, 'utf8')
    return say(what === 'trust' ? trustSystem(pem) : await advice(read.settings, file, pem, env))
  } catch (error) {
    const told = error instanceof TrustError || (error instanceof Error && 'syscall' in error)
    if (!told) throw error
    // sudo changes the home directory, and with it the default of --state-dir.
    const again = `sudo ${process.execPath} ${process.argv[1]} ca ${asked} --state-dir ${read.settings.stateDir}`
    return complain(`weir: ${error.message}${process.getuid?.() === 0 ? '' : `:\n  ${again}`}`, 1)
  }
}

const ASKED = new Set(['show', 'trust --system', 'untrust', 'untrust --system'])

const advice = async ({ stateDir, config }: Settings, file: string, pem: string, env: NodeJS.ProcessEnv) => {
  const loaded = loadRules(await readFile(config, 'utf8').catch(() => ''), config, env)
  const hosts = loaded.ok ? [...loaded.rules.hosts.keys()] : []
  return `${caText(pem, hosts, realClock.wall())}${pem}\n${trustAdvice(file, join(stateDir, 'bundle.pem'))}\n`
}

const say = (text: string): number => {
  process.stdout.write(text)
  return 0
}
