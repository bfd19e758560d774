// Test files take turns at what all of them want.

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, it, onTestFinished } from 'vitest'
import { turn } from './turn.ts'

const HOLDER = `
const { turn } = await import(process.argv[1])
await turn(process.argv[2])
console.log('mine')
setInterval(() => {}, 1000)`

// A run that was killed left its lock, and the next waited for 24 minutes without a word.
it('a turn is over when it is ended, and when the process that had it is killed', async () => {
  const dir = await mkdtemp(join(tmpdir(), 'weir-turn-'))
  onTestFinished(() => rm(dir, { recursive: true }))
  const path = join(dir, 'made/here.turn')
  const source = new URL('turn.ts', import.meta.url).href
  const holder = spawn(process.execPath, ['--input-type=module', '-e', HOLDER, source, path])
  onTestFinished(() => void holder.kill('SIGKILL'))
  await once(holder.stdout, 'data')
  const order: string[] = []
  const first = turn(path).then((end) => {
    order.push('first')
    return end
  })
  // As long as it takes to ask twice.
  await expect(Promise.race([first, new Promise((done) => setTimeout(done, 250))])).resolves.toBeUndefined()
  holder.kill('SIGKILL')
  const end = await first
  const second = turn(path).then((endSecond) => {
    order.push('second')
    endSecond()
  })
  order.push('ends')
  end()
  await second
  expect(order).toEqual(['first', 'ends', 'second'])
})
