// limits.yaml as it is in force: read at the start, read again when it changes or on SIGHUP, and swapped as a whole. A file
// with mistakes changes nothing.

import { unwatchFile, watchFile } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { basename } from 'node:path'
import { formatIssues, type Issue, issueOutside } from '../config/issues.ts'
import { loadRules } from '../config/load.ts'
import type { Clock } from '../core/clock.ts'
import type { Observer } from '../core/events.ts'
import type { Rules } from '../core/rules.ts'
import type { Millis } from '../core/units.ts'
import type { ConfigView } from '../core/views.ts'
import { RulesError } from './start-error.ts'

/** How soon an edit is noticed. Asking for the file's date works on every file system and with every editor. */
const WATCH_EVERY_MS: Millis = 500

export interface RulebookOptions {
  readonly file: string
  readonly env: Readonly<Record<string, string | undefined>>
  readonly clock: Clock
  readonly tell: Observer
}

/** The rules in force. */
export class Rulebook {
  readonly #options: RulebookOptions
  #rules: Rules
  #text: string
  #loadedAtWallMs: Millis
  #lastError: string | undefined
  readonly #replaced: ((rules: Rules) => void)[] = []

  private constructor(options: RulebookOptions, text: string, rules: Rules) {
    this.#options = options
    this.#text = text
    this.#rules = rules
    this.#loadedAtWallMs = options.clock.wall()
  }

  /** Reads the file. @throws RulesError when it can not be used */
  static async open(options: RulebookOptions): Promise<Rulebook> {
    const read = await readRules(options)
    if (read.report !== undefined) throw new RulesError(read.report)
    return new Rulebook(options, read.text, read.rules)
  }

  get rules(): Rules {
    return this.#rules
  }

  get view(): ConfigView {
    return { file: this.#options.file, loadedAtWallMs: this.#loadedAtWallMs, lastError: this.#lastError }
  }

  /** Hears of new rules once they are in force. */
  onReplaced(listener: (rules: Rules) => void): void {
    this.#replaced.push(listener)
  }

  /**
   * Reads the file again. The old rules stay when it has mistakes; both outcomes are told.
   * @param again tells of mistakes also when they are those that were told last
   */
  async reload(again = true): Promise<void> {
    const { file, clock, tell } = this.#options
    const read = await readRules(this.#options)
    if (read.report !== undefined) {
      if (!again && read.report === this.#lastError) return
      this.#lastError = read.report
      tell({ type: 'rules.rejected', source: file, report: read.report })
      return
    }
    this.#lastError = undefined
    if (read.text === this.#text) return
    this.#text = read.text
    this.#rules = read.rules
    this.#loadedAtWallMs = clock.wall()
    for (const listener of this.#replaced) listener(read.rules)
    tell({ type: 'rules.replaced', source: file })
  }

  /** Reloads whenever the file changes, until `unwatch`. */
  watch(): void {
    watchFile(this.#options.file, { interval: WATCH_EVERY_MS, persistent: false }, () => void this.reload(false))
  }

  unwatch(): void {
    unwatchFile(this.#options.file)
  }
}

type Read = { readonly text: string; readonly rules: Rules; readonly report?: undefined } | { readonly report: string }

const readRules = async ({ file, env }: RulebookOptions): Promise<Read> => {
  let text: string
  try {
    text = await readFile(file, 'utf8')
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? 'unreadable'
    const issues: Issue[] = [issueOutside(file, '', `can not be read (${code}); name another file with --config`)]
    return { report: formatIssues(issues, '') }
  }
  const loaded = loadRules(text, basename(file), env)
  return loaded.ok ? { text, rules: loaded.rules } : { report: formatIssues(loaded.issues, text) }
}
