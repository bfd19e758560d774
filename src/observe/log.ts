// What weir writes down: JSON lines, one for every refusal, failure, violation and change of state; calls that went well
// only at level `debug`. Nothing that a bot sent is logged but its method, host and name: never a header value, a path,
// a query or a body. Identity is a keyed hash.
//
// Fields of a line about a call, always these:
//   call bot method host credential exchange class decision status error reason sent took_ms waited_ms cost
// and where they apply: `shadow` (what shadow mode would have done), `cause` (system code of a failure), `stack` (of a bug). `error` is the code of X-Weir-Error,
// `reason` the exchange's words, from a closed list.

import { type DestinationStream, destination, type Logger, pino } from 'pino'
import type { Observer, WeirEvent } from '../core/events.ts'
import { fieldsOf, type Level, levelOf, safeStack, sentenceOf } from './log-line.ts'
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
