// A Python with the clients of requirements.txt, in a virtual environment under node_modules: made once, gone with node_modules.

import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, readFileSync } from 'node:fs'
import { rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

const run = promisify(execFile)
const REQUIREMENTS = fileURLToPath(new URL('./requirements.txt', import.meta.url))
/** Named after what is in it, so that a change of the list makes a new one. */
const DIGEST = createHash('sha256').update(readFileSync(REQUIREMENTS)).digest('hex').slice(0, 8)
const HOME = fileURLToPath(new URL(`../../node_modules/.cache/weir-python-${DIGEST}`, import.meta.url))
const INSTALL_MS = 120_000

/** Path of the interpreter; undefined, with one line that says why, when it can not be had. */
export async function openPython(): Promise<string | undefined> {
  const python = join(HOME, 'bin/python')
  if (existsSync(python)) return python
  const unfinished = `${HOME}-${process.pid}`
  try {
    await run('python3', ['-m', 'venv', unfinished], { timeout: INSTALL_MS })
    const install = ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', '--requirement', REQUIREMENTS]
    await run(join(unfinished, 'bin/python'), install, { timeout: INSTALL_MS })
    await rename(unfinished, HOME)
    return python
  } catch (error) {
    await rm(unfinished, { recursive: true, force: true })
    // Another test file was quicker.
    if (existsSync(python)) return python
    const why = String((error as { stderr?: string }).stderr || error).trim()
    process.stdout.write(`SKIPPED: no Python clients: ${why.split('\n').at(-1)}\n`)
    return undefined
  }
}
