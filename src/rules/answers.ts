// What answers mean, as rules: statuses as ranges, buckets resolved.

import type { AnswerConfig } from '../config/schema.ts'
import { didYouMeanOneOf } from '../config/suggest.ts'
import type { Path } from '../config/yaml.ts'
import type { AnswerRule, BucketRule } from '../core/rules.ts'
import type { Report } from './variants.ts'

/** The answers of one exchange, in the order of the file. */
export const linkAnswers = (
  answers: readonly AnswerConfig[],
  path: Path,
  buckets: ReadonlyMap<string, BucketRule>,
  report: Report,
): readonly AnswerRule[] => {
  const rules = answers.map((answer, index) => linkAnswer(answer, [...path, index], buckets, report))
  for (const [index, rule] of rules.entries()) {
    const earlier = rules.slice(0, index).find((other) => covers(other, rule))
    if (earlier !== undefined)
      report([...path, index], 'never applies, because an earlier answer says the same or more')
  }
  return rules
}

const linkAnswer = (
  answer: AnswerConfig,
  path: Path,
  buckets: ReadonlyMap<string, BucketRule>,
  report: Report,
): AnswerRule => {
  if (answer.status === undefined && answer.error === undefined && answer.says === undefined) {
    report(path, 'needs a status or an error to be recognised by')
  }
  if (answer.drains !== undefined && !buckets.has(answer.drains)) {
    const hint = didYouMeanOneOf(answer.drains, buckets.keys())
    report([...path, 'drains'], `no bucket named "${answer.drains}" in this exchange${hint}`)
  }
  if (answer.until_suffix && answer.error === undefined) {
    report([...path, 'until_suffix'], 'needs an error that ends in a time', 'key')
  }
  return {
    status: answer.status === undefined ? undefined : statusRange(answer.status),
    error: answer.error,
    page: answer.page,
    says: [answer.says ?? []].flat().map((text) => text.toLowerCase()),
    means: answer.means,
    drains: answer.drains,
    pauseMs: answer.pause,
    untilSuffix: answer.until_suffix,
    free: answer.free,
    hostWide: answer.host_wide,
  }
}

/** 429, `5xx`, `500-504`. */
export const statusRange = (status: number | string): { readonly from: number; readonly to: number } => {
  if (typeof status === 'number') return { from: status, to: status }
  if (status.endsWith('xx')) {
    const from = Number(status[0]) * 100
    return { from, to: from + 99 }
  }
  const [from, to] = status.split('-')
  return { from: Number(from), to: Number(to) }
}

/** Whether everything that `rule` would recognise is recognised by `other` already. */
const covers = (other: AnswerRule, rule: AnswerRule): boolean => {
  if (other.error !== undefined && rule.error?.startsWith(other.error) !== true) return false
  if (other.page && !rule.page) return false
  if (other.says.length > 0 && (rule.says.length === 0 || !rule.says.every((text) => other.says.includes(text))))
    return false
  if (other.status === undefined) return true
  if (rule.status === undefined) return false
  return other.status.from <= rule.status.from && rule.status.to <= other.status.to
}
