// The parts of limits.yaml that say how to read an exchange: where a key's id is found in a request, and what an answer means.

import { z } from 'zod'
import { duration, flag, name, oneOrMore, path, status } from './leaves.ts'

/** One kind of answer. */
export const Answer = z
  .strictObject({
    status: status.describe('The answer has this status …').optional(),
    error: z.string().min(1).describe('… or an error of the exchange that begins like this.').optional(),
    page: flag.describe('… and it is an HTML page: the network in front of the exchange wrote it.').prefault(false),
    says: oneOrMore(z.string().min(1), 'a text')
      .describe('… and its body holds one of these texts, in whatever case.')
      .optional(),
    means: z
      .enum(['client', 'auth', 'throttled', 'banned', 'failing'])
      .describe(
        '`client`: the bot’s mistake. `auth`: bad key, signature or nonce. `throttled`: over a limit. ' +
          '`banned`: locked out. `failing`: the exchange is unwell.',
      ),
    drains: name.describe('The bucket that is empty; without it, those the call took from.').optional(),
    pause: duration.describe('How long to stay away when the answer names no time.').optional(),
    free: flag.describe('A cancel that is answered so has cost nothing.').prefault(false),
    until_suffix: flag.describe('The error ends in a unix time before which to stay away.').prefault(false),
    host_wide: flag.describe('Everybody behind this address is meant: the host’s breaker opens.').prefault(false),
  })
  .meta({ id: 'answer', description: 'What an answer of the exchange means. The first that fits wins.' })

/** One place of a key's id. */
export const Credential = z
  .union(
    [
      z.strictObject({ header: z.string().min(1).describe('Name of a header that holds the key’s id.') }),
      z.strictObject({
        jwt: oneOrMore(z.string().min(1), 'a claim').describe('Claims of the bearer token that hold it.'),
      }),
    ],
    { error: 'expected { header: … } or { jwt: … }' },
  )
  .meta({ id: 'credential', description: 'Where the public id of an API key is found.' })

/** A question after the exchange's health whose answer says more than its status. */
export const Probe = z
  .strictObject({
    path: path.describe('Unsigned GET that asks whether the exchange is well.'),
    field: z.string().min(1).describe('Where its JSON answer says so: `result.status`.'),
    down: z
      .array(z.string().min(1))
      .describe('Words there that mean: it takes no calls. Counts as a failure, for health and for the breaker.')
      .prefault([]),
    limited: z
      .array(z.string().min(1))
      .describe(
        'Words that mean: it takes some calls, such as cancels. Its health is degraded; the breaker does not mind.',
      )
      .prefault([]),
  })
  .meta({ id: 'probe', description: 'A question after the exchange’s health, and how to read the answer.' })
