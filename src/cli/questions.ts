// `weir explain METHOD URL` and `weir status`: questions to a running weir. Without one, `explain` answers by the rules alone.

import { readFile } from 'node:fs/promises'
import { basename } from 'node:path'
import { parseArgs } from 'node:util'
import { fromWire } from '../admin/wire.ts'
import { readSettings, type Settings } from '../config/environment.ts'
import { formatIssues } from '../config/issues.ts'
import { loadRules } from '../config/load.ts'
import { realClock } from '../core/clock.ts'
import type { StatusView } from '../core/watch.ts'
import { complain } from './complain.ts'
import { ask, NotRunning } from './desk.ts'
import { explainByRules } from './explain.ts'
import { explanationText } from './explanation.ts'
import { statusText } from './status.ts'
import { watch } from './watch.ts'

/** What weir would do with a call, and why. Status 1 when it can not tell, 2 when the question makes no sense. */
export const explainCall = async (args: readonly string[], env: NodeJS.ProcessEnv): Promise<number> => {
  const { body, rest } = takeBody(args)
  const read = readSettings(rest, env)
  if (!read.ok) return complain(formatIssues(read.issues, ''), 1)
  const [method, target] = read.rest
  const url = target === undefined ? undefined : URL.parse(target)
  if (method === undefined || url == null) return complain(EXPLAIN_USAGE, 2)
  const question = { method: method.toUpperCase(), url: url.href, body }
  try {
    process.stdout.write(await ask(read.settings, '/v1/explain', 'text/plain', question))
    return 0
  } catch (error) {
    if (!(error instanceof NotRunning)) throw error
    return explainAlone(read.settings, env, question.method, url, error.message)
  }
}

/** One screen of the running weir; with `--watch` one every second until Ctrl-C, `q`, or nobody reads it. */
export const showStatus = async (args: readonly string[], env: NodeJS.ProcessEnv): Promise<number> => {
  const watched = args.includes('--watch')
  const read = readSettings(
    args.filter((arg) => arg !== '--watch'),
    env,
  )
  if (!read.ok) return complain(formatIssues(read.issues, ''), 1)
  const screen = async (): Promise<string> => {
    const status = fromWire(JSON.parse(await ask(read.settings, '/v1/status', 'application/json'))) as StatusView
    const { isTTY, columns } = process.stdout
    return statusText(status, { colour: isTTY, columns: (isTTY && columns) || undefined, nowWallMs: realClock.wall() })
  }
  try {
    if (watched) await watch({ clock: realClock, out: process.stdout, read: screen, quit: untilQuit() })
    else process.stdout.write(await screen())
    return 0
  } catch (error) {
    if (error instanceof NotRunning) return complain(`weir: ${error.message}`, 1)
    throw error
  }
}

/** Says so when the operator has seen enough, or whoever read the pipe is gone. */
const untilQuit = (): AbortSignal => {
  const quit = new AbortController()
  const end = (): void => quit.abort()
  // Timers of weir keep no process alive; an open port does.
  const { port1: awake } = new MessageChannel()
  awake.ref()
  process.once('SIGINT', end).once('SIGTERM', end)
  process.stdout.once('error', end)
  if (process.stdin.isTTY) {
    process.stdin.setRawMode(true)
    // In raw mode Ctrl-C arrives as a byte.
    process.stdin.on('data', (keys: Buffer) => {
      if (keys.includes('q') || keys.includes(3)) end()
    })
  }
  quit.signal.addEventListener('abort', () => {
    if (process.stdin.isTTY) process.stdin.setRawMode(false)
    process.stdin.pause()
    awake.close()
  })
  return quit.signal
}

const EXPLAIN_USAGE = `Usage: weir explain METHOD URL [--body 'pair=XBTUSD&…']

  weir explain GET https://api.kraken.com/0/public/Ticker?pair=XBTUSD`

const explainAlone = async (
  settings: Settings,
  env: NodeJS.ProcessEnv,
  method: string,
  url: URL,
  reason: string,
): Promise<number> => {
  const text = await readFile(settings.config, 'utf8').catch(() => '')
  const loaded = loadRules(text, basename(settings.config), env)
  if (!loaded.ok) return complain(formatIssues(loaded.issues, text), 1)
  const explanation = explainByRules(loaded.rules, method, url)
  if (explanation === undefined) {
    return complain(`weir: ${url.hostname} is not in ${settings.config}; its calls are none of weir's`, 1)
  }
  process.stdout.write(`${explanationText(explanation)}\n(${reason}; this is what ${settings.config} says)\n`)
  return 0
}

/** `--body` belongs to the question, not to weir's settings. */
const takeBody = (args: readonly string[]): { body: string; rest: string[] } => {
  const { tokens } = parseArgs({ args: [...args], options: { body: { type: 'string' } }, strict: false, tokens: true })
  const body = tokens.find((token) => token.kind === 'option' && token.name === 'body')
  if (body?.kind !== 'option') return { body: '', rest: [...args] }
  return { body: body.value ?? '', rest: args.toSpliced(body.index, body.inlineValue ? 1 : 2) }
}
