// When a host is left alone, and when it is tried again. Pure: what is, what happened and what time it is make what is next.
//
// Opens on: a run of failures with no success in between; a share of failures over the window, when more than one shape
// of request fails (one poisonous query must not shut a host); a share of slow calls; a refusal that speaks for the whole
// host; repeated refusals over a limit. An answer that blames the bot (4xx, bad key) shows a healthy host.

import type { Verdict } from '../core/call.ts'
import type { Chance } from '../core/clock.ts'
import type { BreakerRule } from '../core/host-rules.ts'
import type { Millis } from '../core/units.ts'
import { type Cause, type Closed, type HalfOpen, type Health, newHealth, type Open } from './health.ts'
import type { BreakerNews } from './news.ts'
import { remember, type Summary, summarise } from './recent.ts'

/** With which call a fact has to do. `probe` names the half-open permit it went under. */
export interface Pass {
  readonly epoch: number
  readonly probe: number | undefined
}

/** What can happen to a breaker. */
export type Fact =
  | { readonly type: 'probe.began'; readonly probe: number }
  /** The call ended with nobody at fault: refused by weir itself, or its bot hung up. */
  | { readonly type: 'released'; readonly pass: Pass }
  | {
      readonly type: 'answered'
      readonly pass: Pass
      readonly verdict: Verdict
      readonly shape: string
      readonly tookMs: Millis
      /** Nothing was heard from the exchange: what went wrong may have gone wrong on the way. */
      readonly unheard?: boolean
    }
  /** Another weir has told. */
  | { readonly type: 'heard'; readonly news: BreakerNews }
  | { readonly type: 'ordered'; readonly order: 'open' | 'close' | 'reset' }

/** What a breaker decides by. */
export interface Terms {
  readonly rule: BreakerRule
  readonly now: Millis
  readonly chance: Chance
}

/** Bounds the exponent where the multiplier is 1, and the longest pause is never reached. */
const MAX_LEVEL = 32

/** The state after `fact`. Time is told first, by `elapse`. At most one transition. */
export const step = (health: Health, fact: Fact, terms: Terms): Health => {
  switch (fact.type) {
    case 'probe.began': {
      if (health.kind !== 'half_open') return health
      const expires = terms.now + terms.rule.probeTimeoutMs
      return { ...health, probes: [...health.probes, { id: fact.probe, expires }] }
    }
    case 'released':
      return health.kind === 'half_open' && fact.pass.epoch === health.epoch ? without(health, fact.pass) : health
    case 'answered':
      return answered(health, fact, terms)
    case 'heard':
      return heard(health, fact.news, terms.now)
    case 'ordered':
      return ordered(health, fact.order, terms.now)
  }
}

/** The next thing that time alone brings about; the same object when there is none. Call until it is. */
export const elapse = (health: Health, terms: Terms): Health => {
  if (health.kind === 'closed') return health
  // open → half-open: the cooling time has passed
  if (health.kind === 'open') return health.until <= terms.now ? halfOpen(health, health.until) : health
  // half-open → open: a probe has not answered in time
  const hung = health.probes.find(({ expires }) => expires <= terms.now)
  if (hung === undefined) return health
  const shut = trip(health, health.cause, 'a probe was not answered in time', 0, { ...terms, now: hung.expires })
  return { ...shut, shared: false }
}

/**
 * The exponent after `healthyMs` in the closed state. It falls by one each time the host has stayed well for as long as it
 * was shut at that level, not to zero at once: a flapping exchange does not start over at the shortest pause.
 */
export const livedDown = (level: number, healthyMs: Millis, rule: BreakerRule): number => {
  let left = healthyMs
  let rest = level
  while (rest > 0 && left >= backoff(rest, rule)) {
    left -= backoff(rest, rule)
    rest -= 1
  }
  return rest
}

/** Open time of the nth opening in a row, before jitter. */
export const backoff = (level: number, rule: BreakerRule): Millis =>
  Math.min(rule.maxOpenMs, rule.openMs * rule.multiplier ** (level - 1))

