// The way between bots and an exchange, in virtual time: a constant delay, jitter that may reorder, and a stall in which
// everything piles up and then arrives together.

import type { Clock } from '../../../src/core/clock.ts'

export interface NetworkRule {
  /** One way, constant. */
  readonly baseMs: number
  /** One way, on top: anything from none to this, each crossing on its own. */
  readonly jitterMs: number
  /** Nothing arrives between these moments (ms of the clock); it all arrives together at the end. */
  readonly stall?: { readonly fromMs: number; readonly toMs: number }
}

/** Carries messages; each crossing takes its own time. */
export class Network {
  readonly rule: NetworkRule
  readonly #clock: Clock
  readonly #chance: () => number
  readonly #cuts: string[] = []

  constructor(clock: Clock, chance: () => number, rule: NetworkRule) {
    this.rule = rule
    this.#clock = clock
    this.#chance = chance
  }

  /** Calls `arrived` when what is sent now has crossed. */
  cross(arrived: () => void): void {
    const { baseMs, jitterMs, stall } = this.rule
    const now = this.#clock.now()
    const at = now + baseMs + this.#chance() * jitterMs
    const held = stall !== undefined && at >= stall.fromMs && at < stall.toMs
    this.#clock.after((held ? stall.toMs : at) - now, arrived)
  }

  /** The next answer from that path is lost: its connection is reset before any byte of it has arrived. */
  cut(path: string): void {
    this.#cuts.push(path)
  }

  /** Whether this answer is lost; a cut hits one. */
  loses(path: string): boolean {
    const at = this.#cuts.indexOf(path)
    if (at < 0) return false
    this.#cuts.splice(at, 1)
    return true
  }
}
