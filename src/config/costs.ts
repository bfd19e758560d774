// The part of limits.yaml that says what a call takes from a bucket, as zod types: a number, one per tier, or a sum of what
// stands in the call and what its orders are. Nothing here knows an exchange; the readers are src/classify/params.ts and facts.ts.

import { z } from 'zod'
import { name, tokens, varied } from './leaves.ts'
import { DURATION } from './units.ts'

const STEPS = 'expected costs such as { absent: 2, present: 25 } or { 25: 1, 1000: 3, absent: 2 }'

/** What one parameter adds. */
const ByValue = z
  .record(
    z.string().regex(/^(absent|present|\d+)$/, { error: 'expected absent, present or a whole number as the key' }),
    tokens,
    { error: STEPS },
  )
  .refine((steps) => Object.keys(steps).length > 0, { error: STEPS })

const CostOfCall = z
  .strictObject({
    fixed: varied(tokens, 'number', 'a number').describe('Always charged.').prefault(0),
    each: z
      .record(z.string(), tokens, { error: 'expected costs by list, such as { orders: 0.5 }' })
      .describe('Added for each entry of a list in the call: `{ orders: 0.5 }` for each entry of `orders`.')
      .optional(),
    by_param: z
      .record(z.string(), ByValue, { error: 'expected costs by parameter, such as { count: { 25: 1, absent: 2 } }' })
      .describe(
        'Added by the value of a parameter: `{ count: { 25: 1, 1000: 3, absent: 2 } }` is 1 up to 25, 3 up to 1000, ' +
          '2 without it, and anything else, unless `present` says it, the most of these.',
      )
      .optional(),
    by_age: z
      .record(z.string().regex(DURATION, { error: 'expected a duration such as 5s as the key' }), tokens)
      .describe('Added for each order in the call while it is younger than the key; older orders add nothing.')
      .optional(),
  })
  .meta({ id: 'cost', description: 'What a call takes from one bucket, where a number is not enough.' })

/** A word for a tier can not be one of these: `{ each: 1 }` would pass for a cost of the tier "each". */
const OWN_WORDS: ReadonlySet<string> = new Set(Object.keys(CostOfCall.shape))
const tier = name.refine((word) => !OWN_WORDS.has(word), { error: 'expected a tier or costs word as the key' })

/** What a call takes, per bucket. */
export const Cost = z
  .record(
    name,
    z.union([CostOfCall, varied(tokens, 'number', 'a number', tier)], {
      error: 'expected a number, or fixed, each, by_param, by_age',
    }),
  )
  .describe(
    'What a call takes, per bucket: a number, one per tier or costs word, or `fixed`, `each`, `by_param`, `by_age`.',
  )
