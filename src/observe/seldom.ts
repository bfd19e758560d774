// Is this to be said again? What goes on is said once a minute: a bot with a bad key may call ten times a second.

import type { Millis } from '../core/units.ts'

const EVERY_MS: Millis = 60_000
/** Things remembered; they come from bots. */
const KEPT = 1024

/** What was said, and when. */
export class Seldom {
  readonly #said = new Map<string, Millis>()

  /** Whether it is due; it is taken to be said then. */
  due(what: string, at: Millis): boolean {
    const last = this.#said.get(what)
    if (last !== undefined && at - last < EVERY_MS) return false
    if (this.#said.size >= KEPT) this.#said.clear()
    this.#said.set(what, at)
    return true
  }
}
