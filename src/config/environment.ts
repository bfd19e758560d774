// Where weir listens, keeps its state and finds its config: flags first, then variables, then defaults.
// Everything that is wrong is told at once. What limits say is in limits.yaml; variables that change limits are
// read where it is loaded, so that a reload keeps them.

import { isIP } from 'node:net'
import { homedir } from 'node:os'
import { resolve } from 'node:path'
import { parseArgs } from 'node:util'
import type { Environment } from '../rules/override.ts'
import { type Address, type ConnectTo, parseAddress, parseConnectTo } from './addresses.ts'
import { FLAGS, type Flag, OWN_VARIABLES } from './flags.ts'
import { type Issue, issueOutside } from './issues.ts'
import { didYouMean, nearest } from './suggest.ts'

export type LogLevel = (typeof LOG_LEVELS)[number]

/** How this weir runs. Fixed from the start to the end of the process. */
export interface Settings {
  /** Path of limits.yaml. */
  readonly config: string
  readonly listen: Address
  readonly admin: Address & {
    /** From WEIR_ADMIN_TOKEN; a secret. */
    readonly token: string | undefined
  }
  /** Absolute. */
  readonly stateDir: string
  /** May hold a password: never to be logged. */
  readonly redis: string | undefined
  readonly connectTo: readonly ConnectTo[]
  /** DNS servers, `ADDRESS` or `ADDRESS:PORT`; empty = the system's resolver. */
  readonly dns: readonly string[]
  /** Paths of PEM files. */
  readonly upstreamCa: readonly string[]
  readonly logLevel: LogLevel
}

/** Settings and what is left of the arguments, or all that is wrong with them. */
export type SettingsResult =
  | { readonly ok: true; readonly settings: Settings; readonly rest: readonly string[] }
  | { readonly ok: false; readonly issues: readonly Issue[] }

const LOG_LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'] as const

/** Reads flags (what follows the command) and variables. Never throws; reads no file. */
export const readSettings = (args: readonly string[], env: Environment): SettingsResult => {
  const issues: Issue[] = []
  const given = readFlags(args, issues)
  const typo = nearMisses(env)
  issues.push(...typo)
  const source = new Source(given.values, env, issues)
  const settings: Settings = {
    config: source.one('config', (text) => text),
    listen: source.one('listen', parseAddress, 'HOST:PORT, such as 127.0.0.1:8080'),
    admin: {
      ...source.one('admin', parseAddress, 'HOST:PORT, such as 127.0.0.1:9090'),
      token: env.WEIR_ADMIN_TOKEN || undefined,
    },
    stateDir: source.one('state-dir', (text) => resolve(text.replace(/^~(?=\/|$)/, env.HOME || homedir()))),
    redis: source.maybe('redis', redisUrl, 'a URL such as redis://127.0.0.1:6379/0'),
    connectTo: source.many('connect-to', parseConnectTo, 'HOST:PORT:HOST:PORT'),
    dns: source.many('dns', dnsServer, 'an IP address, such as 1.1.1.1 or 1.1.1.1:53'),
    upstreamCa: source.many('upstream-ca', (text) => text, 'a file'),
    logLevel: source.one('log-level', logLevel, `one of ${LOG_LEVELS.join(', ')}`),
  }
  return issues.length === 0 ? { ok: true, settings, rest: given.rest } : { ok: false, issues }
}

interface Given {
  readonly values: Map<string, string[]>
  readonly rest: string[]
}

const NAMES = FLAGS.map(({ flag }) => flag)
const OPTIONS = Object.fromEntries(NAMES.map((flag) => [flag, { type: 'string' as const, multiple: true }]))

