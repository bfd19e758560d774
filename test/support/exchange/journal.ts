// What the simulated exchange saw: every call that arrived, and every call that broke a limit. Both lists are
// bounded, the counts are not. This is the referee's notebook: a run is clean when `violations` is empty.

import type { Ruling } from './counters.ts'

/** One request as it arrived, byte for byte, and what became of it. */
export interface Call {
  readonly id: number
  /** Monotonic milliseconds at which the exchange judged it. */
  readonly timeMs: number
  readonly wallMs: number
  readonly ip: string
  readonly host: string
  readonly method: string
  /** The request target as received, query included. */
  readonly target: string
  readonly path: string
  readonly query: URLSearchParams
  readonly headers: Readonly<Record<string, string | string[] | undefined>>
  readonly rawHeaders: readonly string[]
  readonly body: Buffer
  /** The User-Agent, or an empty string. */
  readonly bot: string
  /** `served`, `refused` by a limit, `rejected` for another reason, `fault <kind>`, or `upgraded`. */
  verdict: string
  /** The exchange's word for a refusal, such as `EAPI:Invalid nonce`; empty when served. */
  reason: string
}

/** One call that went over a limit; `level` is the counter's own after the ruling. */
export interface Violation {
  readonly timeMs: number
  readonly counter: string
  readonly scope: string
  readonly level: number
  readonly cost: number
  readonly call: Call
}

/** What one counter has taken in so far. */
export interface Spending {
  readonly counter: string
  readonly scope: string
  /** Sum of the costs of all that was accepted. */
  spent: number
  /** When the last of it was accepted, and where the counter stood then, in its own terms. */
  lastMs: number
  level: number
}

export interface Report {
  readonly calls: number
  readonly violations: number
  readonly byCounter: Readonly<Record<string, number>>
  readonly byVerdict: Readonly<Record<string, number>>
  readonly invalidNonces: number
  readonly lockouts: number
}

/** The notebook. `allow` is how a venue asks a counter's ruling into it. */
export class Journal {
  readonly calls: Call[] = []
  readonly violations: Violation[] = []
  invalidNonces = 0
  lockouts = 0
  readonly #enforce: boolean
  readonly #keep: number
  #callCount = 0
  readonly #byCounter = new Map<string, number>()
  readonly #byVerdict = new Map<string, number>()
  readonly #ledger = new Map<string, Spending>()

  constructor(rule: { readonly enforce: boolean; readonly keep: number }) {
    this.#enforce = rule.enforce
    this.#keep = rule.keep
  }

  nextId(): number {
    this.#callCount += 1
    return this.#callCount
  }

  /** Writes the ruling down; true when the call may go on (also when limits are only counted, not enforced). */
  allow(counter: string, scope: string, cost: number, ruling: Ruling, call: Call): boolean {
    if (ruling.ok) {
      this.accepted(counter, scope, cost, call.timeMs, ruling.level)
      return true
    }
    push(this.violations, { timeMs: call.timeMs, counter, scope, level: ruling.level, cost, call }, this.#keep)
    bump(this.#byCounter, counter)
    return !this.#enforce
  }

  /** Enters into the ledger what a counter took in. */
  accepted(counter: string, scope: string, cost: number, atMs: number, level: number): void {
    const name = `${counter} ${scope}`
    const entry = this.#ledger.get(name) ?? { counter, scope, spent: 0, lastMs: atMs, level }
    entry.spent += cost
    entry.lastMs = atMs
    entry.level = level
    this.#ledger.set(name, entry)
  }

  /** Every counter that took anything in. */
  get ledger(): readonly Readonly<Spending>[] {
    return [...this.#ledger.values()]
  }

  arrived(call: Call): void {
    push(this.calls, call, this.#keep)
  }

  /** Writes the verdict down; a later one (a fault on the way back) takes the place of an earlier one. */
  judged(call: Call, verdict: string): void {
    if (call.verdict !== '') bump(this.#byVerdict, call.verdict, -1)
    call.verdict = verdict
    bump(this.#byVerdict, verdict)
  }

  report(): Report {
    const byCounter = Object.fromEntries(this.#byCounter)
    return {
      calls: this.#callCount,
      violations: Object.values(byCounter).reduce((sum, count) => sum + count, 0),
      byCounter,
      byVerdict: Object.fromEntries([...this.#byVerdict].filter(([, count]) => count > 0)),
      invalidNonces: this.invalidNonces,
      lockouts: this.lockouts,
    }
  }
}

function push<T>(list: T[], entry: T, keep: number): void {
  list.push(entry)
  if (list.length > keep + keep / 4) list.splice(0, list.length - keep)
}

function bump(counts: Map<string, number>, name: string, by = 1): void {
  counts.set(name, (counts.get(name) ?? 0) + by)
}
