// What weir knows from before, opened at the start: the directory is held, the file in it is read, and what that is worth is said.

import type { Settings } from '../config/environment.ts'
import type { Clock } from '../core/clock.ts'
import type { PartView } from '../core/views.ts'
import type { Log } from '../observe/log.ts'
import { Database } from '../state/database.ts'
import { hold, makeDirectory, OtherHolder, openToOthers, StateError } from '../state/directory.ts'
import { HeldError, StartError } from './start-error.ts'

/** The open state. */
export interface State {
  readonly database: Database
  /** Says where bots connect to whoever wants the directory. */
  listens(proxy: string): void
  /** Says that the directory will soon be free. */
  leaves(): void
  part(): PartView
  close(): void
}

/** Opens the state directory; blocks for a moment while another weir leaves it. @throws StartError */
export const openState = ({ stateDir }: Settings, clock: Clock, log: Log): State => {
  const { database, release } = opened(stateDir, clock, log)
  if (openToOthers(stateDir)) log.warn('others can write to the state directory: chmod 700', { state_dir: stateDir })
  const { found } = database
  if (found !== 'sound') log.alarm(SAID[found], found === 'broken' ? { aside: database.aside } : {})
  const holds = (more: { readonly proxy?: string; readonly stopping?: true }): void =>
    database.keep('holder', JSON.stringify({ pid: process.pid, ...more }))
  holds({})
  return {
    database,
    listens: (proxy) => holds({ proxy }),
    leaves: () => holds({ stopping: true }),
    part: () => partOf(database, stateDir),
    close: () => {
      database.close()
      release()
    },
  }
}

const SAID = {
  broken: 'the state file was broken and is set aside: budgets begin empty, breakers and resting keys are forgotten',
  unwritten: 'what is spent could not be written before weir last ended: budgets begin empty',
} as const

const opened = (stateDir: string, clock: Clock, log: Log) => {
  try {
    makeDirectory(stateDir)
    const release = hold(stateDir, ({ pid }) => {
      log.info('another weir is leaving the state directory: waiting for it', { pid, state_dir: stateDir })
      log.flush()
    })
    const database = new Database(stateDir, clock, (trouble) => {
      if (trouble === undefined) log.info('the state file is written again')
      else {
        log.alarm('the state file can not be written: after a crash now, budgets would begin empty', { cause: trouble })
      }
    })
    return { database, release }
  } catch (error) {
    if (error instanceof OtherHolder) throw new HeldError(error.message)
    throw error instanceof StateError ? new StartError(error.message) : error
  }
}

const partOf = ({ trouble, found }: Database, stateDir: string): PartView => {
  const kept = `levels and breakers are kept in ${stateDir}`
  const since = found === 'sound' ? '' : `; at the start, ${SAID[found]}`
  return {
    name: 'state',
    healthy: trouble === undefined,
    vital: false,
    message: trouble === undefined ? kept + since : `${stateDir} can not be written: ${trouble}`,
  }
}
