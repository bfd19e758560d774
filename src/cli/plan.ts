// `weir plan FILE`: how long the calls of a file take at the exchange's limits, and what would make it shorter.

import { randomBytes } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { basename } from 'node:path'
import { setImmediate as turn } from 'node:timers/promises'
import { toWire } from '../admin/wire.ts'
import { readSettings } from '../config/environment.ts'
import { formatIssues, issueOutside } from '../config/issues.ts'
import { loadRules } from '../config/load.ts'
import { Fingerprints } from '../identify/credential.ts'
import { gather } from '../plan/calls.ts'
import { plan } from '../plan/plan.ts'
import { otherTiers } from '../plan/tiers.ts'
import { openTrace } from '../plan/trace.ts'
import { complain } from './complain.ts'
import { planText } from './plan-text.ts'
import { counted } from './words.ts'

const USAGE = `Usage: weir plan [--json] FILE

  weir plan calls.jsonl
  weir plan session.har --config limits.yaml
  weir plan weir.log                          a log written at --log-level debug

FILE holds calls as JSON lines, such as {"method":"POST","url":"https://api.kraken.com/0/private/AddOrder",
"body":"pair=XBTUSD","at":"2026-01-31T12:00:00Z"}, or is a HAR 1.2 file, or a log of weir; - reads standard input.
Nothing of headers and bodies is printed or kept.`

/** Status 1 when the file or limits.yaml can not be used, 2 when the question makes no sense. */
export const planCalls = async (args: readonly string[], env: NodeJS.ProcessEnv): Promise<number> => {
  const json = args.includes('--json')
  const read = readSettings(
    args.filter((word) => word !== '--json'),
    env,
  )
  if (!read.ok) return complain(formatIssues(read.issues, ''), 1)
  const [file, ...more] = read.rest
  if (file === undefined || more.length > 0) return complain(USAGE, 2)
  const { config } = read.settings
  const text = await readFile(config, 'utf8').catch(codeOf)
  if (typeof text !== 'string') return complain(unreadable(config, text.code), 1)
  const loaded = loadRules(text, basename(config), env)
  if (!loaded.ok) return complain(formatIssues(loaded.issues, text), 1)
  try {
    const { format, items } = await openTrace(file === '-' ? process.stdin.setEncoding('utf8') : chunksOf(file))
    const trace = await gather(items, loaded.rules, new Fingerprints(randomBytes(32)))
    if (trace.broken.length > 0) return complain(brokenText(file, trace.broken), 1)
    const report = await plan({ format, trace, rules: loaded.rules, others: otherTiers(text, env), turn })
    process.stdout.write(json ? `${JSON.stringify(toWire(report), null, 2)}\n` : planText(file, report))
    return 0
  } catch (error) {
    if (!(error instanceof Error && 'syscall' in error)) throw error
    return complain(unreadable(file, codeOf(error).code), 1)
  }
}

const chunksOf = (file: string): AsyncIterable<string> => createReadStream(file, { encoding: 'utf8' })

const codeOf = (error: unknown): { readonly code: string } => ({
  code: (error as NodeJS.ErrnoException).code ?? 'unreadable',
})

const unreadable = (file: string, code: string): string =>
  formatIssues([issueOutside(file, '', `can not be read (${code})`)], '')

const SHOWN = 10

const brokenText = (file: string, broken: readonly { readonly place: string; readonly message: string }[]): string => {
  const lines = broken.slice(0, SHOWN).map(({ place, message }) => `${file}, ${place}: ${message}`)
  const more = broken.length > SHOWN ? [`and ${broken.length - SHOWN} more`] : []
  return [...lines, ...more, `${counted(broken.length, 'problem')}. Nothing was planned.`].join('\n')
}
