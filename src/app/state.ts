// What weir knows from before, opened at the start: the directory is held, the file in it is read, and what that is worth is said.

import type { Settings } from '../config/environment.ts'
import type { Clock } from '../core/clock.ts'
import type { PartView } from '../core/views.ts'
import type { Log } from '../observe/log.ts'
import { Database } from '../state/database.ts'
import { type Holder, hold, makeDirectory, OtherHolder, openToOthers, StateError } from '../state/directory.ts'
import { HeldError, StartError } from './start-error.ts'

/** The open state. */
export interface State {
  readonly database: Database
  /** Says where bots connect, and where weir can be asked, to whoever wants the directory. */
  listens(proxy: string, admin: string | undefined): void
  /** Says that the directory will soon be free. */
  leaves(): void
  part(): PartView
  close(): void
}

/** Opens the state directory; blocks for a moment while another weir leaves it. @throws StartError */
export const openState = ({ stateDir, redis }: Settings, clock: Clock, log: Log): State => {
  const words = redis === undefined ? ALONE : TOGETHER
  const { database, release } = opened(stateDir, clock, log, words)
  if (openToOthers(stateDir)) log.warn('others can write to the state directory: chmod 700', { state_dir: stateDir })
  const { found } = database
  if (found !== 'sound') log.alarm(words[found], found === 'broken' ? { aside: database.aside } : {})
  const holds = (more: Omit<Holder, 'pid'>): void =>
    database.keep('holder', JSON.stringify({ pid: process.pid, ...more }))
  holds({})
  return {
    database,
    listens: (proxy, admin) => holds({ proxy, admin }),
    leaves: () => holds({ stopping: true }),
    part: () => partOf(database, stateDir, words),
    close: () => {
      database.close()
      release()
    },
  }
}

interface Words {
  readonly kept: string
  readonly trouble: string
  readonly broken: string
  readonly unwritten: string
}

const ALONE: Words = {
  kept: 'levels and breakers are kept in',
  trouble: 'the state file can not be written: after a crash now, budgets would begin empty',
  broken:
    'the state file was broken and is set aside: budgets begin empty, those of an hour for an hour; ' +
    'breakers and resting keys are forgotten',
  unwritten:
    'what is spent could not be written before weir last ended: budgets begin empty, those of an hour for an hour',
}

/** What is spent is in Redis. */
const TOGETHER: Words = {
  kept: 'levels are in Redis, breakers and resting keys are kept in',
  trouble: 'the state file can not be written: after a crash now, breakers and resting keys would be forgotten',
  broken: 'the state file was broken and is set aside: breakers, resting keys and the highest nonces are forgotten',
  unwritten: 'the state file could not be written before weir last ended: breakers and resting keys may be old',
}

const opened = (stateDir: string, clock: Clock, log: Log, words: Words) => {
  try {
    makeDirectory(stateDir)
    const release = hold(stateDir, ({ pid }) => {
      log.info('another weir is leaving the state directory: waiting for it', { pid, state_dir: stateDir })
      log.flush()
    })
    const database = new Database(stateDir, clock, (trouble) => {
      if (trouble === undefined) log.info('the state file is written again')
      else log.alarm(words.trouble, { cause: trouble })
    })
    return { database, release }
  } catch (error) {
    if (error instanceof OtherHolder) throw new HeldError(error.message, error.admin)
    throw error instanceof StateError ? new StartError(error.message) : error
  }
}

const partOf = ({ trouble, found }: Database, stateDir: string, words: Words): PartView => {
  const since = found === 'sound' ? '' : `; at the start, ${words[found]}`
  return {
    name: 'state',
    healthy: trouble === undefined,
    message: trouble === undefined ? `${words.kept} ${stateDir}${since}` : `${stateDir} can not be written: ${trouble}`,
  }
}