const answered = (before: Health, fact: Extract<Fact, { type: 'answered' }>, terms: Terms): Health => {
  const { verdict, pass } = fact
  const { rule, now } = terms
  const throttled = verdict.kind === 'throttled'
  const health = throttled ? withViolation(before, terms) : before
  const pause = verdict.pauseMs ?? 0
  // Such an answer speaks of now, whenever its call began.
  if (verdict.hostWide && !isHealthy(verdict)) {
    return trip(health, verdict.kind === 'failing' ? 'failures' : 'limit', verdict.reason, pause, terms)
  }
  if (throttled && health.violations.length >= rule.violations) {
    const reason = `${rule.violations} refusals over a limit, last: ${verdict.reason}`
    const cleared = { ...health, violations: [] }
    return trip(cleared, 'limit', reason, Math.max(pause, rule.violationOpenMs), terms)
  }
  // A success of a call begun before the outage does not end it.
  if (pass.epoch !== health.epoch) return health
  if (health.kind === 'half_open') return probed(health, fact, terms)
  if (health.kind === 'open') return health
  if (isHealthy(verdict)) return passed(health, fact, terms)
  return verdict.kind === 'failing' ? failed(health, fact, now + pause, terms) : health
}

const passed = (closed: Closed, fact: Extract<Fact, { type: 'answered' }>, terms: Terms): Health => {
  const { rule, now } = terms
  const slow = fact.tookMs > rule.slowCallMs
  const recent = remember(closed.recent, { shape: fact.shape, failed: false, slow }, rule.windowMs, now)
  const next: Closed = { ...closed, run: 0, recent }
  if (!slow) return next
  const seen = summarise(recent, rule.windowMs, now)
  const spread = seen.slowShapes > 1 || seen.slow === seen.calls
  if (!spread || !reaches(seen.slow, rule.slowRate, seen, rule)) return next
  return trip(next, 'slow', `${seen.slow} of ${seen.calls} calls slow`, 0, terms)
}

const failed = (
  closed: Closed,
  fact: Extract<Fact, { type: 'answered' }>,
  pauseUntil: Millis,
  terms: Terms,
): Health => {
  const { rule, now } = terms
  const run = closed.run + 1
  const recent = remember(closed.recent, { shape: fact.shape, failed: true, slow: false }, rule.windowMs, now)
  const next: Closed = { ...closed, run, recent, pauseUntil: Math.max(closed.pauseUntil, pauseUntil) }
  const pause = Math.max(0, next.pauseUntil - now)
  const { reason } = fact.verdict
  const cause = causeOf(fact)
  if (run >= rule.failures) return trip(next, cause, `${run} failures in a row, last: ${reason}`, pause, terms)
  const seen = summarise(recent, rule.windowMs, now)
  if (seen.failedShapes < 2 || !reaches(seen.failed, rule.failureRate, seen, rule)) return next
  return trip(next, cause, `${seen.failed} of ${seen.calls} calls failed, last: ${reason}`, pause, terms)
}

const probed = (health: HalfOpen, fact: Extract<Fact, { type: 'answered' }>, terms: Terms): Health => {
  const { verdict } = fact
  const rest = without(health, fact.pass)
  const pause = verdict.pauseMs ?? 0
  if (verdict.kind === 'failing') return trip(rest, causeOf(fact), `probe: ${verdict.reason}`, pause, terms)
  if (!isHealthy(verdict)) {
    // The limit of one key is no sign of an unwell host, unless limits are what shut it.
    return health.cause === 'limit' ? trip(rest, 'limit', `probe: ${verdict.reason}`, pause, terms) : rest
  }
  if (health.cause === 'slow' && fact.tookMs > terms.rule.slowCallMs) {
    return trip(rest, 'slow', 'probe: still slow', 0, terms)
  }
  const successes = rest.successes + 1
  // half-open → closed: enough probes were served
  return successes >= terms.rule.successes ? close(rest, 'probes served', terms.now) : { ...rest, successes }
}

