// When to call somebody: every alert's condition, as a pure function of the situation. Each finding is one sentence with the
// numbers it rests on, and names its subject.

import type { AlertName } from '../core/alert.ts'
import type { Millis } from '../core/units.ts'
import type { BreakerView, QueueView } from '../core/views.ts'
import type { Situation } from './situation.ts'

/** A condition that holds. */
export interface Finding {
  readonly subject: string
  readonly message: string
}

/** One alert. */
export interface Rule {
  /** The condition must hold for so long before anybody is called. */
  readonly lastsMs: Millis
  readonly find: (situation: Situation) => readonly Finding[]
}

/** Fewer calls in five minutes say nothing of shares. */
const ENOUGH_CALLS = 20
/** A budget that is spent for a moment is a budget well used. */
const EXHAUSTED_FOR_MS: Millis = 60_000
/** A bot that has called for so long is expected to go on. */
const STEADY_FOR_MS: Millis = 3_600_000
/** One that has been away for so long was taken out of service. */
const GONE_AFTER_MS: Millis = 24 * 3_600_000

const at = (find: Rule['find'], lastsMs: Millis = 0): Rule => ({ find, lastsMs })

/** Every rule, by name. */
export const RULES: Readonly<Record<AlertName, Rule>> = {
  breaker_open: at(({ breakers }) =>
    breakers
      .filter(({ state }) => state !== 'closed')
      .map(({ host, reason, forced }) => ({
        subject: host,
        message: `The breaker of ${host} is ${forced ? 'held open by hand' : 'open'}: ${reason}.`,
      })),
  ),
  breaker_open_long: at(({ breakers, wallMs, settings }) =>
    breakers.flatMap((breaker) => {
      const openMs = openFor(breaker, wallMs)
      if (openMs < settings.longOpenMs) return []
      const message = `The breaker of ${breaker.host} has not been closed for ${minutes(openMs)}: ${breaker.reason}.`
      return [{ subject: breaker.host, message }]
    }),
  ),
  violations: at(({ violations }) =>
    [...violations].map(([bucket, count]) => ({
      subject: bucket,
      message: `The exchange refused ${calls(count)} within 5 minutes that ${bucket} had room for; /v1/violations shows why.`,
    })),
  ),
  bypass_suspected: at(({ bypasses }) =>
    [...bypasses.keys()].map((bucket) => ({
      subject: bucket,
      message: `Something beside weir spends ${bucket}: send that traffic through weir as well.`,
    })),
  ),
  key_rests: at(({ restingKeys }) =>
    restingKeys.map(({ credential, reason, restsForMs }) => ({
      subject: credential,
      message: `Key ${credential} rests for ${minutes(restsForMs)}, as the exchange keeps refusing it: ${reason}.`,
    })),
  ),
  budget_exhausted: at(
    ({ limits, settings }) =>
      limits
        .filter(({ utilization }) => utilization >= settings.exhausted)
        .map(({ bucket, scope, utilization }) => ({
          subject: `${bucket} ${scope}`,
          message: `${percent(utilization)} of ${bucket} (${scope}) has been in use for a minute: calls wait.`,
        })),
    EXHAUSTED_FOR_MS,
  ),
  queue_filling: at((situation) => lines(situation, situation.settings.queue)),
  queue_full: at((situation) => lines(situation, 1)),
  queue_bytes_filling: at((situation) => waitingBytes(situation, situation.settings.queue)),
  // A body that does not fit is refused before the bound is met: nearly full is full.
  queue_bytes_full: at((situation) => waitingBytes(situation, 0.99)),
  rejections: at(({ exchanges, settings }) =>
    exchanges.flatMap(({ name, lately: { calls: all, limited } }) => {
      if (all < ENOUGH_CALLS || limited / all <= settings.rejections) return []
      const message = `${percent(limited / all)} of ${all} calls to ${name} within 5 minutes were refused for want of budget.`
      return [{ subject: name, message }]
    }),
  ),
  stale_answers: at(({ exchanges, settings }) =>
    exchanges.flatMap(({ name, lately: { cacheHits, cacheMisses, stale } }) => {
      const asked = cacheHits + cacheMisses
      if (asked < ENOUGH_CALLS || stale / asked <= settings.stale) return []
      const message = `${percent(stale / asked)} of ${asked} cacheable calls to ${name} within 5 minutes got old answers.`
      return [{ subject: name, message }]
    }),
  ),
  bot_silent: at(silentBots),
  check_failed: at(({ failedChecks }) =>
    failedChecks.map(({ name, error }) => ({ subject: name, message: `The check ${name} fails: ${error}.` })),
  ),
  store_errors: at(({ storeErrorsPerMinute, settings }) =>
    storeErrorsPerMinute < settings.storeErrors
      ? []
      : [{ subject: 'redis', message: `Redis failed ${storeErrorsPerMinute} times within a minute.` }],
  ),
  state_unwritten: at(({ stateTrouble }) =>
    stateTrouble === undefined
      ? []
      : [
          {
            subject: 'weir.db',
            message: `The state file can not be written (${stateTrouble}): a crash now costs budget, or with --redis resting keys.`,
          },
        ],
  ),
  rules_rejected: at(({ rulesError }) =>
    rulesError === undefined
      ? []
      : [{ subject: 'limits.yaml', message: 'limits.yaml has mistakes: the rules from before are in force.' }],
  ),
}

