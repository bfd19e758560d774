// Test files run side by side, in processes of their own, and want the same things: one makes them, the others wait.

import { mkdir } from 'node:fs/promises'
import { dirname } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { setTimeout as sleep } from 'node:timers/promises'

const SQLITE_BUSY = 5
/** Longer than anything takes that is made in a turn, twice. */
const PATIENCE_MS = 1_000_000

interface Waiting {
  /** Told whenever somebody else is found to have the turn. */
  readonly refused?: () => void
  readonly patienceMs?: number
}

/**
 * Resolves with what ends the turn, once nobody else has one at `path`. It is SQLite's lock on that file: the system takes it
 * from a process that is killed, so that nobody waits for one that is gone. Whoever drops that function ends the turn too, when
 * memory is next tidied up. Rejects after `patienceMs`.
 */
export async function turn(path: string, { refused, patienceMs = PATIENCE_MS }: Waiting = {}): Promise<() => void> {
  await mkdir(dirname(path), { recursive: true })
  const lock = new DatabaseSync(path)
  const givesUpAt = performance.now() + patienceMs
  for (;;) {
    try {
      lock.exec('BEGIN EXCLUSIVE')
      return () => lock.close()
    } catch (error) {
      const busy = (error as { errcode?: number }).errcode === SQLITE_BUSY
      if (!busy || performance.now() >= givesUpAt) {
        lock.close()
        throw busy ? new Error(`others have their turn at ${path} without end`) : error
      }
      refused?.()
      await sleep(100)
    }
  }
}
