// One line of weir's own log. At `--log-level debug` it has every call: host, class, cost and a hash of the key, no path.

import type { Tokens } from '../core/units.ts'
import type { Item } from './item.ts'
import { asText, broken, type Fields, objectOf, timeOf } from './record.ts'

/** Whether a line is of weir's log, be it about a call or not. */
export const isLogLine = (text: string): boolean => {
  const line = objectOf(text)
  return line !== undefined && ['level', 'time', 'msg'].every((name) => typeof line[name] === 'string')
}

const ANSWERED_HERE: ReadonlySet<unknown> = new Set(['cached', 'stale', 'coalesced'])

/** Undefined for lines that are not about a call, and for what others write between them. */
export const readLogLine = (text: string): Item | undefined => {
  if (!text.trimStart().startsWith('{')) return undefined
  const line = objectOf(text)
  if (line === undefined) return broken('is not JSON')
  const { call, host, method, class: id, decision, bot } = line
  // Lines about a violation name a call too, which has a line of its own.
  if (typeof call !== 'string' || typeof host !== 'string' || !('took_ms' in line)) return undefined
  if (ANSWERED_HERE.has(decision)) return { what: 'answered' }
  if (typeof id !== 'string') return { what: 'elsewhere', host }
  const endedMs = timeOf(line.time)
  if (Number.isNaN(endedMs)) return broken('"time" is not a date')
  const tookMs = numberOf(line, 'took_ms')
  return {
    what: 'call',
    atMs: endedMs - tookMs,
    tookMs: Math.max(0, tookMs - numberOf(line, 'waited_ms')),
    bot: asText(bot) ?? 'trace',
    call: {
      method: asText(method) ?? '',
      host,
      class: id,
      credential: asText(line.credential),
      paid: paidOf(line),
    },
  }
}

/** What was refused here or never left has cost nothing; it is planned at its price. */
const paidOf = (line: Fields): Tokens | undefined => {
  const cost = numberOf(line, 'cost')
  return line.sent === 'no' || cost <= 0 ? undefined : cost
}

const numberOf = (line: Fields, name: string): number => {
  const value = line[name]
  return typeof value === 'number' ? value : 0
}
