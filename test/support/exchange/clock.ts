// Time of the simulated exchange, real or by hand.

import { setTimeout as sleep } from 'node:timers/promises'

/** Time of the simulated exchange: `now` is monotonic, `wall` is the epoch, both in milliseconds. */
export interface Clock {
  now(): number
  wall(): number
  sleep(ms: number): Promise<void>
}

export const REAL_CLOCK: Clock = { now: () => performance.now(), wall: () => Date.now(), sleep: (ms) => sleep(ms) }

/** A clock that stands still until told to go on; delays on the wire (`sleep`) stay real. */
export interface ManualClock extends Clock {
  advance(ms: number): void
}

export function manualClock(wallMs = 1_800_000_000_000): ManualClock {
  let nowMs = 0
  return {
    now: () => nowMs,
    wall: () => wallMs + nowMs,
    sleep: (ms) => sleep(ms),
    advance: (ms) => {
      nowMs += ms
    },
  }
}
