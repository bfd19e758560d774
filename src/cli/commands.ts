// What `weir` can do: one table.

import { nearest } from '../config/suggest.ts'
import { serve } from './serve.ts'

/** One command. `run` resolves with the exit status. */
export interface Command {
  readonly says: string
  readonly run: (args: readonly string[], env: NodeJS.ProcessEnv) => Promise<number>
}

/** Every command by name. */
export const COMMANDS: ReadonlyMap<string, Command> = new Map([
  ['serve', { says: 'run the proxy (also what plain `weir` does)', run: serve }],
])

/** Help, headed by a hint when `asked` is no command. */
export const usage = (asked: string): string => {
  const near = nearest(asked, COMMANDS.keys())
  const hint = near === undefined ? '' : `; did you mean "${near}"?`
  const help = ['help', '--help', '-h'].includes(asked)
  const head = help ? '' : `weir: there is no command "${asked}"${hint}\n\n`
  const rows = [...COMMANDS].map(([name, { says }]) => `  weir ${name.padEnd(9)} ${says}\n`)
  return `${head}Usage: weir COMMAND [FLAGS]\n\n${rows.join('')}\nweir serve --help lists the flags.\n`
}
