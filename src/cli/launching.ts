// What `weir exec` and `weir env` have in common: flags and settings in, the variables for a bot out.

import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { RulesError, StartError } from '../app/start-error.ts'
import { readSettings, type Settings } from '../config/environment.ts'
import { formatIssues } from '../config/issues.ts'
import { prepareFiles } from '../launch/files.ts'
import { type Launch, pathsOf, type Variable, variables } from '../launch/variables.ts'
import { AuthorityError } from '../tls/constraints.ts'
import { NotRunning } from './desk.ts'
import { type LaunchFlags, takeLaunchFlags } from './launch-flags.ts'
import type { Running } from './running.ts'

/** What was asked for; or `report`, what is wrong with it. */
export type Order =
  | {
      readonly report: undefined
      readonly flags: LaunchFlags
      readonly settings: Settings
      readonly rest: readonly string[]
    }
  | { readonly report: string }

/** Variables for one bot. */
export interface Kit {
  readonly rows: readonly Variable[]
  /** Files and folders that the rows lead to. */
  readonly paths: readonly string[]
  /** What the user should know, one line each. */
  readonly notes: readonly string[]
}

const HOOKS = fileURLToPath(new URL('../../hooks/', import.meta.url))

/** Reads the words before the command. */
export const readOrder = (args: readonly string[], env: NodeJS.ProcessEnv): Order => {
  const { flags, rest } = takeLaunchFlags(args)
  const read = readSettings(rest, env)
  if (!read.ok) return { report: formatIssues(read.issues, '') }
  return { report: undefined, flags, settings: read.settings, rest: read.rest }
}

/** Makes the files that are missing and fills the table. */
export const pack = (
  { proxy, hosts, caPem }: Running,
  { stateDir }: Settings,
  { hooks, java }: LaunchFlags,
  name: string | undefined,
  env: NodeJS.ProcessEnv,
): Kit => {
  const { files, notes } = prepareFiles({ stateDir, caPem, env, java })
  const paths = hooks ? { node: join(HOOKS, 'node/preload.cjs'), python: join(HOOKS, 'python') } : undefined
  const launch: Launch = { proxy, name, hosts, env, files, hooks: paths, java }
  return { rows: variables(launch), paths: pathsOf(launch), notes }
}

/** What to tell the user of an error that is no bug: no weir, bad rules, a directory that can not be written. */
export const reportOf = (error: unknown): string | undefined => {
  if (error instanceof RulesError) return error.message
  const isTold = error instanceof NotRunning || error instanceof AuthorityError || error instanceof StartError
  return error instanceof Error && (isTold || 'syscall' in error) ? `weir: ${error.message}` : undefined
}
