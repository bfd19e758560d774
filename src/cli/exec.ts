// `weir exec -- COMMAND…`: starts a bot with everything set, so that its calls to exchanges go through weir although the
// bot was never told of it. It refuses to start one that would go past.

import { spawn } from 'node:child_process'
import { constants } from 'node:os'
import { basename } from 'node:path'
import { HeldError } from '../app/start-error.ts'
import type { Settings } from '../config/environment.ts'
import { complain } from './complain.ts'
import { ask, NotRunning } from './desk.ts'
import { type Kit, pack, readOrder, reportOf } from './launching.ts'
import { findRunning, startOwn } from './running.ts'

const USAGE = `Usage: weir exec [--name BOT] [--no-hooks] [--java] [--own] -- COMMAND…

  weir exec -- python bot.py
  weir exec --name grid-1 -- freqtrade trade -c config.json

  --name BOT  what weir calls the bot, in metrics and where bots take turns; the name of the command unless given
  --no-hooks  set variables only: no preload for Node, no sitecustomize for Python
  --java      also JAVA_TOOL_OPTIONS, with a trust store that has weir's root
  --own       start a weir for this command alone, and stop it afterwards`

/** The status of the command: 128 + n when signal n ended it, 127 when it was not found. 1: no weir to lead it to. */
export const exec = async (args: readonly string[], env: NodeJS.ProcessEnv): Promise<number> => {
  const cut = args.indexOf('--')
  const [command, ...words] = cut < 0 ? [] : args.slice(cut + 1)
  if (command === undefined) return complain(USAGE, 2)
  const own = args.slice(0, cut)
  // A private weir shares the terminal with its bot: it speaks up only when something is wrong.
  const order = readOrder(own, own.includes('--own') ? { WEIR_LOG_LEVEL: 'warn', ...env } : env)
  if (order.report !== undefined) return complain(order.report, 1)
  const { flags, settings, rest } = order
  if (rest.length > 0) return complain(`weir: what is "${rest.join(' ')}"? The command comes after --\n\n${USAGE}`, 2)
  const name = flags.name ?? basename(command)
  try {
    const { running, stop } = flags.own ? await openOwn(settings, env) : await openShared(settings)
    try {
      return await run(command, words, tell(pack(running, settings, flags, name, env), name, running.proxy), env)
    } finally {
      await stop()
    }
  } catch (error) {
    const report = reportOf(error)
    if (report === undefined) throw error
    return complain(report + adviceOn(error), 1)
  }
}

const adviceOn = (error: unknown): string => {
  if (error instanceof NotRunning) return '; or use --own'
  // Another `exec --own` leads nobody else.
  const leads = error instanceof HeldError && error.admin !== undefined
  return leads ? '; or leave out --own, and the bot goes through that one' : ''
}

const openShared = async (settings: Settings): ReturnType<typeof startOwn> => ({
  running: await findRunning(settings),
  stop: () => Promise.resolve(),
})

const openOwn = async (settings: Settings, env: NodeJS.ProcessEnv): ReturnType<typeof startOwn> => {
  if (await isThere(settings)) complain('weir: another weir runs here; what this bot spends is not counted there', 0)
  return startOwn(settings, env)
}

const isThere = (settings: Settings): Promise<boolean> =>
  ask(settings, '/live', '*/*').then(
    () => true,
    () => false,
  )

const tell = (kit: Kit, name: string, proxy: string): Kit => {
  for (const note of kit.notes) process.stderr.write(`weir: ${note}\n`)
  const hooked = kit.rows.some(({ name }) => name === 'WEIR_TRANSPARENT') ? ', hooks for Node and Python' : ''
  process.stderr.write(`weir: ${name} goes through ${proxy} (${kit.rows.length} variables${hooked}; see weir env)\n`)
  return kit
}

/** What a terminal sends to all of its foreground: the bot has it already, and many take a second Ctrl-C for haste. */
const FROM_KEYS = ['SIGINT', 'SIGQUIT'] as const
/**
 * What would end us and leave the bot without anybody to end it, and what bots listen for. SIGTSTP stays as it is: Ctrl-Z
 * stops the whole foreground, and who catches it does not stop.
 */
const PASSED_ON = [...FROM_KEYS, 'SIGTERM', 'SIGHUP', 'SIGUSR1', 'SIGUSR2', 'SIGALRM', 'SIGWINCH', 'SIGCONT'] as const
const NOT_FOUND = 127
const NOT_EXECUTABLE = 126

/** Runs it in the terminal that we have; resolves with its status. */
const run = (command: string, words: readonly string[], { rows }: Kit, env: NodeJS.ProcessEnv): Promise<number> =>
  new Promise((resolve) => {
    const set = Object.fromEntries(rows.map(({ name, value }) => [name, value]))
    const child = spawn(command, words, { env: { ...env, ...set }, stdio: 'inherit' })
    const pass = (signal: NodeJS.Signals): void => {
      if (!process.stdin.isTTY || !FROM_KEYS.some((key) => key === signal)) child.kill(signal)
    }
    for (const signal of PASSED_ON) process.on(signal, pass)
    const done = (status: number): void => {
      for (const signal of PASSED_ON) process.off(signal, pass)
      resolve(status)
    }
    child.once('error', (error: NodeJS.ErrnoException) => {
      const missing = error.code === 'ENOENT'
      done(complain(`weir: ${command}: ${missing ? 'not found' : error.message}`, missing ? NOT_FOUND : NOT_EXECUTABLE))
    })
    child.once('exit', (code, signal) => done(code ?? 128 + (signal === null ? 0 : constants.signals[signal])))
  })
