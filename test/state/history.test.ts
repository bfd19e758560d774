import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { Database } from '../../src/state/database.ts'
import { FakeClock } from '../support/fake-clock.ts'

const MINUTE_MS = 60_000
let dir: string
let clock: FakeClock

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'weir-history-'))
  clock = new FakeClock()
})
afterEach(() => rmSync(dir, { recursive: true, force: true }))

describe('history in the state file', () => {
  it('survives a restart, oldest minute first, and a minute written twice is the later one', () => {
    const first = new Database(dir, clock)
    const now = clock.wall()
    first.saveHistory(now, { series: { kraken: [1] } })
    first.saveHistory(now - MINUTE_MS, { series: {} })
    first.saveHistory(now, { series: { kraken: [2] } })
    first.close()
    const second = new Database(dir, clock)
    expect(second.history()).toEqual([
      { atWallMs: now - MINUTE_MS, value: { series: {} } },
      { atWallMs: now, value: { series: { kraken: [2] } } },
    ])
    second.close()
  })

  it('is a day long at most, in the file too', () => {
    const database = new Database(dir, clock)
    for (let minute = 0; minute < 1_600; minute += 1) {
      database.saveHistory(clock.wall(), { minute })
      clock.advance(MINUTE_MS)
    }
    expect(database.history()).toHaveLength(1_440)
    database.close()
    const rows = new DatabaseSync(join(dir, 'weir.db')).prepare('SELECT count(*) AS count FROM history').get()
    expect(rows?.count).toBeLessThanOrEqual(1_441)
  })

  it('that can not be written is lost, and said to be, and stops nothing', () => {
    const failures: unknown[] = []
    const database = new Database(dir, clock, (error) => failures.push(error))
    const other = new DatabaseSync(join(dir, 'weir.db'))
    other.exec('BEGIN IMMEDIATE')
    database.saveHistory(clock.wall(), { minute: 1 })
    other.exec('COMMIT')
    database.saveHistory(clock.wall() + MINUTE_MS, { minute: 2 })
    expect(failures).toHaveLength(1)
    expect(database.history().map(({ value }) => value)).toEqual([{ minute: 2 }])
    database.close()
    other.close()
  })
})
