#!/usr/bin/env node
// The command line. Each command is one file in cli/; this file only chooses among them and is the only one that exits.

import { COMMANDS, usage } from './cli/commands.ts'

const [name = 'serve', ...args] = process.argv.slice(2)
const command = COMMANDS.get(name)
if (command === undefined) {
  process.stderr.write(usage(name))
  process.exitCode = name === 'help' || name === '--help' || name === '-h' ? 0 : 2
} else {
  process.exitCode = await command.run(args, process.env)
}