/** Since the breaker last left `closed`; 0 while it is closed. */
const openFor = ({ state, history }: BreakerView, wallMs: Millis): Millis => {
  if (state === 'closed') return 0
  const closed = history.findLastIndex(({ to }) => to === 'closed')
  const left = history[closed + 1]
  return left === undefined ? 0 : wallMs - left.atWallMs
}

const lines = ({ queues, filled }: Situation, share: number): readonly Finding[] => {
  const found = new Map<string, Finding>()
  const look = (subject: string, { waiting, capacity }: Pick<QueueView, 'waiting' | 'capacity'>): void => {
    if (waiting < capacity * share) return
    found.set(subject, {
      subject,
      message: `${waiting} of ${capacity} calls that may wait in a lane of ${subject} do.`,
    })
  }
  for (const [lane, bounds] of filled) look(lane, bounds)
  for (const queue of queues) look(queue.class, queue)
  return [...found.values()]
}

const waitingBytes = ({ queues, maxQueueBytes }: Situation, share: number): readonly Finding[] => {
  const bytes = queues.reduce((sum, queue) => sum + queue.bytes, 0)
  if (bytes < maxQueueBytes * share) return []
  const message = `Bodies of waiting calls take ${percent(bytes / maxQueueBytes)} of max_queue_bytes.`
  return [{ subject: 'weir', message }]
}

/** Bots that limits.yaml names, and those that had called steadily. */
function silentBots({ bots, namedBots, wallMs, startedAtWallMs, settings }: Situation): readonly Finding[] {
  const seen = new Map(bots.map((bot) => [bot.bot, bot]))
  const known = new Map(namedBots.map((bot) => [bot, seen.get(bot)?.lastAtWallMs ?? startedAtWallMs]))
  for (const { bot, firstAtWallMs, lastAtWallMs } of bots) {
    const goneMs = wallMs - lastAtWallMs
    if (lastAtWallMs - firstAtWallMs >= STEADY_FOR_MS && goneMs < GONE_AFTER_MS) known.set(bot, lastAtWallMs)
  }
  return [...known].flatMap(([bot, lastAtWallMs]) => {
    const silentMs = wallMs - lastAtWallMs
    if (silentMs < settings.silentMs) return []
    return [{ subject: bot, message: `${bot} has not called for ${minutes(silentMs)}.` }]
  })
}

const calls = (count: number): string => (count === 1 ? 'a call' : `${count} calls`)

const percent = (share: number): string => `${Math.round(share * 100)} %`

const minutes = (ms: Millis): string => (ms < 120_000 ? `${Math.ceil(ms / 1000)} s` : `${Math.floor(ms / 60_000)} min`)
