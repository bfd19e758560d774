// Evidence → cause.

import { describe, expect, it } from 'vitest'
import { diagnose, lowerTierOf } from '../../src/autopsy/diagnose.ts'
import type { Cause, Evidence } from '../../src/core/autopsy.ts'
import { anAutopsy } from '../support/autopsy.ts'

const SECOND = 1000
/** Kraken's private counter at tier pro, and the tiers below it. */
const pro: Partial<Evidence> = {
  capacity: 20,
  refill: 1 / SECOND,
  lowerTiers: [
    { name: 'starter', capacity: 15, refill: 0.33 / SECOND },
    { name: 'intermediate', capacity: 20, refill: 0.5 / SECOND },
  ],
}
const window: Partial<Evidence> = { kind: 'window', capacity: 30, refill: 30 / SECOND }

describe('a refusal', () => {
  it.each<[why: string, evidence: Partial<Evidence>, cause: Cause]>([
    ['with room for four more, an hour after the start', {}, 'unexplained'],
    ['of a window with room', { ...window, believed: 12, room: 12 }, 'unexplained'],
    ['of a window without any to spare', { ...window, believed: 0, room: 0 }, 'unexplained'],
    ['that only names a time', { gate: true, believed: -3 }, 'gate'],
    ['of a bucket that cancels had overdrawn', { believed: -0.5, room: -0.5 }, 'foreseen'],
    ['of a call that left before the last refusal was known', { fresh: false }, 'echo'],
    ['while the exchange was unwell, or after a resend', { troubled: true }, 'host'],
    ['within the time that the bucket takes to fill', { knownForMs: 40 * SECOND }, 'cold_start'],
    ['just after that time', { knownForMs: 46 * SECOND }, 'unexplained'],
    ['soon after the start, but taken to be empty then', { knownForMs: 9 * SECOND, coldStart: 0 }, 'unexplained'],
    [
      'soon after the start, but after another refusal had emptied the model',
      { knownForMs: 40 * SECOND, previous: { agoMs: 20 * SECOND, sent: 3 } },
      'unexplained',
    ],
    ['of a window within its length', { ...window, knownForMs: 900 }, 'cold_start'],
    ['with less than one left, after a rest', { believed: 0.4, room: 0.4 }, 'steps'],
    [
      'with less than one left, soon after another',
      { room: 0.4, previous: { agoMs: 60_000, sent: 19 } },
      'unexplained',
    ],
    [
      'where starter ends, though more than starter holds had passed at once',
      { ...pro, believed: 4, room: 4, deepest: 19 },
      'unexplained',
    ],
    ['from rest, where starter ends', { ...pro, believed: 4, room: 4 }, 'lower_tier'],
    ['from rest, at the very end, where intermediate ends as well', { ...pro, believed: 0.4, room: 0.4 }, 'steps'],
    ['from rest, well below where starter ends', { ...pro, believed: 9, room: 9 }, 'unexplained'],
    ['after what starter refills in 30 s', { ...pro, room: 20, previous: { agoMs: 30_000, sent: 11 } }, 'lower_tier'],
    [
      'after what intermediate refills in 30 s',
      { ...pro, room: 15, previous: { agoMs: 30_000, sent: 16 } },
      'lower_tier',
    ],
    [
      'after more than any lower tier refills',
      { ...pro, room: 10, previous: { agoMs: 30_000, sent: 21 } },
      'unexplained',
    ],
    ['too soon to tell tiers apart', { ...pro, room: 1, previous: { agoMs: 4_000, sent: 2 } }, 'unexplained'],
  ])('%s: is %o', (_, evidence, cause) => {
    expect(diagnose(anAutopsy(evidence))).toBe(cause)
  })

  it('names the lower tier that fits', () => {
    const fits = (previous: Evidence['previous']) => lowerTierOf(anAutopsy({ ...pro, room: 20, previous }))?.name
    expect(fits({ agoMs: 30_000, sent: 11 })).toBe('starter')
    expect(fits({ agoMs: 30_000, sent: 16 })).toBe('intermediate')
    expect(fits({ agoMs: 30_000, sent: 24 })).toBeUndefined()
  })
})
