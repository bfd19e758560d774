// The state file as it is opened, and the mark beside it that says whether all that is spent is in it, as far as a process that is
// killed goes: a power cut may lose more. A file of its own: on a full disk one can be removed when nothing can be written.

import { chmodSync, existsSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { DatabaseSync } from 'node:sqlite'
import type { Millis } from '../core/units.ts'
import { explained } from './directory.ts'

/** How long a write may wait for another process at the start. */
const BUSY_MS: Millis = 2000

/** An open file. */
export interface Opened {
  readonly db: DatabaseSync
  /** Where the old one was put because it was broken; undefined when it was not. */
  readonly aside: string | undefined
}

/** Opens the file, making it when absent. One that is no database is set aside, never deleted. @throws StateError */
export const openFile = (path: string, schema: string): Opened =>
  explained(path, () => {
    try {
      return { db: prepared(path, schema), aside: undefined }
    } catch (error) {
      if (!existsSync(path) || !/not a database|malformed/.test(String(error))) throw error
      const aside = `${path}.broken`
      // With its log: that belongs to the broken file, and must not be taken for the new one's.
      for (const part of ['', '-wal', '-shm']) {
        if (existsSync(path + part)) renameSync(path + part, aside + part)
      }
      return { db: prepared(path, schema), aside }
    }
  })

/** The mark beside the state file. */
export class Mark {
  readonly #path: string
  #removed = false

  constructor(path: string) {
    this.#path = `${path}.whole`
  }

  get isThere(): boolean {
    return existsSync(this.#path)
  }

  /** From now on the file holds all that is spent. @throws where it can not be made */
  set(): void {
    writeFileSync(this.#path, '', { mode: 0o600 })
    this.#removed = false
  }

  /** From now on it may not. */
  remove(): void {
    if (this.#removed) return
    try {
      rmSync(this.#path, { force: true })
      this.#removed = true
    } catch {
      // A file system that takes nothing at all; the state file is in trouble for the same reason, and that is told.
    }
  }
}

const prepared = (path: string, schema: string): DatabaseSync => {
  const db = new DatabaseSync(path, { timeout: BUSY_MS })
  try {
    chmodSync(path, 0o600)
    // Written pages reach the kernel with each commit, so a killed process loses nothing; only a power cut could. That may
    // leave a file whose first page is sound and another is not, so all are looked at: there are few.
    // A short log is written over while it is still in the processor's cache.
    db.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = OFF; PRAGMA wal_autocheckpoint = 100;')
    const found = db.prepare('PRAGMA quick_check(1)').get()?.quick_check
    if (found !== 'ok') throw new Error(`malformed: ${String(found)}`)
    db.exec(schema)
    return db
  } catch (error) {
    db.close()
    throw error
  }
}
