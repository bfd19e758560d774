// A refusal of a Kraken private call that nothing explains, with one thing changed.

import type { Autopsy } from '../../src/core/autopsy.ts'

/** Four tokens left of fifteen, an hour after the start. */
export const anAutopsy = (change: Partial<Autopsy> = {}): Autopsy => ({
  kind: 'bucket',
  capacity: 15,
  refill: 0.33 / 1000,
  margin: 0,
  lowerTiers: [],
  cost: 1,
  believed: 4,
  room: 4,
  deepest: 0,
  inFlight: 0,
  share: 1,
  waitedMs: 0,
  roundTripMs: 80,
  sinceStartMs: 3_600_000,
  knownForMs: 3_600_000,
  coldStart: 1,
  previous: undefined,
  fresh: true,
  gate: false,
  troubled: false,
  cause: 'unexplained',
  grantedAtWallMs: 1_700_000_000_000,
  scopes: ['key'],
  sharers: ['kraken.private', 'kraken.history'],
  ...change,
})
