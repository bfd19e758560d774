// `weir check [FILE]`: everything that is wrong with a limits.yaml, without starting anything.

import { readFile } from 'node:fs/promises'
import { readSettings } from '../config/environment.ts'
import { formatIssues, issueOutside } from '../config/issues.ts'
import { loadRules } from '../config/load.ts'
import { complain } from './complain.ts'
import { rulesText } from './rules-text.ts'

/** Status 1 when there is something to mend. */
export const check = async (args: readonly string[], env: NodeJS.ProcessEnv): Promise<number> => {
  const read = readSettings(args, env)
  if (!read.ok) return complain(formatIssues(read.issues, ''), 1)
  const file = read.rest[0] ?? read.settings.config
  let text: string
  try {
    text = await readFile(file, 'utf8')
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? 'unreadable'
    return complain(formatIssues([issueOutside(file, '', `can not be read (${code})`)], ''), 1)
  }
  const loaded = loadRules(text, file, env)
  if (!loaded.ok) return complain(formatIssues(loaded.issues, text), 1)
  process.stdout.write(rulesText(file, loaded.rules))
  return 0
}
