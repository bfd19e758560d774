// An explanation for people: what `weir explain METHOD URL` prints, and what the admin port gives to those who ask for text.

import type { BreakerState } from '../core/events.ts'
import type { ExplainedCost, Explanation } from '../core/explanation.ts'
import type { EndpointClass } from '../core/rules.ts'
import { amount, duration } from './words.ts'

/** One line for each thing that is decided about a call. */
export const explanationText = (explanation: Explanation): string => {
  const { method, host, path, kind, costs, cache, breaker, now } = explanation
  const rows: (readonly [name: string, text: string])[] = [
    ['class', `${explanation.class}: ${KINDS[kind]}`],
    ['because', becauseText(explanation)],
    ...(costs.length === 0 ? ['nothing: it is not limited'] : costs.map(costText)).map(
      (text, index) => [index === 0 ? 'costs' : '', text] as const,
    ),
    ['waits', waitText(explanation)],
    ['order', explanation.lane === 'nonce' ? 'one line per API key, by nonce' : 'bots take turns'],
    ['cache', cache === undefined ? 'never' : cacheText(cache)],
  ]
  if (breaker !== undefined) rows.push(['breaker', BREAKERS[breaker]])
  rows.push(['now', now === undefined ? 'unknown, since no running weir was asked' : nowText(now)])
  return `${method} https://${host}${path}\n\n${rows.map(([name, text]) => `  ${name.padEnd(9)}${text}\n`).join('')}`
}

const KINDS: Readonly<Record<EndpointClass['kind'], string>> = {
  read: 'a read',
  write: 'a write, never cached and never sent twice',
  order: 'an order, never cached and never sent twice',
  cancel: 'a cancel, never cached and never sent twice',
}

const BREAKERS: Readonly<Record<BreakerState, string>> = {
  closed: 'closed: the exchange answers',
  half_open: 'half open: the exchange is being probed',
  open: 'open: nothing is sent',
}

const becauseText = ({ pattern, patterns, exchange }: Explanation): string => {
  // The long lists of limits.yaml would hide the rest of the screen.
  if (pattern !== undefined) return `it matches ${pattern.replace(/\{([^,}]+,[^,}]+),[^}]{20,}\}/g, '{$1,…}')}`
  return patterns.length === 0
    ? `no pattern matches: the default class of ${exchange}`
    : `it matches ${patterns.join(', ')}`
}

const costText = ({ bucket, cost, note, level }: ExplainedCost): string => {
  const price = `${amount(cost)} from ${bucket}${note === undefined ? '' : ` (${note})`}`
  if (level === undefined) return price
  const closed = level.closedForMs > 0 ? `, closed by the exchange for ${duration(level.closedForMs)}` : ''
  return `${price}: ${amount(level.available)} of ${amount(level.capacity)} left${closed}`
}

const waitText = ({ hold, enforce, maxWaitMs }: Explanation): string => {
  if (enforce === 'shadow') return 'never: in shadow everything is counted and nothing is held'
  return hold
    ? `up to ${duration(maxWaitMs)}; what would take longer is refused at once`
    : 'never: it is charged, not held'
}

const cacheText = ({ freshMs, staleMs, staleWhen }: NonNullable<Explanation['cache']>): string => {
  const fresh = `fresh for ${duration(freshMs)}`
  const reasons = staleWhen.map((reason) => reason.replaceAll('_', ' ')).join(', ')
  return staleWhen.length === 0 ? fresh : `${fresh}; stale for ${duration(staleMs)} more on: ${reasons}`
}

const nowText = ({ decision, waitMs, why }: NonNullable<Explanation['now']>): string => {
  const wait = waitMs > 0 ? ` (${duration(waitMs)})` : ''
  return `${NOW[decision]}${wait}: ${why}`
}

const NOW: Readonly<Record<NonNullable<Explanation['now']>['decision'], string>> = {
  forward: 'sent at once',
  wait: 'waits its turn',
  refuse: 'refused',
  cached: 'answered from the cache',
  stale: 'answered from the cache, marked as stale',
}
