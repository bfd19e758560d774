// Several test files lack the same program at the same time: it is installed once.

import { execFile, spawnSync } from 'node:child_process'
import { chmod, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { expect, it, onTestFinished } from 'vitest'
import { installing } from './debian.ts'

const run = promisify(execFile)
const isDebian = ['dpkg', 'flock'].every((command) => spawnSync(command, ['--version']).status === 0)

/** Asks for packages with an `apt-get` that only writes down what it is asked, and a lock that nobody holds. */
const asked = async (packages: readonly string[]): Promise<string> => {
  const dir = await mkdtemp(join(tmpdir(), 'weir-debian-'))
  onTestFinished(() => rm(dir, { recursive: true }))
  await writeFile(join(dir, 'apt-get'), `#!/bin/sh\necho "$1" >> ${dir}/asked\n`)
  await chmod(join(dir, 'apt-get'), 0o755)
  const [command, [, ...args]] = installing(packages) ?? ['false', []]
  await run(command, [join(dir, 'lock'), ...args], {
    env: { ...process.env, PATH: `${dir}:${process.env.PATH}` },
    timeout: 20_000,
  })
  return readFile(join(dir, 'asked'), 'utf8').catch(() => '')
}

// Whoever had waited for the lock installed again, one after the other.
it.runIf(isDebian && process.getuid?.() === 0)('what is there by now is not installed again', async () => {
  expect(await asked(['dash'])).toBe('')
  expect(await asked(['dash', 'weir-no-such-package'])).toBe('update\ninstall\n')
})
