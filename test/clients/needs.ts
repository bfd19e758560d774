// What the bots of the tests are made of and the machine may lack: installed once, from Debian or by the bots' own tools, or
// missed with one loud line.

import { execFile, spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, readFileSync, statSync } from 'node:fs'
import { mkdir, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { installing } from '../support/debian.ts'
import { turn } from './turn.ts'

const run = promisify(execFile)
/** Gone with node_modules. */
const CACHE = fileURLToPath(new URL('../../node_modules/.cache', import.meta.url))
const INSTALL_MS = 480_000

/** Whether `probe` succeeds here; where it does not, root installs the Debian packages first. */
export async function openCommand(probe: readonly string[], packages: readonly string[]): Promise<boolean> {
  const [command = '', ...args] = probe
  const works = (): boolean => spawnSync(command, args, { timeout: 20_000 }).status === 0
  if (works()) return true
  try {
    const install = installing(packages)
    if (install === undefined) throw new Error('not root')
    const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' }
    await run(...install, { env, timeout: INSTALL_MS })
    process.stdout.write(`INSTALLED from Debian: ${packages.join(' ')}\n`)
    if (!works()) throw new Error(`${probe.join(' ')} fails nevertheless`)
    return true
  } catch (error) {
    miss(packages.join(' '), error)
    return false
  }
}

/** Path of a Python that has what a file of this folder asks for; undefined when it can not be had. */
export async function openPython(requirements: string): Promise<string | undefined> {
  // Debian's Python has no pip for a new environment without it.
  if (!(await openCommand(['python3', '-c', 'import ensurepip'], ['python3-venv']))) return undefined
  const list = fileURLToPath(new URL(requirements, import.meta.url))
  const home = await kept('weir-python', list, async (dir) => {
    await run('python3', ['-m', 'venv', dir], { timeout: INSTALL_MS })
    const install = ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', '--requirement', list]
    await run(join(dir, 'bin/python'), install, { timeout: INSTALL_MS })
  })
  return home === undefined ? undefined : join(home, 'bin/python')
}

/** Path of a program built from one file of Go; undefined when there is no Go. */
export async function openGo(source: string): Promise<string | undefined> {
  const env = {
    ...process.env,
    PATH: `${process.env.PATH}:/usr/local/go/bin`,
    GOTOOLCHAIN: 'local',
    GO111MODULE: 'off',
  }
  const hasGo = spawnSync('go', ['version'], { env }).status === 0
  if (!hasGo && !(await openCommand(['go', 'version'], ['golang-go']))) return undefined
  const file = fileURLToPath(new URL(source, import.meta.url))
  const home = await kept('weir-go', file, async (dir) => {
    await mkdir(dir, { recursive: true })
    const flags = { env: { ...env, GOCACHE: join(CACHE, 'weir-go-build') }, timeout: INSTALL_MS }
    await run('go', ['build', '-o', join(dir, 'bot'), file], flags)
  })
  return home === undefined ? undefined : join(home, 'bot')
}

/** A directory that `make` fills, named after what is in `file`: a change of it makes a new one. */
async function kept(name: string, file: string, make: (dir: string) => Promise<void>): Promise<string | undefined> {
  const digest = createHash('sha256').update(readFileSync(file)).digest('hex').slice(0, 8)
  const home = join(CACHE, `${name}-${digest}`)
  if (existsSync(home)) return home
  const askedAt = Date.now()
  const end = await turn(`${home}.turn`)
  const unfinished = `${home}-${process.pid}`
  const missed = `${home}.missed`
  try {
    if (existsSync(home)) return home
    // Another test file has tried meanwhile.
    if ((statSync(missed, { throwIfNoEntry: false })?.mtimeMs ?? 0) > askedAt) throw new Error('it could not be made')
    await make(unfinished)
    await rename(unfinished, home)
    return home
  } catch (error) {
    await rm(unfinished, { recursive: true, force: true })
    await writeFile(missed, '')
    miss(name, error)
    return undefined
  } finally {
    end()
  }
}

function miss(what: string, error: unknown): void {
  const why = String((error as { stderr?: string }).stderr || error).trim()
  process.stdout.write(`SKIPPED: no ${what}: ${why.split('\n').at(-1)}\n`)
}
