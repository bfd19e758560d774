// The parts of limits.yaml that say when to call somebody, how exchanges are looked after, and what failures are called.

import { z } from 'zod'
import { ALERTS, type AlertName } from '../core/alert.ts'
import { CATEGORIES } from '../core/failure.ts'
import { count, duration, name, oneOrMore, share, status } from './leaves.ts'

const rule = z.enum(Object.keys(ALERTS) as [AlertName, ...AlertName[]]).meta({ title: 'name of an alert' })

/** Where alerts are sent to. What is written here is a secret: many services have their token in the address. */
const Webhook = z
  .strictObject({
    url: z
      .string()
      .refine(isSafeWebhook, { error: 'expected an https address, or http on this machine' })
      .meta({ title: 'https address' })
      .describe('Gets a POST with JSON; kept secret, and `ALERT_WEBHOOK_URL` stands in for it.'),
    timeout: duration.describe('Longest time for its answer; what fails is tried again five times.').prefault('5s'),
  })
  .meta({ id: 'alerts.webhook', description: 'Where alerts are sent to, besides the log.' })

/** When somebody is called. */
export const Alerts = z
  .strictObject({
    debounce: duration.describe('The same alert is not told again for so long.').prefault('10m'),
    queue: share.describe('Share of a lane, or of the bytes that may wait, that is nearly full.').prefault('80%'),
    exhausted: share.describe('Share of a budget that is nearly all of it, when in use for a minute.').prefault('95%'),
    rejections: share.describe('Share of calls refused for want of budget, over five minutes.').prefault('10%'),
    stale: share
      .describe('Share of old answers among those that the cache may give, over five minutes.')
      .prefault('50%'),
    long_open: duration.describe('How long a breaker may be open before that is critical.').prefault('10m'),
    silent: duration
      .describe('How long a bot may be silent that is named under `bots`, or had been calling for an hour.')
      .prefault('15m'),
    redis_errors: count.describe('Failures of Redis within a minute.').prefault(10),
    off: z.array(rule).describe('Alerts that are not wanted.').prefault([]),
    webhook: Webhook.optional(),
  })
  .meta({
    id: 'alerts',
    description: 'When somebody is called, in the log and at `webhook`. `/v1/alerts` shows them all.',
  })

const Check = z
  .strictObject({
    url: z
      .string()
      .refine((text) => /^https?:$/.test(URL.parse(text)?.protocol ?? ''), {
        error: 'expected an http or https address',
      })
      .meta({ title: 'address' })
      .describe('Asked with GET. A host of an exchange is asked through its limits, when there is budget to spare.'),
    expected_status: status.describe('Anything else is a failure.').prefault(200),
    timeout: duration.describe('No answer by then is a failure.').prefault('10s'),
  })
  .meta({ id: 'check', description: 'Something that must answer.' })

/** How exchanges are looked after. */
export const Health = z
  .strictObject({
    check_interval: duration
      .describe('How often checks are made, and an exchange is asked (`probe`) that no bot has called for so long.')
      .prefault('30s'),
    alert_threshold: count.describe('Failures in a row after which a service is unwell.').prefault(3),
    recovery_threshold: count.describe('Successes in a row after which it is well again.').prefault(2),
    checks: z.record(name, Check).describe('What else must answer, by name.').prefault({}),
  })
  .meta({
    id: 'health',
    description: 'Exchanges are judged by the calls that bots make; a quiet one is asked now and then.',
  })

const Pattern = z
  .strictObject({
    name: name.describe('What it is called.'),
    category: z.enum(CATEGORIES).describe('What kind of failure it is.'),
    severity: z.enum(['low', 'medium', 'high', 'critical']).describe('How bad it is.').prefault('medium'),
    says: oneOrMore(z.string().min(1), 'a text')
      .describe('The exchange’s error, or the system’s code, holds one of these texts, in whatever case.')
      .optional(),
    status: status.describe('… and the answer has this status.').optional(),
    min: count.describe('It is a pattern from so many within five minutes on.').prefault(3),
    advice: z.string().min(1).describe('What to do about it, in a sentence.').optional(),
  })
  .meta({
    id: 'pattern',
    description: 'What a kind of failure is called. The first that fits wins; weir’s own come last.',
  })

/** What failures are called. */
export const Failures = z
  .strictObject({ patterns: z.array(Pattern).describe('Looked through before weir’s own.').prefault([]) })
  .meta({ id: 'failures', description: 'How failures are told apart at `/v1/failures/analysis`.' })

/** Whether alerts may be sent there: they name bots and hashes of keys, so over a network they go encrypted. */
export function isSafeWebhook(text: string): boolean {
  const url = URL.parse(text)
  if (url === null) return false
  const loopback = url.hostname === 'localhost' || url.hostname === '[::1]' || /^127\./.test(url.hostname)
  return url.protocol === 'https:' || (url.protocol === 'http:' && loopback)
}
