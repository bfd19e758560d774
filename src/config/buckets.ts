// The part of limits.yaml that says what an exchange allows, as zod types: buckets that refill, windows of N per T, and gates
// that only the exchange itself closes.

import { z } from 'zod'
import { duration, flag, oneOrMore, rate, share, tokens, varied } from './leaves.ts'

const scope = z.enum(['ip', 'key', 'account', 'pair'])
const per = oneOrMore(scope, 'ip, key, account or pair').describe(
  'Who shares it: everybody behind this address, one API key, one account, one trading pair; several together.',
)
const common = {
  per,
  headroom: share.describe('Share of the limit that weir leaves unused.').prefault('0%'),
  reserve: z
    .strictObject({
      trading: share.describe('For classes of kind order and cancel.').optional(),
      critical: share.describe('For classes of priority critical.').optional(),
      high: share.describe('For classes of priority critical and high.').optional(),
    })
    .meta({ id: 'reserve', description: 'Shares of a bucket that all other classes must leave in it.' })
    .describe('Shares kept for urgent classes: the others wait once no more than these are left.')
    .optional(),
  recovery: duration
    .describe('Pause after the exchange refuses, when it names no time; doubles on repeats.')
    .prefault('5s'),
  adaptive: flag.describe('`adaptive` of the exchange, for this limit alone.').optional(),
}

const TokenBucket = z
  .strictObject({
    ...common,
    capacity: varied(tokens, 'number', 'a number').describe('Most it can hold: the size of a burst.'),
    refill: varied(rate, 'rate', 'a rate such as 1/s or 15/45s').describe('How fast it fills.'),
    margin: tokens
      .describe('Tokens that weir leaves in it, for a counter that decays in steps and so lags behind a steady one.')
      .prefault(0),
  })
  .meta({ id: 'bucket', description: 'A limit that refills steadily; a counter that decays is the same, mirrored.' })

const Window = z
  .strictObject({
    ...common,
    limit: varied(tokens, 'number', 'a number').describe('At most this much …'),
    every: varied(duration, 'duration', 'a duration such as 500ms, 5s or 1h').describe(
      '… in any stretch of this length.',
    ),
    shortest_round_trip: duration
      .describe(
        'The least time a call and its answer can need, if you are sure of it: without it a window loses one round trip. Too large a value breaks the limit.',
      )
      .prefault('0'),
  })
  .meta({ id: 'window', description: 'A limit stated as N per T.' })

const Gate = z
  .strictObject({
    per,
    gate: z.literal(true).describe('Calls that cost 0 here pass, unless the exchange has closed it.'),
    recovery: common.recovery,
  })
  .meta({
    id: 'gate',
    description: 'A limit without a published number: it holds nothing back until the exchange refuses.',
  })

/** One limit of an exchange. */
export const Bucket = z.union([TokenBucket, Window, Gate], { error: 'expected a bucket: per, capacity, refill' })