const ordered = (health: Health, order: 'open' | 'close' | 'reset', now: Millis): Health => {
  switch (order) {
    case 'open': {
      const { level, violations, epoch } = health
      const until = Number.POSITIVE_INFINITY
      return {
        kind: 'open',
        cause: 'manual',
        shared: true,
        reason: 'opened by hand',
        since: now,
        until,
        level,
        violations,
        epoch: epoch + 1,
      }
    }
    case 'close':
      return close(health, 'closed by hand', now)
    case 'reset':
      return { ...newHealth(now), epoch: health.epoch + 1, reason: 'reset by hand' }
  }
}

/** Another weir's word. Its end of an opening ends no opening of our own. */
const heard = (health: Health, news: BreakerNews, now: Millis): Health => {
  const reason = `${news.reason} (seen by another weir)`
  if (news.state === 'closed') return health.kind !== 'closed' && health.shared ? close(health, reason, now) : health
  const { cause, level } = news
  const until = news.openForMs === undefined ? Number.POSITIVE_INFINITY : now + news.openForMs
  if (health.kind === 'open') {
    const lasting = cause === 'manual' ? { cause, reason } : {}
    return { ...health, ...lasting, shared: true, until: Math.max(health.until, until) }
  }
  const { violations, epoch } = health
  const since = { since: now, until, violations, epoch: epoch + 1 }
  return { kind: 'open', cause, shared: true, reason, level: Math.max(level, health.level), ...since }
}

/** → open. An open breaker only stays so longer, and only as the exchange asks. */
const trip = (health: Health, cause: Cause, reason: string, atLeastMs: Millis, { rule, now, chance }: Terms): Open => {
  if (health.kind === 'open') return { ...health, until: Math.max(health.until, now + atLeastMs) }
  const rest = health.kind === 'closed' ? livedDown(health.level, now - health.since, rule) : health.level
  // Past the longest pause the exponent would only take longer to live down.
  const level = rest === 0 || backoff(rest, rule) < rule.maxOpenMs ? Math.min(rest + 1, MAX_LEVEL) : rest
  const spread = 1 + rule.jitter * (2 * chance() - 1)
  const until = now + Math.max(atLeastMs, backoff(level, rule) * spread)
  return {
    kind: 'open',
    cause,
    shared: SHARED.has(cause),
    reason,
    since: now,
    until,
    level,
    violations: health.violations,
    epoch: health.epoch + 1,
  }
}

/** The exchange itself has said so, or a hand; slowness and silence may be this weir's alone. */
const SHARED: ReadonlySet<Cause> = new Set<Cause>(['failures', 'limit', 'manual'])

const causeOf = ({ unheard }: Extract<Fact, { type: 'answered' }>): Cause => (unheard ? 'network' : 'failures')

const halfOpen = ({ cause, shared, reason, level, violations, epoch }: Open, now: Millis): HalfOpen => {
  const memory = { reason, since: now, level, violations, epoch: epoch + 1 }
  return { kind: 'half_open', cause, shared, ...memory, probes: [], successes: 0 }
}

const close = ({ level, violations, epoch }: Health, reason: string, now: Millis): Closed => {
  return { ...newHealth(now), reason, level, violations, epoch: epoch + 1 }
}

const without = (health: HalfOpen, pass: Pass): HalfOpen => {
  return { ...health, probes: health.probes.filter(({ id }) => id !== pass.probe) }
}

const withViolation = (health: Health, { rule, now }: Terms): Health => {
  const recent = health.violations.filter((at) => at > now - rule.violationWindowMs)
  return { ...health, violations: [...recent, now].slice(-rule.violations) }
}

const isHealthy = ({ kind }: Verdict): boolean => kind === 'ok' || kind === 'client' || kind === 'auth'

const reaches = (part: number, rate: number, { calls }: Summary, { minimumCalls }: BreakerRule): boolean =>
  calls >= minimumCalls && part >= rate * calls
