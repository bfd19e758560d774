// Test files run side by side, in processes of their own, and want the same things: one makes them, the others wait.

import { mkdir } from 'node:fs/promises'
import { dirname } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { setTimeout as sleep } from 'node:timers/promises'

const SQLITE_BUSY = 5

/**
 * Resolves with what ends the turn, once nobody else has one at `path`. It is SQLite's lock on that file: the system takes it
 * from a process that is killed, so that nobody waits for one that is gone.
 */
export async function turn(path: string): Promise<() => void> {
  await mkdir(dirname(path), { recursive: true })
  const lock = new DatabaseSync(path)
  for (;;) {
    try {
      lock.exec('BEGIN EXCLUSIVE')
      return () => lock.close()
    } catch (error) {
      if ((error as { errcode?: number }).errcode !== SQLITE_BUSY) throw error
      await sleep(100)
    }
  }
}
