import { mkdtempSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { explained, hold, StateError } from '../../src/state/directory.ts'

let dir: string
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'weir-directory-'))
})
afterEach(() => rmSync(dir, { recursive: true, force: true }))

describe('a state directory', () => {
  // Made by SQLite, it could be read by everybody, and who reads it can hold it: no weir would start.
  it("is held by a file that is the owner's alone", () => {
    const release = hold(dir, () => {})
    expect(statSync(join(dir, 'weir.lock')).mode & 0o777).toBe(0o600)
    release()
    hold(dir, () => {})()
  })

  // It said "weir.lock: unable to open database file".
  it('that can not be written is named, with the reason', () => {
    const gone = join(dir, 'gone')
    expect(() => hold(gone, () => {})).toThrow(new StateError(`${gone} can not be written (ENOENT)`))
  })
})

// After a clean stop on a full disk weir did not start, for a "disk I/O error".
it('a file that has no room is asked after its disk', () => {
  const path = join(dir, 'small.db')
  const db = new DatabaseSync(path)
  db.exec('PRAGMA max_page_count = 1')
  expect(() => explained(path, () => db.exec('CREATE TABLE more (x)'))).toThrow(
    new StateError(`${path}: database or disk is full: is the disk full?`),
  )
  db.close()
})
