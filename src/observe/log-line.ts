// One line of the log for each event: how loud, in which words, with which fields. Built only when its level is wanted.

import type { Autopsy } from '../core/autopsy.ts'
import type { Call, Verdict } from '../core/call.ts'
import { systemCode } from '../core/errors.ts'
import type { CallFinished, WeirEvent } from '../core/events.ts'
import { shadowText } from '../core/shadow.ts'
import type { Seldom } from './seldom.ts'

/** How loud a line is. */
export type Level = 'error' | 'warn' | 'info' | 'debug'

/** Bugs are errors, failures and the exchange's complaints are warnings, refusals are news, the rest is detail. */
export const levelOf = (event: WeirEvent, refusedKeys: Seldom): Level => {
  switch (event.type) {
    case 'call.finished': {
      const { decision, error, verdict, shadow } = event.call.record
      if (error === 'internal' || decision === undefined) return 'error'
      if (event.call.presence.left) return 'info'
      if (decision === 'failed' || (verdict !== undefined && COMPLAINTS.has(verdict.kind))) return 'warn'
      // Of a key: said once a minute for each reason.
      if (verdict?.kind === 'auth') {
        const what = `${event.call.record.credential} ${verdict.reason}`
        return refusedKeys.due(what, event.call.startedAt + event.tookMs) ? 'warn' : 'debug'
      }
      return decision === 'refused' || shadow?.would === 'refuse' ? 'info' : 'debug'
    }
    case 'breaker.changed':
      return event.to === 'open' ? 'warn' : 'info'
    case 'limit.violated':
    case 'limit.differs':
    case 'advice.given':
    case 'lane.filled':
    case 'nonces.mixed':
    case 'nonces.tightened':
      return 'warn'
    case 'alert.raised':
      return event.alert.severity === 'critical' ? 'error' : 'warn'
    case 'alert.resolved':
    case 'rules.replaced':
      return 'info'
    // Advice is given aloud when they repeat.
    case 'limit.outspent':
    case 'bypass.suspected':
      return 'debug'
    case 'rules.rejected':
    case 'observer.failed':
      return 'error'
  }
}

const COMPLAINTS: ReadonlySet<Verdict['kind']> = new Set(['throttled', 'banned', 'failing'])

/** What happened, in words. */
export const sentenceOf = (event: WeirEvent): string => {
  switch (event.type) {
    case 'call.finished':
      if (event.call.presence.left) return `${event.call.record.class ?? event.call.request.host}: the bot hung up`
      return `${event.call.record.class ?? event.call.request.host} ${event.call.record.decision ?? 'lost'}`
    case 'limit.violated':
      return `${event.exchange} refused a call that ${event.bucket} had room for`
    case 'limit.differs':
      return `${event.exchange} says that ${event.bucket} is ${event.told}: weir keeps to ${Math.min(event.told, event.configured)}`
    case 'limit.outspent':
      return `${event.exchange} counts more on ${event.bucket} than weir sent`
    case 'bypass.suspected':
      return `something beside weir spends ${event.bucket}`
    case 'advice.given':
      return event.recommendation.text
    case 'breaker.changed':
      return `breaker of ${event.host} is ${event.to}`
    case 'lane.filled':
      return `lane ${event.lane} is filling up: ${event.waiting} of ${event.capacity} wait`
    case 'nonces.mixed':
      return (
        `${event.larger.bot} and ${event.smaller.bot} sign with one key, with nonces of ${event.larger.digits} and ` +
        `${event.smaller.digits} digits: every call of ${event.smaller.bot} is refused; give each its own key`
      )
    case 'nonces.tightened':
      return `${event.exchange} refused a nonce: calls of this key go one by one for ${event.forMs / 60_000} minutes`
    case 'alert.raised':
      return event.alert.message
    case 'alert.resolved':
      return `over: ${event.alert.message}`
    case 'rules.replaced':
      return `rules of ${event.source} are in force`
    case 'rules.rejected':
      return `${event.source} has mistakes: the old rules stay`
    case 'observer.failed':
      return 'an observer failed; no call was harmed'
  }
}

