// `weir serve` when it can not start: one sentence, status 1, and the process ends.

import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmod, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, it, onTestFinished } from 'vitest'
import { startWeir } from '../support/weir.ts'

const MAIN = fileURLToPath(new URL('../../src/main.ts', import.meta.url))
const LONGEST_MS = 30_000

interface Ended {
  /** Null when the process had to be killed. */
  readonly status: number | null
  readonly stderr: string
}

const serve = (...args: readonly string[]): Promise<Ended> =>
  new Promise((resolve) => {
    const child = execFile(
      process.execPath,
      [MAIN, 'serve', ...args],
      { timeout: LONGEST_MS },
      (_error, _out, stderr) => resolve({ status: child.exitCode, stderr }),
    )
  })

const freshDirectory = async (): Promise<string> => {
  const directory = await mkdtemp(join(tmpdir(), 'weir-serve-'))
  onTestFinished(() => rm(directory, { recursive: true, force: true }))
  return directory
}

const takenPort = async (): Promise<number> => {
  const holder = createServer().listen(0, '127.0.0.1')
  onTestFinished(() => void holder.close())
  await once(holder, 'listening')
  const address = holder.address()
  return typeof address === 'object' && address !== null ? address.port : 0
}

const freePort = async (): Promise<number> => {
  const holder = createServer().listen(0, '127.0.0.1')
  await once(holder, 'listening')
  const address = holder.address()
  await new Promise((resolve) => holder.close(resolve))
  return typeof address === 'object' && address !== null ? address.port : 0
}

describe('weir serve', { timeout: 2 * LONGEST_MS }, () => {
  // With the port for bots taken it said so and then lived on, its admin port open: a supervisor saw a running weir.
  it.each(['--listen', '--admin'])('ends with a sentence when the port of %s is taken', async (flag) => {
    const other = flag === '--listen' ? '--admin' : '--listen'
    const taken = `127.0.0.1:${await takenPort()}`
    const { status, stderr } = await serve(flag, taken, other, '127.0.0.1:0', '--state-dir', await freshDirectory())
    expect(stderr).toContain(`weir can not start: ${taken} is taken`)
    expect(stderr).toContain(`${flag} `)
    expect(status).toBe(1)
  })

  it('ends with a sentence when --connect-to leads back to it', async () => {
    const port = await freePort()
    const loop = ['--connect-to', `api.kraken.com:443:127.0.0.1:${port}`]
    const where = ['--listen', `127.0.0.1:${port}`, '--admin', '127.0.0.1:0', '--state-dir', await freshDirectory()]
    const { status, stderr } = await serve(...loop, ...where)
    expect(stderr).toContain(`weir can not start: --connect-to leads api.kraken.com to weir itself (port ${port})`)
    expect(status).toBe(1)
  })

  it.each([
    ['--state-dir', 'a file'],
    ['--upstream-ca', 'no file'],
    ['--upstream-ca', 'a file without a certificate'],
  ])('ends with a sentence when %s is %s', async (flag, what) => {
    const directory = await freshDirectory()
    const path = join(directory, 'thing')
    if (what !== 'no file') await writeFile(path, '')
    const stateDir = flag === '--state-dir' ? [] : ['--state-dir', directory]
    const { status, stderr } = await serve(flag, path, ...stateDir, '--listen', '127.0.0.1:0', '--admin', '127.0.0.1:0')
    expect(stderr).toMatch(/weir can not start: .*thing/)
    expect(stderr).not.toContain('    at ')
    expect(status).toBe(1)
  })

  const startIn = (directory: string) =>
    serve('--state-dir', directory, '--listen', '127.0.0.1:0', '--admin', '127.0.0.1:0')

  // Node's own way of making a directory with its parents never returned there: no output, and no end.
  it('ends with a sentence when the state directory can not be made', async () => {
    const { status, stderr } = await startIn('/proc/x')
    expect(stderr).toBe('weir can not start: /proc/x can not be made (ENOENT)\n')
    expect(status).toBe(1)
  })

  // It ended with a stack of calls, which is how a mistake in weir itself looks.
  it('ends with a sentence when the state file can not be opened', async () => {
    const directory = await freshDirectory()
    await mkdir(join(directory, 'weir.db'))
    const { status, stderr } = await startIn(directory)
    expect(stderr).toBe(`weir can not start: ${join(directory, 'weir.db')}: unable to open database file\n`)
    expect(status).toBe(1)
  })

  // The last line was that it is stopping: whether it had, and was not killed, nobody could say.
  it('says that it has stopped, and warns of a state directory that others can write to', async () => {
    const directory = await freshDirectory()
    await chmod(directory, 0o777)
    await using weir = await startWeir({ exchange: { port: 1, caFile: '' }, stateDir: directory })
    await weir.logged(/^others can write to the state directory/)
    expect(await weir.stop()).toBe(0)
    expect(weir.lines().at(-1)).toMatchObject({ level: 'info', msg: 'weir has stopped' })
  })

  // It closed its ports, and then tried to write its last lines ten times a second, for ever.
  it('ends also when whoever read its log is gone', async () => {
    const at = ['--listen', '127.0.0.1:0', '--admin', '127.0.0.1:0', '--state-dir', await freshDirectory()]
    const weir = spawn(process.execPath, [MAIN, 'serve', ...at], { stdio: ['ignore', 'pipe', 'pipe'] })
    onTestFinished(() => void weir.kill('SIGKILL'))
    const ended = once(weir, 'exit')
    await once(weir.stderr, 'data')
    weir.stdout.destroy()
    weir.kill('SIGTERM')
    expect(await ended).toEqual([0, null])
  })
})
