// limits.yaml, said once: types, defaults, validation, the reference table and the JSON Schema all come from here.
// Shapes only; what names mean is checked by src/rules/link.ts.

import { z } from 'zod'
import type { Millis } from '../core/units.ts'
import { Bucket } from './buckets.ts'
import { Class, Fallback, Manners, USUAL_WAIT } from './classes.ts'
import type { Cost } from './costs.ts'
import { count, duration, flag, host, name, overriding, path, share, size } from './leaves.ts'
import { Answer, Credential, Probe } from './speech.ts'
import { Alerts, Failures, Health } from './watching.ts'

const Breaker = z
  .strictObject({
    failures: count.describe('Failures in a row, with no success in between, that open.').prefault(5),
    failure_rate: share.describe('Share of failed calls in the window that opens.').prefault('50%'),
    slow_rate: share.describe('Share of slow calls in the window that opens.').prefault('80%'),
    slow_call: duration.describe('A call is slow from here on.').prefault('10s'),
    minimum_calls: count.describe('With fewer calls in the window no share is computed.').prefault(10),
    window: duration.describe('Length of the window.').prefault('60s'),
    open: duration.describe('How long the first opening lasts, unless the exchange names a time.').prefault('1s'),
    max_open: duration.describe('No opening lasts longer, unless the exchange names a time.').prefault('5m'),
    multiplier: z.number().min(1).describe('Each opening in a row is this much longer.').prefault(2),
    jitter: share.describe('Openings vary by this share, so that a fleet does not come back at once.').prefault('20%'),
    probes: count.describe('Calls let through at a time while half-open.').prefault(1),
    successes: count.describe('Successes that close a half-open breaker.').prefault(2),
    probe_timeout: duration.describe('A probe without an answer by then has failed.').prefault('10s'),
    violations: count.describe('Limit violations that open.').prefault(10),
    violation_window: duration.describe('The time within which they must happen.').prefault('300s'),
    violation_open: duration.describe('How long they open for.').prefault('300s'),
  })
  .meta({ id: 'breaker', description: 'When weir stops calling a host, and when it tries again.' })

const Upstream = z
  .strictObject({
    connect_timeout: duration.describe('Longest time for a connection to the exchange.').prefault('5s'),
    headers_timeout: duration.describe('Longest time until the head of an answer.').prefault('30s'),
    body_timeout: duration.describe('Longest silence within an answer.').prefault('30s'),
    idle: duration
      .describe('Idle connections are closed after this; keep it below the exchange’s own limit.')
      .prefault('10s'),
    connections: count.describe('Most connections to one host.').prefault(128),
  })
  .meta({ id: 'upstream', description: 'Connections to the exchange.' })

