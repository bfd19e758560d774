// limits.yaml to rules: read, check the shape, link; or everything that is wrong, with its place in the file.
// A reload calls this again with the same environment, so variables keep their word.

import type { Rules } from '../core/rules.ts'
import { linkRules } from '../rules/link.ts'
import type { Environment } from '../rules/override.ts'
import { type Issue, issueOutside } from './issues.ts'
import { knownKeys, type Schema } from './known.ts'
import { checkShape, limitsSchema } from './schema.ts'
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
  const failed = (): LoadResult => ({ ok: false, issues: withoutRepeats(issues) })
  if (yaml.broken) return failed()
  const shape = checkShape(yaml.value)
  if (!shape.ok) {
    const schema = limitsSchema() as Schema
    const faults = faultsOf(shape.issues, yaml.value, (path) => knownKeys(schema, path))
    issues.push(...faults.map((fault) => issueOf(file, yaml, fault)))
    return failed()
  }
  const rules = linkRules(
    shape.config,
    env,
    (path, message, at = 'value') => issues.push(issueOf(file, yaml, { path, at, message })),
    (variable, message) => issues.push(issueOutside('environment', variable, message)),
  )
  return issues.length === 0 ? { ok: true, rules } : failed()
}

/** A default that several classes stumble over is one problem. */
const withoutRepeats = (issues: readonly Issue[]): readonly Issue[] => [
  ...new Map(
    issues.map((issue) => [JSON.stringify([issue.path, issue.line, issue.column, issue.message]), issue]),
  ).values(),
]

const issueOf = (file: string, yaml: ParsedYaml, { path, at, message, name }: Fault): Issue =>
  issueAt(file, yaml, yaml.spanOf(path, at), pathText(name ?? path), message)

const issueAt = (file: string, yaml: ParsedYaml, span: Span, path: string, message: string): Issue => {
  const { line, column } = yaml.position(span.start)
  return { file, line, column, length: span.end - span.start, path, message, hint: undefined }
}

/** `exchanges.kraken.answers[2].means` */
const pathText = (path: Path): string =>
  path.map((step, index) => (typeof step === 'number' ? `[${step}]` : `${index === 0 ? '' : '.'}${step}`)).join('')