/** What goes with it; nothing that a bot sent but its method, host and name. */
export const fieldsOf = (event: WeirEvent): Readonly<Record<string, unknown>> => {
  switch (event.type) {
    case 'call.finished':
      return callFields(event)
    case 'limit.violated': {
      const { exchange, bucket, verdict, autopsy, call } = event
      return {
        ...identity(call),
        exchange,
        class: call.record.class,
        bucket,
        reason: verdict.reason,
        ...autopsyFields(autopsy),
      }
    }
    case 'limit.differs': {
      const { exchange, bucket, configured, told, call } = event
      return { ...identity(call), exchange, bucket, configured, told }
    }
    case 'limit.outspent': {
      const { exchange, bucket, tokens, call } = event
      return { ...identity(call), exchange, bucket, tokens }
    }
    case 'bypass.suspected':
      return { exchange: event.exchange, bucket: event.bucket }
    case 'advice.given': {
      const { exchange, bucket, class: id, advice, count } = event.recommendation
      return { exchange, bucket, class: id, advice, count }
    }
    case 'breaker.changed': {
      const { host, from, to, reason, openForMs } = event
      return { host, from, to, reason, open_for_ms: openForMs === undefined ? undefined : round(openForMs) }
    }
    case 'lane.filled': {
      const { lane, waiting, capacity, bytes } = event
      return { lane, waiting, capacity, bytes }
    }
    case 'nonces.mixed': {
      const { exchange, credential, larger, smaller } = event
      return { exchange, credential, larger, smaller }
    }
    case 'nonces.tightened':
      return { exchange: event.exchange, credential: event.credential, for_ms: event.forMs }
    case 'alert.raised':
    case 'alert.resolved': {
      const { rule, severity, subject, raisedAtWallMs } = event.alert
      return { alert: rule, severity, subject, raised_at: new Date(raisedAtWallMs).toISOString() }
    }
    case 'rules.replaced':
      return { source: event.source }
    case 'rules.rejected':
      return { source: event.source, report: event.report }
    case 'observer.failed':
      return { stack: safeStack(event.error) }
  }
}

const autopsyFields = (autopsy: Autopsy) => ({
  cause: autopsy.cause,
  believed: round(autopsy.believed),
  in_flight: autopsy.inFlight,
  cost: autopsy.cost,
  share: round(autopsy.share),
  granted_at: new Date(autopsy.grantedAtWallMs).toISOString(),
  waited_ms: round(autopsy.waitedMs),
  round_trip_ms: round(autopsy.roundTripMs),
  since_start_ms: round(autopsy.sinceStartMs),
})

const callFields = ({ call, status, tookMs, error }: CallFinished) => {
  const { record } = call
  const bug = record.error === 'internal' || record.decision === undefined
  return {
    ...identity(call),
    exchange: record.exchange,
    class: record.class,
    decision: record.decision,
    status,
    error: record.error,
    reason: record.verdict?.reason,
    sent: record.sent,
    took_ms: round(tookMs),
    waited_ms: round(record.waitedMs),
    shadow: shadowText(record.shadow),
    cost: record.cost,
    cause: record.decision === 'failed' ? systemCode(error) : undefined,
    stack: bug ? safeStack(error) : undefined,
  }
}

const identity = ({ id, bot, request, record }: Call) => ({
  call: id,
  bot,
  method: request.method,
  host: request.host,
  credential: record.credential,
})

const round = (ms: number): number => Math.round(ms * 1000) / 1000

/** Errors whose text speaks of the program. Others may quote what they choked on (JSON.parse quotes a body's start). */
const SPEAK_OF_CODE: ReadonlySet<string> = new Set(['TypeError', 'RangeError', 'ReferenceError', 'WeirError'])

/** Where it happened, with the text only when that can not hold a secret. */
export const safeStack = (error: unknown): string => {
  if (!(error instanceof Error)) return `thrown: ${typeof error}`
  const frames = (error.stack ?? '').split('\n').filter((line) => line.startsWith('    at '))
  const says = SPEAK_OF_CODE.has(error.name) || 'errno' in error ? `: ${error.message}` : ''
  return [error.name + says, ...frames].join('\n')
}
