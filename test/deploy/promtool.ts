// promtool, to check rules with: the one on the machine, else the one of Debian's package, unpacked beside and not installed
// (installing it would start a Prometheus).

import { execFileSync, spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

const HOME = join(tmpdir(), 'weir-promtool')
const UNPACKED = join(HOME, 'usr/bin/promtool')
const PATIENCE_MS = 120_000

/** Path of promtool; undefined, with a loud line, where there is none and none can be had. */
export const findPromtool = (): string | undefined => {
  for (const found of ['promtool', UNPACKED]) {
    if (spawnSync(found, ['--version']).status === 0) return found
  }
  try {
    unpack()
    return UNPACKED
  } catch {
    process.stderr.write('\nNOT TESTED: the Prometheus rules. promtool is missing: apt-get install prometheus\n\n')
    return undefined
  }
}

/** Whole or not at all: another process may be at it too. */
const unpack = (): void => {
  mkdirSync(HOME, { recursive: true })
  const own = mkdtempSync(join(tmpdir(), 'weir-deb-'))
  const run = (command: string, ...args: string[]) =>
    execFileSync(command, args, { cwd: own, stdio: 'ignore', timeout: PATIENCE_MS })
  try {
    run('apt-get', 'download', 'prometheus')
    const [deb = ''] = readdirSync(own).filter((name) => name.endsWith('.deb'))
    run('dpkg', '-x', deb, 'unpacked')
    if (existsSync(UNPACKED)) return
    mkdirSync(join(HOME, 'usr/bin'), { recursive: true })
    renameSync(join(own, 'unpacked/usr/bin/promtool'), UNPACKED)
  } finally {
    rmSync(own, { recursive: true, force: true })
  }
}
