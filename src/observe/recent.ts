// What happened lately, for people to look at: the last calls and the last violations.
// Bounded, and free of everything a bot sent but its method, host and name.

import type { Clock } from '../core/clock.ts'
import type { CallFinished, Observer, WeirEvent } from '../core/events.ts'
import { shadowText } from '../core/shadow.ts'
import type { Millis } from '../core/units.ts'
import type { CallView, ViolationView } from '../core/views.ts'
import type { News } from '../core/watch.ts'
import { Ring } from './ring.ts'

const CALLS = 500
const VIOLATIONS = 200

/** The recent past. */
export interface Recent {
  readonly observer: Observer
  /** The last 500 finished calls, oldest first. */
  calls(limit?: number): readonly CallView[]
  /** The last 200 violations, oldest first. */
  violations(limit?: number): readonly ViolationView[]
  /** Calls `listener` with each piece of news as it happens; returns how to stop. */
  subscribe(listener: (news: News) => void): () => void
}

/** Remembers; `clock.wall` dates what it remembers. */
export const createRecent = (clock: Clock): Recent => {
  const calls = new Ring<CallView>(CALLS)
  const violations = new Ring<ViolationView>(VIOLATIONS)
  const listeners = new Set<(news: News) => void>()

  const tell = (news: News): void => {
    for (const listener of listeners) listener(news)
  }
  return {
    observer: (event) => {
      if (event.type === 'call.finished') {
        const told = callView(event, clock.wall())
        calls.push(told)
        // Nearly always nobody listens, and this is on the road of every call.
        if (listeners.size > 0) tell({ type: 'call', told })
      } else if (event.type === 'limit.violated') {
        const told = violationView(event, clock.wall())
        violations.push(told)
        tell({ type: 'violation', told })
      } else if (listeners.size > 0) {
        const news = newsOf(event)
        if (news !== undefined) tell(news)
      }
    },
    calls: (limit) => calls.list(limit),
    violations: (limit) => violations.list(limit),
    subscribe: (listener) => {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
  }
}

/** News of what is not remembered; undefined for what is of no interest to those who watch. */
const newsOf = (event: WeirEvent): News | undefined => {
  switch (event.type) {
    case 'breaker.changed': {
      const { host, from, to, reason, openForMs } = event
      return { type: 'breaker', told: { host, from, to, reason, openForMs } }
    }
    case 'alert.raised':
    case 'alert.resolved':
      return { type: 'alert', told: event.alert }
    case 'rules.replaced':
      return { type: 'rules', told: { source: event.source, report: undefined } }
    case 'rules.rejected':
      return { type: 'rules', told: { source: event.source, report: event.report } }
    default:
      return undefined
  }
}

// Copied at once: to keep the call would be to keep its headers and its body, secrets and all.
const callView = ({ call, status, tookMs }: CallFinished, atWallMs: Millis): CallView => {
  const { record, request } = call
  return {
    id: call.id,
    atWallMs,
    bot: call.bot,
    method: request.method,
    host: request.host,
    exchange: record.exchange,
    class: record.class,
    credential: record.credential,
    decision: record.decision,
    status,
    tookMs,
    waitedMs: record.waitedMs,
    shadow: shadowText(record.shadow),
    cost: record.cost,
    sent: record.sent,
    error: record.error,
    verdict: record.verdict?.kind,
    reason: record.verdict?.reason,
  }
}

const violationView = (event: Extract<WeirEvent, { type: 'limit.violated' }>, atWallMs: Millis): ViolationView => {
  const { call, exchange, bucket, verdict, autopsy } = event
  return {
    atWallMs,
    exchange,
    bucket,
    class: call.record.class,
    credential: call.record.credential,
    bot: call.bot,
    call: call.id,
    reason: verdict.reason,
    believed: autopsy.believed,
    inFlight: autopsy.inFlight,
    cost: autopsy.cost,
    capacity: autopsy.capacity,
    effectiveShare: autopsy.share,
    grantedAtWallMs: autopsy.grantedAtWallMs,
    waitedMs: autopsy.waitedMs,
    roundTripMs: autopsy.roundTripMs,
    sinceStartMs: autopsy.sinceStartMs,
    cause: autopsy.cause,
  }
}
