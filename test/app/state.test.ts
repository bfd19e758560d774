import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { afterEach, beforeEach, describe, expect, it, onTestFinished } from 'vitest'
import { HeldError } from '../../src/app/start-error.ts'
import { openState, type State } from '../../src/app/state.ts'
import type { Settings } from '../../src/config/environment.ts'
import { createLog } from '../../src/observe/log.ts'
import { FakeClock } from '../support/fake-clock.ts'

let dir: string
let said: string[]
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'weir-app-state-'))
  said = []
})
afterEach(() => rmSync(dir, { recursive: true, force: true }))

const open = (redis?: string): State => {
  const settings = { stateDir: dir, redis } as Settings
  const state = openState(settings, new FakeClock(), createLog('info', { write: (line) => void said.push(line) }))
  onTestFinished(() => state.close())
  return state
}
/** Somebody else writes to the file, so that what is kept now is not written. */
const fail = ({ database }: State): void => {
  const other = new DatabaseSync(join(dir, 'weir.db'))
  onTestFinished(() => other.close())
  other.exec('BEGIN IMMEDIATE')
  database.saveLevel('bucket', () => 1, true)
}

// With Redis it said that levels are kept in the directory and that budgets would begin empty: they are in Redis, and do not.
describe('what is said of a file that can not be written', () => {
  it('is that budgets would begin empty', () => {
    const state = open()
    expect(state.part().message).toMatch(/^levels and breakers are kept in /)
    fail(state)
    expect(said.join('')).toContain('budgets would begin empty')
  })

  it('speaks of no budgets where these are in Redis', () => {
    const state = open('redis://127.0.0.1')
    expect(state.part().message).toMatch(/^levels are in Redis, /)
    fail(state)
    expect(said.join('')).toContain('the state file can not be written')
    expect(said.join('')).not.toContain('budgets')
  })
})

// `exec --own` beside another was told to leave out --own, and without it to use --own: that other one serves nobody else.
describe('who finds the directory held', { timeout: 60_000 }, () => {
  it.each([undefined, 'http://127.0.0.1:9090'])('hears where the other one can be asked: %s', (admin) => {
    open().listens('http://127.0.0.1:8080', admin)
    let held: unknown
    try {
      open()
    } catch (error) {
      held = error
    }
    expect(held).toBeInstanceOf(HeldError)
    expect(held).toMatchObject({ admin, message: expect.stringContaining('at http://127.0.0.1:8080)') })
  })
})