const field = z
  .string()
  .regex(/^[A-Za-z0-9!#$%&'*+.^_`|~-]+$/, { error: 'expected the name of a header, such as x-ratelimit-remaining' })
  .meta({ title: 'name of a header' })

const Bot = z
  .strictObject({
    weight: z
      .number()
      .positive()
      .describe('Its share where bots take turns: 3 has three turns for each one of a bot with 1.')
      .prefault(1),
    max_wait: duration
      .describe(
        'Longest time its calls wait, whatever their class and its client allow; `X-Weir-Max-Wait` may lower it.',
      )
      .optional(),
    priority: Manners.shape.priority
      .unwrap()
      .describe('Priority of all its calls, in place of that of their class; `X-Weir-Priority` wins.')
      .optional(),
  })
  .meta({ id: 'bot', description: 'Manners of one bot, by its proxy user name, or address and client.' })

const Client = z
  .strictObject({
    agent: z.string().min(1).describe('Start of the User-Agent; case does not matter, and the first match counts.'),
    max_wait: duration.describe(
      'Longest time its calls wait: its own time-out, less what the exchange needs. Shortens any `max_wait` of a class; ' +
        `stretches the default, unless that is below ${USUAL_WAIT}, but never what a class itself says.`,
    ),
  })
  .meta({ id: 'client', description: 'A client library that gives up after a known time.' })

const Exchange = z
  .strictObject({
    hosts: z.array(host).min(1).describe('Hosts that weir answers for, REST first, WebSocket hosts too.'),
    prefix: path.describe('Only paths under it, where exchanges share a host. The longest prefix wins.').optional(),
    dialect: z
      .enum(['kraken', 'kraken_futures', 'coinbase', 'coinbase_exchange', 'plain'])
      .describe('How answers are read and refusals are worded.'),
    tier: name.describe('Your tier: chooses among values given per tier.').optional(),
    costs: name.describe('Whose costs: chooses among costs given per source.').optional(),
    credential: z.array(Credential).describe('Where the key’s id is found, in order.').prefault([]),
    accounts: z
      .record(z.string().min(1), z.array(z.string().min(1)).min(1))
      .describe('API keys that belong to one account and share its limits: account name to key ids.')
      .prefault({}),
    nonce_window: z.int().min(0).describe('The nonce window you have set on the keys, in nonce units.').prefault(0),
    order: z
      .enum(['strict', 'spaced', 'none'])
      .describe(
        'Calls of one key, where lanes are `nonce`. `strict`: one in flight, or as many as `nonce_window` makes safe: none is ' +
          'overtaken on the way. `spaced`: several in flight, with a gap as wide as round trips vary: overtaking becomes rare. ' +
          '`none`: as they come.',
      )
      .prefault('strict'),
    lockout: z
      .strictObject({
        failures: count.describe('Refusals of key, signature or nonce in a row after which a key rests.').prefault(4),
        pause: duration.describe('The first rest; each further refusal doubles it, up to 15m.').prefault('30s'),
      })
      .meta({ id: 'lockout', description: 'Stops a key before the exchange locks it out.' })
      .optional(),
    headers: z
      .strictObject({
        limit: field.describe('Holds the limit: a lower one than this file’s holds from then on.').optional(),
        remaining: field.describe('Holds what is left: less than weir believes is believed.').optional(),
      })
      .meta({ id: 'headers', description: 'Fields of answers that tell of the limit a call took from.' })
      .describe('Read where a call takes from one limit only.')
      .optional(),
    adaptive: flag
      .describe(
        'After refusals that nothing explains, less than the documented rate is used (never under 30 %), and all of it ' +
          'again after clean minutes.',
      )
      .prefault(true),
    signature_life: duration.describe('How long the exchange accepts a timestamp header.').optional(),
    refusal: z
      .strictObject({ status: z.int().min(400).max(599) })
      .describe('`{ status: 429 }`: the status of limit refusals, in place of the one the exchange itself uses.')
      .optional(),
    probe: z
      .union([path, Probe], { error: 'expected a path that begins with /, or `{ path, field, down, limited }`' })
      .describe('Unsigned GET that asks whether the exchange is well: a path, or a path and how to read its answer.')
      .optional(),
    pairs: path
      .describe(
        'Unsigned GET of all pairs under all their names, asked once, when a bot names one that nothing else makes out.',
      )
      .optional(),
    buckets: z.record(name, Bucket).describe('The exchange’s limits, by name.'),
    classes: z.record(name, Class).describe('Its endpoints, by name of the class.'),
    default: Fallback.describe('The class of all other paths.'),
    answers: z.array(Answer).describe('What its answers mean, in order.').prefault([]),
    breaker: z.strictObject(overriding(Breaker)).describe('Overrides of `breaker`.').prefault({}),
    upstream: z.strictObject(overriding(Upstream)).describe('Overrides of `upstream`.').prefault({}),
  })
  .meta({ id: 'exchange', description: 'One API of an exchange.' })

/** A weir gives its share up two seconds early, counted from when it was last heard: that must be far from a heartbeat. */
const LEAST_YIELD_MS: Millis = 10_000

const Limits = z
  .strictObject({
    tunnel: z
      .enum(['allow', 'deny'])
      .describe('CONNECT to hosts not listed here: relayed blindly (public addresses, port 443), or refused.')
      .prefault('allow'),
    max_body: size.describe('Largest request body.').prefault('1MiB'),
    max_queue_bytes: size.describe('Most memory for the bodies of calls that wait.').prefault('64MiB'),
    cold_start: z
      .union([z.enum(['full', 'half', 'empty']), share], { error: 'expected full, half, empty or a share' })
      .describe('How full a bucket is taken to be that weir has never seen.')
      .prefault('full'),
    on_store_failure: z
      .enum(['share', 'closed'])
      .describe('While Redis is away: `share` lets each weir live on its share of every limit, `closed` sends nothing.')
      .prefault('share'),
    split: z
      .enum(['equal', 'weighted'])
      .describe(
        'How weirs divide limits that they share: in equal parts, or `weighted` by the bots that called each lately.',
      )
      .prefault('equal'),
    yield_for: duration
      .refine((ms) => ms >= LEAST_YIELD_MS, { error: 'expected a duration of at least 10s' })
      .describe(
        'How long the share of a weir that vanished without a word is kept for it; cut off, it may use it as long. `10s` ' +
          'at least.',
      )
      .prefault('10m'),
    enforce: z
      .enum(['on', 'shadow'])
      .describe('`shadow`: no class holds anything back, whatever it says; what would have been done is reported.')
      .prefault('on'),
    defaults: Manners.describe('What holds for a class that does not say otherwise.').prefault({}),
    bots: z
      .record(z.string().min(1), Bot)
      .describe('Manners of single bots: `{ mm-1: { weight: 3 } }` for the bot of `http://mm-1@127.0.0.1:8080`.')
      .prefault({}),
    clients: z.array(Client).describe('How long known clients wait before they give up.').prefault([]),
    breaker: Breaker.describe('Circuit breakers, one per host.').prefault({}),
    upstream: Upstream.describe('Connections to the exchanges.').prefault({}),
    cache: z
      .strictObject({
        max_bytes: size.describe('Most memory for kept answers.').prefault('64MiB'),
        max_entry: size.describe('Larger answers are not kept.').prefault('2MiB'),
      })
      .meta({ id: 'cache', description: 'Memory for kept answers.' })
      .describe('Memory for kept answers.')
      .prefault({}),
    metrics: z
      .strictObject({
        prefix: z
          .string()
          .regex(/^[a-zA-Z_][a-zA-Z0-9_]*$/, { error: 'expected letters, digits and underscores' })
          .describe('Before the name of every metric.')
          .prefault('weir_'),
      })
      .meta({ id: 'metrics', description: 'Prometheus.' })
      .describe('Prometheus.')
      .prefault({}),
    alerts: Alerts.prefault({}),
    health: Health.prefault({}),
    failures: Failures.prefault({}),
    exchanges: z.record(name, Exchange).describe('The exchanges, by name.'),
  })
  .meta({ title: 'limits.yaml of weir' })

/** limits.yaml after defaults, with durations in ms, rates in tokens per ms, sizes in bytes, shares from 0 to 1. */
export type LimitsConfig = z.output<typeof Limits>
export type ExchangeConfig = z.output<typeof Exchange>
export type BucketConfig = z.output<typeof Bucket>
export type CostConfig = z.output<typeof Cost>[string]
export type AnswerConfig = z.output<typeof Answer>
/** What the schema has against a value, in zod's terms. */
export type ShapeIssue = z.core.$ZodIssue

/** Checks the shape of a parsed limits.yaml: the typed value, or all that is wrong with it. */
export const checkShape = (
  value: unknown,
):
  | { readonly ok: true; readonly config: LimitsConfig }
  | { readonly ok: false; readonly issues: readonly ShapeIssue[] } => {
  const result = Limits.safeParse(value)
  return result.success ? { ok: true, config: result.data } : { ok: false, issues: result.error.issues }
}

/** The JSON Schema (2020-12) of limits.yaml as a person writes it: for editors, and for the reference table. */
export const limitsSchema = (): Record<string, unknown> => z.toJSONSchema(Limits, { io: 'input' })
