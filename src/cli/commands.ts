// What `weir` can do: one table. A command is loaded when it is asked for: a bot should not wait for the start of a proxy.

import { FLAGS } from '../config/flags.ts'
import { nearest } from '../config/suggest.ts'

/** One command. `run` resolves with the exit status. */
export interface Command {
  readonly says: string
  readonly run: (args: readonly string[], env: NodeJS.ProcessEnv) => Promise<number>
}

const command = (name: string, says: string, load: () => Promise<Command['run']>): readonly [string, Command] => [
  name,
  { says, run: async (args, env) => (await load())(args, env) },
]

/** Every command by name. */
export const COMMANDS: ReadonlyMap<string, Command> = new Map([
  command('serve', 'run the proxy (also what plain `weir` does)', async () => (await import('./serve.ts')).serve),
  command(
    'check',
    '[FILE]: tell everything that is wrong with a limits.yaml',
    async () => (await import('./check.ts')).check,
  ),
  command(
    'explain',
    'METHOD URL: class, price, and what would happen now, and why',
    async () => (await import('./questions.ts')).explainCall,
  ),
  command(
    'plan',
    '[--json] FILE: how long calls of a file take at the limits, and what would help',
    async () => (await import('./plan.ts')).planCalls,
  ),
  command(
    'status',
    '[--watch]: one screen of the running proxy, or one every second',
    async () => (await import('./questions.ts')).showStatus,
  ),
  command(
    'exec',
    '[--name BOT] -- COMMAND…: start a bot that goes through weir, with nothing to set up',
    async () => (await import('./exec.ts')).exec,
  ),
  command(
    'doctor',
    '[-- COMMAND…]: is all in order, and does this bot go through weir?',
    async () => (await import('./doctor.ts')).doctor,
  ),
  command(
    'env',
    '[--format sh|dotenv|docker|systemd]: what `exec` sets, to set it elsewhere',
    async () => (await import('./env.ts')).env,
  ),
  command(
    'ca',
    '[trust --system | untrust]: the certificate that bots must trust, and how',
    async () => (await import('./ca.ts')).ca,
  ),
  command('schema', 'the JSON Schema of limits.yaml, for editors', async () => (await import('./schema.ts')).schema),
])

/** Help; when `unknown` was asked for and is no command, a hint where one can be given, and help after that where none can. */
export const usage = (unknown: string | undefined): string => {
  const near = unknown === undefined ? undefined : nearest(unknown, COMMANDS.keys())
  const head = unknown === undefined ? '' : `weir: there is no command "${unknown}"`
  if (near !== undefined) return `${head}; did you mean "${near}"? (\`weir help\` lists them all)\n`
  const commands = [...COMMANDS].map(([name, { says }]) => `  weir ${name.padEnd(9)} ${says}\n`)
  const flags = FLAGS.map(({ flag, value, meaning }) => `  ${`--${flag} ${value}`.padEnd(38)} ${meaning}\n`)
  return `${head}${head === '' ? '' : '\n\n'}Usage: weir COMMAND [FLAGS]\n\n${commands.join('')}\nFlags, for every command:\n\n${flags.join('')}`
}
