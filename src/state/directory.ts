// The state directory: made where it is not, and held by one weir at a time, since two would each spend the whole of a limit.
// The lock is the system's (lock/lock.ts): a kill leaves nothing to clean up.

import { accessSync, closeSync, constants, existsSync, mkdirSync, openSync, statSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import type { Millis } from '../core/units.ts'
import { lockOn } from '../lock/lock.ts'

/** The directory can not be used; the message names it and says why. */
export class StateError extends Error {}

/** Who holds a directory, as far as is known. */
export interface Holder {
  readonly pid: number
  /** Where bots connect; undefined before it listens. */
  readonly proxy?: string | undefined
  /** Where it can be asked; undefined before it listens, and of one that serves its own command alone. */
  readonly admin?: string | undefined
  readonly stopping?: boolean
}

/** One that was killed a moment ago may not be quite gone. */
const WAIT_MS: Millis = 3_000
/** One that is told to stop lets calls finish first. */
const WAIT_FOR_STOP_MS: Millis = 15_000
const SQLITE_IOERR = 10
const SQLITE_FULL = 13

/** Does work on a file; what SQLite says of it becomes a StateError that names the file. */
export const explained = <T>(path: string, work: () => T): T => {
  try {
    return work()
  } catch (error) {
    const { code, message, errcode = 0 } = error as NodeJS.ErrnoException & { readonly errcode?: number }
    // The first byte says it; those above, where exactly an I/O error came about.
    const full = [SQLITE_IOERR, SQLITE_FULL].includes(errcode & 0xff) ? ': is the disk full?' : ''
    throw code === 'ERR_SQLITE_ERROR' ? new StateError(`${path}: ${message}${full}`) : error
  }
}

/** Whether other users may change what is in it. */
export const openToOthers = (path: string): boolean =>
  // Windows has no such bits; there the user's profile guards the directory.
  process.platform !== 'win32' && (statSync(path).mode & 0o022) !== 0

/** Makes a directory for the owner alone. (Where nothing can be made, as in /proc, Node's own recursive mkdir never returns.) */
export const makeDirectory = (path: string): void => {
  const found = statSync(path, { throwIfNoEntry: false })
  if (found?.isDirectory()) return
  if (found !== undefined) throw new StateError(`${path} is no directory`)
  makeDirectory(dirname(path))
  try {
    mkdirSync(path, { mode: 0o700 })
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code !== 'EEXIST') throw new StateError(`${path} can not be made (${code})`)
  }
}

/**
 * Holds the directory until the function that is returned is called. Blocks while another weir leaves it, which `waiting` is
 * told. @throws StateError when another holds on to it
 */
export const hold = (directory: string, waiting: (holder: Holder) => void): (() => void) => {
  const path = lockFileIn(directory)
  const lock = explained(path, () => lockOn(path, 0) ?? lockOn(path, patienceWith(holderOf(directory), waiting)))
  if (lock === undefined) throw new OtherHolder(directory, holderOf(directory))
  return lock.close
}

/** Another weir holds the directory. */
export class OtherHolder extends StateError {
  readonly admin: string | undefined

  constructor(directory: string, holder: Holder | undefined) {
    const at = holder?.proxy === undefined ? '' : ` at ${holder.proxy}`
    const who = holder === undefined ? '' : ` (process ${holder.pid}${at})`
    super(
      `another weir${who} counts in ${directory} what is spent, and a second one there would spend it again: ` +
        'stop that one, or give this one another --state-dir; limits are then shared over --redis only',
    )
    this.admin = holder?.admin
  }
}

/** Made before SQLite would: in an older directory others might read it, and whoever reads it can hold it. */
const lockFileIn = (directory: string): string => {
  const path = join(directory, 'weir.lock')
  try {
    accessSync(directory, constants.W_OK)
    // Only then: closing one that this process holds would let it go.
    if (!existsSync(path)) closeSync(openSync(path, 'a', 0o600))
    return path
  } catch (error) {
    throw new StateError(`${directory} can not be written (${(error as NodeJS.ErrnoException).code})`)
  }
}

const patienceWith = (holder: Holder | undefined, waiting: (holder: Holder) => void): Millis => {
  if (holder?.stopping !== true) return WAIT_MS
  waiting(holder)
  return WAIT_FOR_STOP_MS
}

/** What the last weir to hold the directory said of itself. */
const holderOf = (directory: string): Holder | undefined => {
  try {
    const database = new DatabaseSync(join(directory, 'weir.db'), { readOnly: true, timeout: 100 })
    try {
      const row = database.prepare("SELECT value FROM settings WHERE name = 'holder'").get()
      return row === undefined ? undefined : (JSON.parse(String(row.value)) as Holder)
    } finally {
      database.close()
    }
  } catch {
    return undefined
  }
}
