// What to do about failures, in plain words with the numbers they rest on, the surest first.

import type { Recommendation } from '../core/autopsy.ts'
import type { DetectedPattern, FailurePattern, FailureView } from '../core/failure.ts'
import type { Millis } from '../core/units.ts'
import type { UseView } from '../core/usage.ts'
import type { ActivityView } from '../core/views.ts'
import { PATTERNS } from './patterns.ts'

/** What else is known of an exchange. */
export interface Context {
  readonly wallMs: Millis
  readonly windowMs: Millis
  /** Of limits.yaml, before weir's own. */
  readonly patterns: readonly FailurePattern[]
  /** What refusals that weir had not foreseen have in common. */
  readonly recommendations: readonly Recommendation[]
  readonly lately: ActivityView
  /** Who uses it, by bot and class. */
  readonly uses: readonly (UseView & { readonly bot: string })[]
  /** Longest wait of a class. */
  readonly maxWaitMs: (id: string) => Millis | undefined
}

/** Everything advice is drawn from. */
export interface Matter extends Context {
  readonly service: string
  readonly failures: readonly FailureView[]
  readonly detectedPatterns: readonly DetectedPattern[]
}

/** Fewer calls say nothing of shares. */
const ENOUGH = 20

/** Sentences, without repeats. */
export const advise = (matter: Matter): readonly string[] => {
  const all = [
    ...matter.recommendations.map(({ text }) => text),
    ...onNonces(matter),
    ...onPatterns(matter),
    ...onCache(matter),
    ...onRefusals(matter),
    ...onWaits(matter),
  ]
  return [...new Set(all)]
}

/** Two bots that sign with one key spoil each other's nonces; one alone has a clock that jumps, or is not alone. */
const onNonces = ({ failures }: Matter): readonly string[] => {
  const byKey = new Map<string, { count: number; readonly bots: Set<string> }>()
  for (const { pattern, credential, bot } of failures) {
    if (pattern !== 'invalid_nonce' || credential === undefined) continue
    const key = byKey.get(credential) ?? { count: 0, bots: new Set() }
    byKey.set(credential, key)
    key.count += 1
    key.bots.add(bot)
  }
  return [...byKey].map(([credential, { count, bots }]) =>
    bots.size > 1
      ? `${times(count, 'invalid nonce')} on key ${credential}, which ${[...bots].join(', ')} share: give each bot a key of its own.`
      : `${times(count, 'invalid nonce')} on key ${credential} of ${[...bots].join()}: something outside weir signs with it too, ` +
        'or its clock was set back. Keep the key to one program, or set a nonce window at the exchange (nonce_window).',
  )
}

const onPatterns = ({ detectedPatterns, patterns, service }: Matter): readonly string[] =>
  detectedPatterns.flatMap(({ name, count }) => {
    const advice = [...patterns, ...PATTERNS].find((one) => one.name === name)?.advice
    return advice === undefined ? [] : [`${count} × ${name} at ${service}: ${advice}`]
  })

/** Calls that were turned away and need not have been made. */
const onCache = ({ lately: { throttled, cacheHits, cacheMisses }, service }: Matter): readonly string[] => {
  const asked = cacheHits + cacheMisses
  if (throttled === 0 || asked < ENOUGH || cacheHits / asked >= 0.8) return []
  return [
    `${service} turned ${throttled} calls away, and only ${percent(cacheHits / asked)} of ${asked} cacheable calls came from ` +
      'the cache: raise `fresh` of their classes, or take market data from the WebSocket.',
  ]
}

/** More than a tenth refused: the bots want more than there is. */
const onRefusals = ({ lately: { calls, limited }, service, uses }: Matter): readonly string[] => {
  if (calls < ENOUGH || limited / calls <= 0.1) return []
  const [greedy] = uses.toSorted((a, b) => b.budgetShare - a.budgetShare)
  const who =
    greedy === undefined ? '' : ` ${share(greedy)}: poll less often there, or let calls wait longer (max_wait).`
  return [`${percent(limited / calls)} of ${calls} calls to ${service} were refused for want of budget.${who}`]
}

/** Waits near the longest there may be: the next step is refusals. */
const onWaits = ({ uses, maxWaitMs }: Matter): readonly string[] =>
  uses.flatMap((use) => {
    const most = maxWaitMs(use.class)
    if (most === undefined || use.calls < ENOUGH || use.waitP99Ms < most * 0.8) return []
    return [
      `Calls of ${use.bot} to ${use.class} wait up to ${seconds(use.waitP99Ms)} of the ${seconds(most)} they may. ${share(use)}: ` +
        'poll less often, cache it, or share the work between keys.',
    ]
  })

const share = ({ bot, class: id, budgetShare }: UseView & { readonly bot: string }): string =>
  `${bot} spends ${percent(budgetShare)} of the budget on ${id}`

const times = (count: number, what: string): string => (count === 1 ? `1 ${what}` : `${count} ${what}s`)

const percent = (part: number): string => `${Math.round(part * 100)} %`

const seconds = (ms: number): string => `${Math.round(ms / 100) / 10} s`
