// What weir writes down: JSON lines, one for every refusal, failure, violation and change of state; calls that went well
// only at level `debug`. Nothing that a bot sent is logged but its method, host and name: never a header value, a path,
// a query or a body. Identity is a keyed hash.
//
// Fields of a line about a call, always these:
//   call bot method host credential exchange class decision status error reason sent took_ms waited_ms cost
// and where they apply: `shadow` (what shadow mode would have done), `cause` (system code of a failure), `stack` (of a bug). `error` is the code of X-Weir-Error,
// `reason` the exchange's words, from a closed list.

import { type DestinationStream, destination, type Logger, pino } from 'pino'
import type { Autopsy } from '../core/autopsy.ts'
import type { Call, Verdict } from '../core/call.ts'
import { systemCode } from '../core/errors.ts'
import type { CallFinished, Observer, WeirEvent } from '../core/events.ts'
import { shadowText } from '../core/shadow.ts'
import { Seldom } from './seldom.ts'

/** Levels of `--log-level`. */
export type LogLevel = 'trace' | 'debug' | 'info' | 'warn' | 'error' | 'fatal' | 'silent'

/** What weir says when it is ready. */
export interface Startup {
  readonly version: string
  readonly node: string
  /** Addresses as bound: with port 0, the port that was given. */
  readonly proxy: string
  readonly admin: string | undefined
  readonly config: string
  readonly stateDir: string
  readonly store: 'memory' | 'sqlite' | 'redis'
  readonly hosts: number
  readonly classes: number
}

/** Writes lines. */
export interface Log {
  readonly observer: Observer
  started(startup: Startup): void
  stopping(signal: string): void
  stopped(): void
  /** A detail off the road of calls; `fields` must hold nothing secret. */
  debug(message: string, fields?: Readonly<Record<string, unknown>>): void
  /** News off the road of calls; `fields` must hold nothing secret. */
  info(message: string, fields?: Readonly<Record<string, unknown>>): void
  /** Something off the road of calls; `fields` must hold nothing secret. */
  warn(message: string, fields?: Readonly<Record<string, unknown>>): void
  /** As `warn`, of what somebody must look at. */
  alarm(message: string, fields: Readonly<Record<string, unknown>>): void
  error(message: string, error: unknown): void
  /** Writes out what is buffered, and blocks until that is done: for what must be read even if weir fails next. */
  flush(): void
  /** Writes out what is buffered, before the process ends; blocks nothing, and what nobody reads is lost once `patience` is over. */
  close(patience: Promise<unknown>): Promise<void>
}

/** Where lines go. */
export interface Out extends DestinationStream {
  flush?(done: (error?: Error | null) => void): void
  flushSync?(): void
  destroy?(): void
}

/** Above this a buffered line is written at once; below, at the latest after a second. */
const BUFFER_BYTES = 4096
const FLUSH_MS = 1000

/**
 * Logs to `out`, standard output unless given. Lines are buffered so that a call never waits for a terminal or a disk;
 * `close` before exit.
 */
export const createLog = (level: LogLevel, out: Out = buffered()): Log => {
  const logger = pino(
    { level, base: null, timestamp: pino.stdTimeFunctions.isoTime, redact: REDACTED, formatters },
    out,
  )
  const refusedKeys = new Seldom()
  return {
    observer: (event) => write(logger, event, levelOf(event, refusedKeys)),
    started: ({ stateDir, ...startup }) =>
      logger.info({ ...startup, state_dir: stateDir }, `weir listens on ${startup.proxy}`),
    stopping: (signal) => logger.info({ signal }, 'stopping: no new calls, those at work may finish'),
    stopped: () => logger.info('weir has stopped'),
    debug: (message, fields = {}) => logger.debug(fields, message),
    info: (message, fields = {}) => logger.info(fields, message),
    warn: (message, fields = {}) => logger.warn(fields, message),
    alarm: (message, fields) => logger.error(fields, message),
    error: (message, error) => logger.error({ stack: safeStack(error) }, message),
    flush: () => {
      try {
        out.flushSync?.()
      } catch {
        // A destination that is not open yet, or no longer, has nothing to flush.
      }
    },
    // Not flushSync: into a pipe whose reader is gone, or reads no more, it writes for ever.
    close: async (patience) => {
      const written = new Promise<true>((resolve) => {
        if (out.flush === undefined) resolve(true)
        else out.flush(() => resolve(true))
      })
      if ((await Promise.race([written, patience])) !== true) out.destroy?.()
    },
  }
}

const buffered = () => destination({ sync: false, minLength: BUFFER_BYTES, periodicFlush: FLUSH_MS })

const formatters = { level: (label: string) => ({ level: label }) }

/** The second line of defence: no line has such a field, and if one ever does, its value is not written. */
const SECRET_FIELDS = [
  ...['apiKey', 'apiSign', 'key', 'secret', 'token', 'signature', 'nonce', 'otp', 'passphrase', 'password'],
  ...['authorization', 'cookie', 'body', 'headers', 'query', 'target'],
]
const REDACTED = SECRET_FIELDS.flatMap((field) => [field, `*.${field}`])

/** Builds a line only when its level is wanted: calls that went well cost one comparison. */
const write = (logger: Logger, event: WeirEvent, level: Level): void => {
  if (logger.isLevelEnabled(level)) logger[level](fieldsOf(event), sentenceOf(event))
}

type Level = 'error' | 'warn' | 'info' | 'debug'

/** Bugs are errors, failures and the exchange's complaints are warnings, refusals are news, the rest is detail. */
const levelOf = (event: WeirEvent, refusedKeys: Seldom): Level => {
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

const sentenceOf = (event: WeirEvent): string => {
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

const fieldsOf = (event: WeirEvent): Readonly<Record<string, unknown>> => {
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
const safeStack = (error: unknown): string => {
  if (!(error instanceof Error)) return `thrown: ${typeof error}`
  const frames = (error.stack ?? '').split('\n').filter((line) => line.startsWith('    at '))
  const says = SPEAK_OF_CODE.has(error.name) || 'errno' in error ? `: ${error.message}` : ''
  return [error.name + says, ...frames].join('\n')
}
