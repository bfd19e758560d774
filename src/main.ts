#!/usr/bin/env node
// The command line. Each command is one file in cli/; this file only chooses among them and is the only one that exits.

import { enableCompileCache } from 'node:module'
import { homedir } from 'node:os'
import { join } from 'node:path'

// Types are stripped and code is compiled once per version, not at every start. In the user's own folder: what lies in a
// shared one, others may have put there.
enableCompileCache(join(homedir(), '.cache', 'weir'))
const { COMMANDS, usage } = await import('./cli/commands.ts')
const { realClock } = await import('./core/clock.ts')
const { VERSION } = await import('./cli/version.ts')

/** Longest time after the end of a command. */
const LINGER_MS = 2000
const HELP = ['help', '--help', '-h']

const given = process.argv.slice(2)
// What follows `--` is a bot's own command line.
const end = given.indexOf('--')
const help = given.slice(0, end < 0 ? given.length : end).some((word) => HELP.includes(word))
// Flags alone mean `serve`.
const [name = 'serve', ...args] = given[0]?.startsWith('-') ? ['serve', ...given] : given
const command = help ? undefined : COMMANDS.get(name)
if (given[0] === '--version') {
  process.stdout.write(`${VERSION}\n`)
} else if (command === undefined) {
  const out = help ? process.stdout : process.stderr
  out.write(usage(help ? undefined : name))
  process.exitCode = help ? 0 : 2
} else {
  process.exitCode = await command.run(args, process.env)
  // Whatever a bot or a peer still holds open does not keep a process that is done.
  realClock.after(LINGER_MS, () => process.exit())
}
