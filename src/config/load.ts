// limits.yaml to rules: read, check the shape, link; or everything that is wrong, with its place in the file.
// A reload calls this again with the same environment, so variables keep their word.

import type { Rules } from '../core/rules.ts'
import { linkRules } from '../rules/link.ts'
import type { Environment } from '../rules/override.ts'
import { type Issue, issueOutside, withHint } from './issues.ts'
import { knownKeys, type Schema } from './known.ts'
import { checkShape, type LimitsConfig, limitsSchema } from './schema.ts'
import { type Fault, faultsOf } from './wording.ts'
import { type ParsedYaml, type Path, parseYaml, type Span } from './yaml.ts'

/** Rules, or all that keeps them from being used. */
export type LoadResult =
  | { readonly ok: true; readonly rules: Rules }
  | { readonly ok: false; readonly issues: readonly Issue[] }

/**
 * Reads limits.yaml. Never throws for what an operator wrote.
 * @param file name shown in messages
 * @param env variables that override limits (`KRAKEN_RATE_LIMIT_PRIVATE_RPS` …)
 */
export const loadRules = (text: string, file: string, env: Environment): LoadResult => {
  const yaml = parseYaml(text)
  const issues: Issue[] = yaml.faults.map(({ message, span }) => issueAt(file, yaml, span, '', message))
  if (yaml.broken) return { ok: false, issues }
  const shape = checkShape(yaml.value)
  const faults = shape.ok ? [] : plainFaults(yaml.value, shape.issues)
  issues.push(...faults.map((fault) => issueOf(file, yaml, fault)))
  const config = shape.ok ? shape.config : soundPart(yaml.value, faults)
  if (config === undefined) return { ok: false, issues: withoutRepeats(issues) }
  const rules = linkRules(
    config,
    env,
    (path, message, at = 'value') => issues.push(issueOf(file, yaml, { path, at, message })),
    (variable, message) => issues.push(issueOutside('environment', variable, message)),
  )
  return issues.length === 0 ? { ok: true, rules } : { ok: false, issues: withoutRepeats(issues) }
}

const plainFaults = (value: unknown, issues: Parameters<typeof faultsOf>[0]): readonly Fault[] => {
  const schema = limitsSchema() as Schema
  return faultsOf(issues, value, (path) => knownKeys(schema, path))
}

/**
 * The config without the exchanges that have faults, so that what is wrong with the others is told in the same breath.
 * Undefined when nothing is left, or when the faults are elsewhere: what they are about could be missed by all exchanges.
 */
const soundPart = (value: unknown, faults: readonly Fault[]): LimitsConfig | undefined => {
  const unsound = new Set(faults.map(({ path: [section, name] }) => (section === 'exchanges' ? name : undefined)))
  if (unsound.has(undefined)) return undefined
  const { exchanges, ...rest } = value as { readonly exchanges: object }
  const sound = Object.entries(exchanges).filter(([name]) => !unsound.has(name))
  if (sound.length === 0) return undefined
  const shape = checkShape({ ...rest, exchanges: Object.fromEntries(sound) })
  return shape.ok ? shape.config : undefined
}

/** A default that several classes stumble over is one problem. */
const withoutRepeats = (issues: readonly Issue[]): readonly Issue[] => [
  ...new Map(issues.map((issue) => [JSON.stringify(issue), issue])).values(),
]

const issueOf = (file: string, yaml: ParsedYaml, { path, at, message, name }: Fault): Issue =>
  issueAt(file, yaml, yaml.spanOf(path, at), pathText(name ?? path), message)

const issueAt = (file: string, yaml: ParsedYaml, span: Span, path: string, message: string): Issue => {
  const { line, column } = yaml.position(span.start)
  return { file, line, column, length: span.end - span.start, path, ...withHint(message) }
}

/** `exchanges.kraken.answers[2].means`. Within accounts no further: a key id may stand where a name should. */
const pathText = (path: Path): string => {
  const accounts = path.indexOf('accounts')
  return path
    .slice(0, accounts === -1 ? path.length : accounts + 1)
    .map((step, index) => (typeof step === 'number' ? `[${step}]` : `${index === 0 ? '' : '.'}${step}`))
    .join('')
}
