// What a command is made of, and what to tell its owner when it does not go through weir, or does not trust it.

import { closeSync, openSync, readSync, statSync } from 'node:fs'
import { basename, delimiter, join } from 'node:path'

/** Languages whose clients differ. */
export type Language = 'python' | 'node' | 'go' | 'java' | 'php' | 'other'

/** Places that advice speaks of. */
export interface Places {
  readonly proxy: string
  readonly bundle: string
  readonly ca: string
}

/** Programs that do not carry the name of their language. */
const NAMES: readonly (readonly [RegExp, Language])[] = [
  [/^(python|pypy)[\d.]*$|^(uv|poetry|pipenv|freqtrade|hummingbot|jesse|octobot|start)$|\.py$/i, 'python'],
  [/^(node|nodejs|npm|npx|yarn|pnpm|tsx|ts-node|bun|deno)$|\.[cm]?[jt]s$/i, 'node'],
  [/^go$|\.go$/i, 'go'],
  [/^(java|javaw|mvn|gradle|kotlin|scala|sbt)$|\.jar$/i, 'java'],
  [/^php[\d.]*$|\.php$/i, 'php'],
]
/** Wrappers: what they start comes after them. */
const WRAPPERS = /^(env|sh|bash|dash|time|nice|timeout|sudo|setsid|stdbuf|unshare)$/
const GO_MARK = Buffer.from('Go buildinf:')
const READ_BYTES = 1 << 20
const MOST_BYTES = 64 << 20

/** Recognises the language by the names in the command, else by the file that it starts: its `#!` line, or Go's build mark. */
export const languageOf = (words: readonly string[], path: string | undefined): Language => {
  for (const word of words) {
    const name = basename(word)
    const known = NAMES.find(([pattern]) => pattern.test(name))
    if (known !== undefined) return known[1]
    if (WRAPPERS.test(name) || word.startsWith('-')) continue
    const language = languageOfFile(word, path)
    if (language !== undefined) return language
  }
  return 'other'
}

/** Undefined for a word that names no program: an argument of a wrapper. */
const languageOfFile = (word: string, path: string | undefined): Language | undefined => {
  const folders = word.includes('/') ? [''] : (path ?? '').split(delimiter)
  const file = folders.map((folder) => (folder === '' ? word : join(folder, word))).find(isFile)
  if (file === undefined) return undefined
  try {
    return read(file)
  } catch {
    return 'other'
  }
}

const isFile = (file: string): boolean => statSync(file, { throwIfNoEntry: false })?.isFile() === true

const read = (file: string): Language => {
  const descriptor = openSync(file, 'r')
  try {
    const piece = Buffer.alloc(READ_BYTES)
    for (let at = 0; at < MOST_BYTES; at += READ_BYTES - GO_MARK.length) {
      const text = piece.subarray(0, readSync(descriptor, piece, 0, READ_BYTES, at))
      if (at === 0 && text.toString('latin1', 0, 2) === '#!') {
        const line = text.toString('latin1', 2, 200).split('\n', 1)[0] ?? ''
        return languageOf(line.trim().split(/\s+/), undefined)
      }
      if (text.includes(GO_MARK)) return 'go'
      if (text.length < READ_BYTES) return 'other'
    }
    return 'other'
  } finally {
    closeSync(descriptor)
  }
}

/** For a bot that reached weir and turned away from its certificate. */
export const trustFix = (language: Language, { bundle, ca }: Places): string => {
  switch (language) {
    case 'python':
      return `the program brings roots of its own, or was started with -I or -E: give it ${bundle} (requests: verify=, aiohttp and ccxt: cafile, httpx: verify=)`
    case 'node':
      return `NODE_EXTRA_CA_CERTS=${ca} must be set before Node starts; where the program passes \`ca\` itself, add that file to it`
    case 'go':
      return `SSL_CERT_FILE=${bundle} is read on Linux only, and not where the program sets RootCAs; else: weir ca trust --system`
    case 'java':
      return 'start it with --java (weir doctor --java, weir exec --java), which makes a trust store'
    case 'php':
      return `php -d curl.cainfo=${bundle} -d openssl.cafile=${bundle}`
    default:
      return `point the program's CA option at ${bundle}, or: weir ca trust --system`
  }
}

/** For a bot that went past weir, or was never seen. */
export const routeFix = (language: Language, { proxy }: Places): string => {
  const transparent = 'or map the names of the exchanges to weir (docs/transparent.md)'
  switch (language) {
    case 'python':
      return `the hook did not run (-I, -E, -S, a cleared environment), or the library knows no proxy (websockets before 15): set one, in ccxt {'httpsProxy': 'http://${proxy}'}, ${transparent}`
    case 'node':
      return `NODE_OPTIONS did not reach it (a bundled binary, a cleared environment): set a proxy, in ccxt { httpsProxy: 'http://${proxy}' }, ${transparent}`
    case 'go':
      return `its transport has no proxy: \`Proxy: http.ProxyFromEnvironment\` in http.Transport, ${transparent}`
    case 'java':
      return 'the JVM reads no proxy variable: start it with --java (weir doctor --java, weir exec --java)'
    default:
      return `point its proxy option at http://${proxy}, ${transparent}`
  }
}
