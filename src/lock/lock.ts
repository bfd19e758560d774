// A file that one process holds at a time. The lock is SQLite's on an empty file: the system drops it with the process, so a
// kill leaves nothing to clean up.

import { DatabaseSync } from 'node:sqlite'
import type { Millis } from '../core/units.ts'

const SQLITE_BUSY = 5

/** Waits `patience` for the lock, blocking; undefined when another process has it still. @throws what SQLite says of the file */
export const lockOn = (path: string, patience: Millis): { readonly close: () => void } | undefined => {
  const lock = new DatabaseSync(path, { timeout: patience })
  try {
    // What would have to be undone is kept in memory: a full disk is no reason.
    lock.exec('PRAGMA journal_mode = MEMORY; BEGIN EXCLUSIVE')
    return { close: () => lock.close() }
  } catch (error) {
    lock.close()
    if ((error as { readonly errcode?: number }).errcode === SQLITE_BUSY) return undefined
    throw error
  }
}
