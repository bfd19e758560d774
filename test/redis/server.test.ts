// The real redis-server that tests are given is the one that was started for them.

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createConnection } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, it, onTestFinished, vi } from 'vitest'
import { freePort, mortal, startRedis } from './server.ts'

// Where a port was taken, whoever had it answered in place of the server that could not start.
it('a server that can not have its port says so at once, and another is not taken for it', async () => {
  const redis = await startRedis()
  onTestFinished(() => redis[Symbol.asyncDispose]())
  await expect(startRedis([], redis.port)).rejects.toThrow(`redis-server did not start on port ${redis.port}`)
})

it('a server that can not start is not waited for', { timeout: 9_000 }, async () => {
  await expect(startRedis(['--maxmemory-policy', 'no-such'])).rejects.toThrow('redis-server did not start')
})

/** What is found for the names of programs, until the test is over. */
const shadow = (programs: Readonly<Record<string, string>>): void => {
  const dir = mkdtempSync(join(tmpdir(), 'weir-shadow-'))
  onTestFinished(() => rmSync(dir, { recursive: true }))
  for (const [name, script] of Object.entries(programs)) {
    writeFileSync(join(dir, name), `#!/bin/sh\nhere=${dir}\n${script}\n`, { mode: 0o755 })
  }
  vi.stubEnv('PATH', `${dir}:${process.env.PATH}`)
  onTestFinished(() => void vi.unstubAllEnvs())
}

// Three times ten seconds went by for a server that the system had killed.
it('a server that a signal ended is not waited for', { timeout: 9_000 }, async () => {
  shadow({ 'redis-server': '[ "$1" = --version ] || kill -KILL $$' })
  await expect(startRedis()).rejects.toThrow('redis-server did not start')
})

// Process 123 was taken for process 12.
it('a server whose number only begins alike is another', async () => {
  shadow({
    // It goes once it was asked for.
    'redis-server': '[ "$1" = --version ] || { echo $$ > $here/pid; until [ -e $here/asked ]; do sleep 0.02; done; }',
    'redis-cli': '[ -s $here/pid ] || exit 1\necho process_id:$(cat $here/pid)0\n: > $here/asked',
  })
  const port = await freePort()
  await expect(startRedis([], port)).rejects.toThrow(`redis-server did not start on port ${port}`)
})

// Where it is missing, no server was started at all, and the whole run of tests ended with that.
it('a server starts also where no setpriv is there to end it with its parent', () => {
  shadow({ setpriv: 'exit 1' })
  expect(mortal('redis-server', '--port', '1')).toEqual(['redis-server', '--port', '1'])
})

// Runs of tests that were killed left theirs behind, one more each time.
it.runIf(mortal('true').length > 1)('a server goes when the process that started it is killed', async () => {
  const source = new URL('server.ts', import.meta.url).href
  const program = `
    const { startRedis } = await import('${source}')
    const { port } = await startRedis()
    console.log(port)
    setInterval(() => {}, 1000)`
  const home = mkdtempSync(join(tmpdir(), 'weir-orphan-'))
  onTestFinished(() => rmSync(home, { recursive: true, force: true }))
  const env = { ...process.env, TMPDIR: home }
  const parent = spawn(process.execPath, ['--input-type=module', '-e', program], {
    env,
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  onTestFinished(() => void parent.kill('SIGKILL'))
  const [port] = (await once(parent.stdout, 'data')) as [Buffer]
  const reach = () => tryPort(Number(port))
  expect(await reach()).toBe('connect')
  parent.kill('SIGKILL')
  await expect.poll(reach, { timeout: 10_000 }).toBe('error')
})

const tryPort = async (port: number): Promise<string> => {
  const socket = createConnection(port, '127.0.0.1')
  const told = await Promise.race(
    ['connect', 'error'].map((event) => new Promise<string>((done) => socket.once(event, () => done(event)))),
  )
  socket.destroy()
  return told
}