/** Every flag takes a value: `--listen X` or `--listen=X`. */
const readFlags = (args: readonly string[], issues: Issue[], given: Given = { values: new Map(), rest: [] }): Given => {
  const { tokens } = parseArgs({
    args: [...args],
    options: OPTIONS,
    strict: false,
    allowPositionals: true,
    tokens: true,
  })
  for (const token of tokens) {
    if (token.kind === 'positional') given.rest.push(token.value)
    if (token.kind !== 'option') continue
    const swallowed = token.inlineValue === false && token.value?.startsWith('--') === true
    if (!NAMES.includes(token.name)) {
      const hint = didYouMean(token.name, NAMES).replace('mean "', 'mean "--')
      issues.push(issueOutside('command line', token.rawName, `is not a flag of weir${hint}`))
    } else if (token.value === undefined || token.value === '' || swallowed) {
      const { value } = flagNamed(token.name)
      issues.push(issueOutside('command line', token.rawName, `needs a value: ${token.rawName} ${value}`))
      // The flag after it was taken for its value; it still counts as a flag.
      if (swallowed) return readFlags(args.slice(token.index + 1), issues, given)
    } else {
      given.values.set(token.name, [...(given.values.get(token.name) ?? []), token.value])
    }
  }
  return given
}

/** A misspelt WEIR_ variable would be silently without effect. */
const nearMisses = (env: Environment): readonly Issue[] =>
  Object.keys(env)
    .filter((variable) => variable.startsWith('WEIR_') && !OWN_VARIABLES.includes(variable))
    .flatMap((variable) => {
      const meant = nearest(
        variable.slice(5),
        OWN_VARIABLES.map((own) => own.slice(5)),
      )
      if (meant === undefined) return []
      return [issueOutside('environment', variable, `is not a variable of weir; did you mean "WEIR_${meant}"?`)]
    })

/** Takes each setting from where it was said last: flag, variable, default; and says where a bad one came from. */
class Source {
  readonly #given: ReadonlyMap<string, readonly string[]>
  readonly #env: Environment
  readonly #issues: Issue[]

  constructor(given: ReadonlyMap<string, readonly string[]>, env: Environment, issues: Issue[]) {
    this.#given = given
    this.#env = env
    this.#issues = issues
  }

  /** The setting, or its default when what was said makes no sense; that is an issue then. */
  one<T>(flag: string, read: (text: string) => T | undefined, wanted = 'a value'): T {
    const fallback = read(flagNamed(flag).default ?? '')
    if (fallback === undefined) throw new Error(`the default of --${flag} is wrong`)
    return this.maybe(flag, read, wanted) ?? fallback
  }

  maybe<T>(flag: string, read: (text: string) => T | undefined, wanted: string): T | undefined {
    return this.many(flag, read, wanted).at(-1)
  }

  many<T>(flag: string, read: (text: string) => T | undefined, wanted: string): readonly T[] {
    const { variable, many } = flagNamed(flag)
    const flagged = this.#given.get(flag)
    const text = this.#env[variable]
    const said = flagged ?? (text === undefined ? [] : many ? text.split(',') : [text])
    return said
      .map((value) => value.trim())
      .filter((value) => value !== '')
      .flatMap((value) => {
        const found = read(value)
        if (found !== undefined) return [found]
        const [file, name] = flagged === undefined ? ['environment', variable] : ['command line', `--${flag}`]
        // A URL may hold a password: what was got is not repeated for it.
        const got = flag === 'redis' ? '' : `, got "${value}"`
        this.#issues.push(issueOutside(file, name, `expected ${wanted}${got}`))
        return []
      })
  }
}

const flagNamed = (name: string): Flag => {
  const found = FLAGS.find(({ flag }) => flag === name)
  if (found === undefined) throw new Error(`no flag --${name}`)
  return found
}

const redisUrl = (text: string): string | undefined => (/^rediss?(\+sentinel)?:\/\/\S+$/.test(text) ? text : undefined)

const dnsServer = (text: string): string | undefined =>
  isIP(text) !== 0 || isIP(text.replace(/:\d{1,5}$/, '').replace(/^\[(.*)\]$/, '$1')) !== 0 ? text : undefined

const logLevel = (text: string): LogLevel | undefined => LOG_LEVELS.find((level) => level === text.toLowerCase())
