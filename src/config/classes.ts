// Classes of endpoints in limits.yaml: what they match, what they cost, how their calls wait, which answers are kept.

import { z } from 'zod'
import { Cost } from './costs.ts'
import { count, duration, flag, oneOrMore, overriding } from './leaves.ts'

/** The wait that most clients can bear: their time-out is 10 s. */
export const USUAL_WAIT = '6s'

/** How calls of a class wait. */
export const Manners = z
  .strictObject({
    max_wait: duration
      .describe('Longest time a call waits in weir. A call that would wait longer is refused at once.')
      .prefault(USUAL_WAIT),
    max_queue: count.describe('Most calls that wait in one lane.').prefault(1000),
    on_exhausted: z
      .enum(['queue', 'reject'])
      .describe('`queue`: wait for budget. `reject`: never wait.')
      .prefault('queue'),
    enforce: z
      .enum(['on', 'shadow'])
      .describe('`shadow`: everything is counted and reported, nothing is held back.')
      .prefault('on'),
    priority: z
      .enum(['critical', 'high', 'normal', 'low'])
      .describe('Who goes first where order is free.')
      .prefault('normal'),
    lane: z
      .enum(['fair', 'nonce'])
      .describe('`nonce`: one line per key, in nonce order (see `order`). `fair`: bots take turns.')
      .prefault('fair'),
  })
  .meta({ id: 'defaults', description: 'What holds for a class that does not say otherwise.' })

const CacheOfClass = z
  .strictObject({
    fresh: duration.describe('How long an answer is served without asking again.'),
    stale: duration.describe('How much longer it may be served, marked as stale.').prefault('0'),
    when: z
      .array(z.enum(['breaker_open', 'error', 'queue', 'slow']))
      .describe('When stale answers serve: breaker open, the exchange failed, the wait is too long, no answer in time.')
      .prefault([]),
    after: duration.describe('With `slow`: how long an answer may take.').prefault('2s'),
    body: z
      .array(z.string())
      .describe('Body parameters of a POST that belong to the question; any other one bypasses the cache.')
      .prefault([]),
    private: flag.describe('Must be true to cache answers that belong to a key.').prefault(false),
    shared: flag
      .describe(
        'true: with `--redis`, an answer that one weir has fetched serves all of them. Not for private answers.',
      )
      .prefault(false),
  })
  .meta({ id: 'class.cache', description: 'Answers that weir keeps. Only reads can have one.' })

const Kind = z.enum(['read', 'write', 'order', 'cancel'])
const behaviour = {
  cost: Cost,
  hold: flag.describe('false: charged, but never held back. Cancels default to false, all else to true.').optional(),
  learns: flag
    .describe(
      'true: answers tell of orders (ids, pairs, ages) that later costs depend on. Orders and cancels do anyway.',
    )
    .optional(),
  ...overriding(Manners),
}
const matching = z.string().meta({ title: 'pattern' })

/** One class. */
export const Class = z
  .strictObject({
    match: oneOrMore(matching, 'a pattern such as "GET /0/public/{Time,Ticker}"').describe(
      'Methods and path: `GET|POST /a/{b,c}/*/**`. `*` is one segment, `**` the rest. The more literal pattern wins.',
    ),
    kind: Kind.describe(
      'What it does at the exchange. `read` when all patterns are GET, else `write`, unless said otherwise.',
    ).optional(),
    cache: CacheOfClass.describe('Off unless given.').optional(),
    ...behaviour,
  })
  .meta({ id: 'class', description: 'Endpoints that share costs and manners.' })

/** The class of everything else. */
export const Fallback = z
  .strictObject({ kind: Kind.describe('As in a class.').prefault('write'), ...behaviour })
  .meta({ id: 'default', description: 'The class of every path that no pattern matches.' })

export type ClassConfig = z.output<typeof Class>
export type FallbackConfig = z.output<typeof Fallback>
export type MannersConfig = z.output<typeof Manners>
export type CacheConfig = z.output<typeof CacheOfClass>
