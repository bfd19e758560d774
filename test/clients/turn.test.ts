// Test files take turns at what all of them want.

import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, it, onTestFinished } from 'vitest'
import { turn } from './turn.ts'

const HOLDER = `
const { turn } = await import(process.argv[1])
globalThis.end = await turn(process.argv[2])
console.log('mine')
setInterval(() => {}, 1000)`

// A run that was killed left its lock, and the next waited for 24 minutes without a word.
it('a turn is over when it is ended, and when the process that had it is killed', async () => {
  const path = await home()
  const source = new URL('turn.ts', import.meta.url).href
  const holder = spawn(process.execPath, ['--input-type=module', '-e', HOLDER, source, path])
  onTestFinished(() => void holder.kill('SIGKILL'))
  await once(holder.stdout, 'data')
  const order: string[] = []
  const first = take(path)
  const asFirst = first.taken.then(() => order.push('first'))
  await Promise.race([first.refused, asFirst])
  order.push('is killed')
  holder.kill('SIGKILL')
  const end = await first.taken
  const second = take(path)
  const asSecond = second.taken.then(() => order.push('second'))
  await Promise.race([second.refused, asSecond])
  order.push('ends')
  end()
  ;(await second.taken)()
  expect(order).toEqual(['is killed', 'first', 'ends', 'second'])
})

// It waited for ever, and left the file open however it ended.
it('who waits too long for a turn gives up, and keeps nothing open; nor does who can not have one', async () => {
  const path = await home()
  const end = await turn(path)
  await expect(turn(path, { patienceMs: 0 })).rejects.toThrow(`others have their turn at ${path} without end`)
  // Until then SQLite keeps the file open also for who has given up: to close it would unlock it for all of the process.
  end()
  const other = `${path}.txt`
  await writeFile(other, 'This is no database, and longer than the first bytes of one, which are a hundred. '.repeat(9))
  await expect(turn(other)).rejects.toThrow('file is not a database')
  expect(String(execFileSync('ls', ['-l', `/proc/${process.pid}/fd`]))).not.toContain(path)
})

/** Wants a turn; `refused` resolves when somebody else has been found to have it. */
const take = (path: string) => {
  const { promise: refused, resolve } = Promise.withResolvers<void>()
  return { refused, taken: turn(path, { refused: resolve }) }
}

const home = async (): Promise<string> => {
  const dir = await mkdtemp(join(tmpdir(), 'weir-turn-'))
  onTestFinished(() => rm(dir, { recursive: true }))
  return join(dir, 'made/here.turn')
}
