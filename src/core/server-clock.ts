// What time is it at the exchange? Its `Date` fields say, to the second; each narrows down how far its clock is from ours.

import type { Clock } from './clock.ts'
import type { Millis } from './units.ts'

/** Bounds that were not renewed for this long are given up: clocks drift and are set. */
const VALID_MS: Millis = 10 * 60_000

interface Bounds {
  /** The exchange's clock minus ours lies between these. */
  readonly least: Millis
  readonly most: Millis
  readonly at: Millis
  /** The `Date` last seen; the same text tells nothing new. */
  readonly date: string
}

/** The clocks of the exchanges, by host. */
export class ServerClocks {
  readonly #clock: Clock
  readonly #bounds = new Map<string, Bounds>()

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /**
   * Learns from one answer. `Date` is when it was made, cut to the second (RFC 9110 §6.6.1), and it was made between
   * sending and now.
   * @param tookMs time since the request was sent
   */
  observe(host: string, date: string, tookMs: Millis): void {
    const known = this.#bounds.get(host)
    if (known?.date === date) return
    const stated = Date.parse(date)
    if (Number.isNaN(stated)) return
    const wall = this.#clock.wall()
    const seen = { least: stated - wall, most: stated + 1000 - (wall - tookMs) }
    const now = this.#clock.now()
    const fresh = known !== undefined && now - known.at < VALID_MS
    const least = fresh ? Math.max(known.least, seen.least) : seen.least
    const most = fresh ? Math.min(known.most, seen.most) : seen.most
    // Bounds that exclude each other mean that a clock was set.
    this.#bounds.set(host, least <= most ? { least, most, at: now, date } : { ...seen, at: now, date })
  }

  /** The latest that it can be at the exchange now, in milliseconds since the epoch; undefined until it has told. */
  latest(host: string): Millis | undefined {
    const bounds = this.#bounds.get(host)
    return bounds === undefined ? undefined : this.#clock.wall() + bounds.most
  }
}
