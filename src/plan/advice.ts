// What would help, in sentences, and what the numbers leave out. Only what the trace itself shows is advised.

import { counted, percent, span } from '../cli/words.ts'
import type { PlannedCall } from './calls.ts'
import type { ExchangePlan, PlanReport } from './report.ts'

/** A report before anything is said about it. */
type Facts = Omit<PlanReport, 'advice' | 'notes'>

/** Below this share a class is not what fills a bucket, and a bucket is not what is short. */
const MOST = 0.5
const SHORT = 0.8

/** Sentences about the facts; `calls` are what they were found in. */
export const advise = (facts: Facts, calls: readonly PlannedCall[]): Pick<PlanReport, 'advice' | 'notes'> => ({
  advice: [
    ...facts.exchanges.flatMap((exchange) => aboutBinding(exchange, facts)),
    ...aboutRefusals(facts, calls),
    ...aboutUnknownPaths(calls),
  ],
  notes: [...aboutTimes(facts), ...aboutCancels(facts), ...aboutLogs(facts), ...aboutShadow(facts, calls)],
})

const aboutBinding = ({ binds }: ExchangePlan, { buckets, classes }: Facts): readonly string[] => {
  const used = buckets.find(({ bucket, scope }) => bucket === binds?.bucket && scope === binds.scope)?.used ?? 0
  if (binds === undefined || used < SHORT) return []
  const takers = classes.flatMap(({ class: id, calls, costs }) =>
    costs.filter(({ bucket }) => bucket === binds.bucket).map((cost) => ({ id, calls, ...cost })),
  )
  const [first] = takers.sort((a, b) => b.share - a.share)
  if (first === undefined || first.share < MOST) return []
  const own = binds.scope.startsWith('key') && !binds.scope.includes('/')
  const advice = `${first.id} takes ${percent(first.share)} of ${binds.bucket} with ${counted(first.calls, 'call')}: ask less often`
  return [own ? `${advice}, or with another key, which has a counter of its own` : advice]
}

const aboutRefusals = ({ replay }: Facts, calls: readonly PlannedCall[]): readonly string[] => {
  const [most] = replay?.refusals ?? []
  if (replay === undefined || most === undefined) return []
  const rule = calls.find(({ rule }) => rule.id === most.class)?.rule
  if (most.code === 'nonce_too_low') {
    return [
      `${counted(most.calls, 'call')} of ${most.class} came with a nonce below one used before: give each bot its own key`,
    ]
  }
  const share = `${most.calls} of ${counted(replay.refused, 'refusal')} are of ${most.class}`
  return [`${share}, which waits ${span(rule?.maxWaitMs ?? 0)} at most: spread these calls, or raise its max_wait`]
}

const aboutUnknownPaths = (calls: readonly PlannedCall[]): readonly string[] => {
  const unknown = calls.filter(({ rule }) => rule === rule.exchange.fallback)
  const [first] = unknown
  if (first === undefined) return []
  const where = first.request.path === '' ? '' : `, such as ${first.request.method} ${first.request.path}`
  return [
    `${counted(unknown.length, 'call')} to paths that no class matches, priced as ${first.rule.id}${where}: see weir explain`,
  ]
}

const aboutTimes = ({ replay, calls }: Facts): readonly string[] =>
  replay === undefined && calls > 0
    ? ['not every call has a time, so it is not told who would wait, who would be refused and what a cache would save']
    : []

const aboutCancels = ({ guessed }: Facts): readonly string[] => {
  if (guessed === 0) return []
  const many = counted(guessed, 'cancel or change of an order', 'cancels and changes of orders')
  return [
    `${many} of unknown age, since a trace has no answers: priced as the youngest, in every pair of the account, the most it can be`,
  ]
}

const aboutLogs = ({ format, answered, calls, buckets }: Facts): readonly string[] => {
  if (format !== 'weir log') return []
  const notes: string[] = []
  if (answered > 0) notes.push(`${counted(answered, 'call')} that weir answered itself: left out`)
  if (buckets.some(({ scope }) => scope.includes('?'))) notes.push('a log does not tell pairs: all count as one')
  if (calls > 0) notes.push('a log has every call only at --log-level debug')
  return notes
}

const aboutShadow = ({ replay }: Facts, calls: readonly PlannedCall[]): readonly string[] =>
  replay !== undefined && calls.some(({ rule }) => rule.enforce === 'shadow')
    ? ['classes in shadow wait for nothing, here as in weir']
    : []
