// What `weir` can do: one table.

import { FLAGS } from '../config/flags.ts'
import { nearest } from '../config/suggest.ts'
import { ca } from './ca.ts'
import { check } from './check.ts'
import { doctor } from './doctor.ts'
import { env } from './env.ts'
import { exec } from './exec.ts'
import { planCalls } from './plan.ts'
import { explainCall, showStatus } from './questions.ts'
import { schema } from './schema.ts'
import { serve } from './serve.ts'

/** One command. `run` resolves with the exit status. */
export interface Command {
  readonly says: string
  readonly run: (args: readonly string[], env: NodeJS.ProcessEnv) => Promise<number>
}

/** Every command by name. */
export const COMMANDS: ReadonlyMap<string, Command> = new Map([
  ['serve', { says: 'run the proxy (also what plain `weir` does)', run: serve }],
  ['check', { says: '[FILE]: tell everything that is wrong with a limits.yaml', run: check }],
  ['explain', { says: 'METHOD URL: class, price, and what would happen now, and why', run: explainCall }],
  ['plan', { says: '[--json] FILE: how long calls of a file take at the limits, and what would help', run: planCalls }],
  ['status', { says: '[--watch]: one screen of the running proxy, or one every second', run: showStatus }],
  ['exec', { says: '[--name BOT] -- COMMAND…: start a bot that goes through weir, with nothing to set up', run: exec }],
  ['doctor', { says: '[-- COMMAND…]: is all in order, and does this bot go through weir?', run: doctor }],
  ['env', { says: '[--format sh|dotenv|docker|systemd]: what `exec` sets, to set it elsewhere', run: env }],
  ['ca', { says: '[trust --system | untrust]: the certificate that bots must trust, and how', run: ca }],
  ['schema', { says: 'the JSON Schema of limits.yaml, for editors', run: schema }],
])

/** Help, headed by a hint when `unknown` was asked for and is no command. */
export const usage = (unknown: string | undefined): string => {
  const near = unknown === undefined ? undefined : nearest(unknown, COMMANDS.keys())
  const hint = near === undefined ? '' : `; did you mean "${near}"?`
  const head = unknown === undefined ? '' : `weir: there is no command "${unknown}"${hint}\n\n`
  const commands = [...COMMANDS].map(([name, { says }]) => `  weir ${name.padEnd(9)} ${says}\n`)
  const flags = FLAGS.map(({ flag, value, meaning }) => `  ${`--${flag} ${value}`.padEnd(38)} ${meaning}\n`)
  return `${head}Usage: weir COMMAND [FLAGS]\n\n${commands.join('')}\nFlags, for every command:\n\n${flags.join('')}`
}
