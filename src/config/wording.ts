// What the schema has against a value, in plain English: expected this, got that; did you mean …?
// Of the alternatives of a union only the one that was probably meant is spoken of.

import type { ShapeIssue } from './schema.ts'
import { didYouMeanOneOf, nearest } from './suggest.ts'
import type { Path } from './yaml.ts'

/** One fault of a value, before it is known where in the text it is. */
export interface Fault {
  readonly path: Path
  /** Whether the key or the value at the path is wrong. */
  readonly at: 'key' | 'value'
  readonly message: string
  /** For an unknown key: show the place of `path`, but name the section around it. */
  readonly name?: Path
}

/** Rewrites the issues of one check of `value`. `known` finds the keys that an object at a path may have. */
export const faultsOf = (issues: readonly ShapeIssue[], value: unknown, known: KnownKeys): readonly Fault[] =>
  withoutEchoes(issues.flatMap((issue) => faults(issue, [], value, known)))

/** The keys that the schema knows for the section at a path of this value. */
export type KnownKeys = (path: Path) => readonly string[]

const faults = (issue: ShapeIssue, prefix: Path, value: unknown, known: KnownKeys): readonly Fault[] => {
  const path = [...prefix, ...issue.path.map((step) => (typeof step === 'number' ? step : String(step)))]
  const got = valueAt(value, path)
  if (issue.code === 'unrecognized_keys') {
    const words = known(path)
    return issue.keys.map((key) => ({
      path: [...path, key],
      at: 'key' as const,
      name: path,
      message: words.includes(key)
        ? `"${key}" does not go with the other keys of this section`
        : `unknown key "${key}"${didYouMeanOneOf(key, words)}`,
    }))
  }
  if (issue.code === 'invalid_union') {
    const branch = meant(issue.errors, got)
    if (branch !== undefined) return branch.flatMap((inner) => faults(inner, path, value, known))
  }
  if (issue.code === 'invalid_key') {
    const message = issue.issues[0]?.message ?? 'expected another key'
    return [{ path, at: 'key', name: path.slice(0, -1), message: `${message}, got "${String(path.at(-1))}"` }]
  }
  if (got === undefined && path.length > 0) {
    return [{ path, at: 'key', name: path.slice(0, -1), message: `"${String(path.at(-1))}" is missing` }]
  }
  const secret = path.includes('accounts') || path.includes('webhook')
  return [{ path, at: 'value', message: sentence(issue, secret ? HIDDEN : got) }]
}

/** The alternative that was probably meant: of the right type, and with the least wrong in it. */
const meant = (branches: readonly (readonly ShapeIssue[])[], got: unknown): readonly ShapeIssue[] | undefined => {
  const weight = (issues: readonly ShapeIssue[]): number =>
    issues.reduce((sum, issue) => sum + (issue.code === 'unrecognized_keys' ? issue.keys.length : 1), 0)
  const rightType = branches.filter((issues) => !issues.some((issue) => ofWrongType(issue, got)))
  return rightType.toSorted((a, b) => weight(a) - weight(b))[0]
}

const ofWrongType = (issue: ShapeIssue, got: unknown): boolean => {
  if (issue.path.length > 0) return false
  if (issue.code === 'invalid_union') return meant(issue.errors, got) === undefined
  return issue.code === 'invalid_type' || (issue.code === 'invalid_value' && typeof got === 'object')
}

const sentence = (issue: ShapeIssue, got: unknown): string => {
  switch (issue.code) {
    case 'invalid_value': {
      const words = issue.values.map(String)
      const guess = typeof got === 'string' ? nearest(got, words) : undefined
      const hint = guess === undefined ? '' : `; did you mean "${guess}"?`
      return `expected ${words.length === 1 ? '' : 'one of '}${list(words)}, got ${shown(got)}${hint}`
    }
    case 'invalid_type':
      return `${own(issue.message) ?? `expected ${KINDS[issue.expected] ?? issue.expected}`}, got ${shown(got)}`
    case 'too_small':
      return `${bound(issue.origin, issue.inclusive === false ? 'more than' : 'at least', Number(issue.minimum))}, got ${shown(got)}`
    case 'too_big':
      return `${bound(issue.origin, 'at most', Number(issue.maximum))}, got ${shown(got)}`
    default:
      return `${own(issue.message) ?? 'expected something else'}, got ${shown(got)}`
  }
}

const KINDS: Readonly<Record<string, string>> = {
  string: 'a text',
  number: 'a number',
  int: 'a whole number',
  boolean: 'true or false',
  object: 'a section with keys',
  record: 'a section with keys',
  array: 'a list',
}

const bound = (origin: string, word: string, limit: number): string => {
  if (origin === 'array') return `expected ${word} ${limit} ${limit === 1 ? 'entry' : 'entries'}`
  if (origin === 'string') return `expected ${word} ${limit} ${limit === 1 ? 'character' : 'characters'}`
  return `expected ${word} ${limit}`
}

const own = (message: string): string | undefined => (message.startsWith('expected') ? message : undefined)

/** In place of what may be a key id, or an address with a token in it. */
const HIDDEN = Symbol('hidden')

const shown = (got: unknown): string => {
  if (got === HIDDEN) return 'something else'
  if (got === null || got === undefined) return 'nothing'
  if (Array.isArray(got)) return got.length === 0 ? 'an empty list' : 'a list'
  if (typeof got === 'object') return 'a section with keys'
  if (Number.isNaN(got)) return 'no number'
  if (got === Number.POSITIVE_INFINITY || got === Number.NEGATIVE_INFINITY) return 'a number that is too large'
  const text = JSON.stringify(got)
  return text.length > 60 ? `${text.slice(0, 57)}…"` : text
}

const list = (words: readonly string[]): string =>
  words.length < 2 ? words.join('') : `${words.slice(0, -1).join(', ')} or ${words.at(-1)}`

const valueAt = (value: unknown, path: Path): unknown => {
  let at = value
  for (const step of path) {
    if (at === null || typeof at !== 'object') return undefined
    at = (at as Record<string | number, unknown>)[step]
  }
  return at
}

/** A key that is missing because it is misspelt beside is one problem, not two; the same fault is told once. */
const withoutEchoes = (all: readonly Fault[]): readonly Fault[] => {
  const misspelt = new Set<string>()
  for (const { name, message } of all) {
    const meantKey = /did you mean "([^"]+)"/.exec(message)?.[1]
    if (name !== undefined && meantKey !== undefined) misspelt.add(JSON.stringify([...name, meantKey]))
  }
  const seen = new Set<string>()
  return all.filter(({ path, message }) => {
    if (message.endsWith('is missing') && misspelt.has(JSON.stringify(path))) return false
    const fault = JSON.stringify([path, message])
    return !seen.has(fault) && seen.add(fault) !== undefined
  })
}
