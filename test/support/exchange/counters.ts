// The counters that the exchanges keep, as their own documents describe them, in virtual time: every method
// is told the time of arrival, nothing here reads a clock or opens a socket. An arrival is served or refused;
// a refused one costs nothing unless the counter is told that refusals cost too.

/** What a counter says of one arrival. `level` is the counter after it, in the counter's own terms. */
export interface Ruling {
  readonly ok: boolean
  readonly level: number
}

/** Anything that rules on arrivals. Costs are units of the counter, times are milliseconds of one monotonic clock. */
export interface Counter {
  arrive(cost: number, atMs: number): Ruling
}

// Sums of binary fractions may end a hair over a limit that the exact sum meets; that is not a violation.
const HAIR = 1e-9

/**
 * Kraken's counter: every call adds its cost, the level falls linearly and never below zero, a call that would lift
 * it above `max` is refused (docs.kraken.com, "Spot REST rate limits", "Spot trading rate limits").
 * `level` in a ruling is the height of the counter.
 */
export class DecayingCounter implements Counter {
  readonly max: number
  readonly #decayPerMs: number
  readonly #chargeRefused: boolean
  #level = 0
  #atMs = Number.MIN_SAFE_INTEGER

  constructor(rule: { readonly max: number; readonly decayPerSecond: number; readonly chargeRefused?: boolean }) {
    this.max = rule.max
    this.#decayPerMs = rule.decayPerSecond / 1000
    this.#chargeRefused = rule.chargeRefused ?? false
  }

  /** The height of the counter at `atMs`; time never runs backwards here. */
  levelAt(atMs: number): number {
    if (atMs > this.#atMs) {
      this.#level = Math.max(0, this.#level - (atMs - this.#atMs) * this.#decayPerMs)
      this.#atMs = atMs
    }
    return this.#level
  }

  arrive(cost: number, atMs: number): Ruling {
    const ok = this.levelAt(atMs) + cost <= this.max + HAIR
    if (ok || this.#chargeRefused) this.#level += cost
    return { ok, level: this.#level }
  }

  /** Never refuses, and counts in full also above the maximum: the strictest reading of "accepted over the maximum". */
  charge(cost: number, atMs: number): Ruling {
    this.#level = this.levelAt(atMs) + cost
    return { ok: true, level: this.#level }
  }

  /** Accumulates only up to the maximum and never refuses: Kraken's rule for a batch cancel. */
  accrue(cost: number, atMs: number): Ruling {
    this.#level = Math.max(this.levelAt(atMs), Math.min(this.max, this.#level + cost))
    return { ok: true, level: this.#level }
  }
}

/**
 * Coinbase Exchange's lazy-fill token bucket: on each request tokens = min(burst, tokens + elapsed x rate), then one is
 * taken or the request is refused; it starts full (docs.cdp.coinbase.com, Exchange, "REST rate limits").
 * `level` in a ruling is the tokens left.
 */
export class LazyFillBucket implements Counter {
  readonly capacity: number
  readonly #refillPerMs: number
  #tokens: number
  #atMs = Number.MIN_SAFE_INTEGER

  constructor(rule: { readonly capacity: number; readonly refillPerSecond: number }) {
    this.capacity = rule.capacity
    this.#refillPerMs = rule.refillPerSecond / 1000
    this.#tokens = rule.capacity
  }

  arrive(cost: number, atMs: number): Ruling {
    if (atMs > this.#atMs) {
      this.#tokens = Math.min(this.capacity, this.#tokens + (atMs - this.#atMs) * this.#refillPerMs)
      this.#atMs = atMs
    }
    const ok = this.#tokens + HAIR >= cost
    if (ok) this.#tokens -= cost
    return { ok, level: this.#tokens }
  }
}

/**
 * "N per T" in its strictest reading: in no stretch of `windowMs`, wherever it begins, more than `max` units.
 * An arrival exactly `windowMs` old has left the window. `level` in a ruling is the units in the window.
 */
export class SlidingLog implements Counter {
  readonly max: number
  readonly windowMs: number
  #log: { readonly atMs: number; readonly cost: number }[] = []
  #first = 0
  #used = 0

  constructor(rule: { readonly max: number; readonly windowMs: number }) {
    this.max = rule.max
    this.windowMs = rule.windowMs
  }

  arrive(cost: number, atMs: number): Ruling {
    this.#forget(atMs - this.windowMs)
    const ok = this.#used + cost <= this.max + HAIR
    if (ok) {
      this.#log.push({ atMs, cost })
      this.#used += cost
    }
    return { ok, level: this.#used }
  }

  /** Milliseconds until the oldest unit leaves the window; 0 when it is empty. */
  resetMs(atMs: number): number {
    const oldest = this.#log[this.#first]
    return oldest === undefined ? 0 : Math.max(0, oldest.atMs + this.windowMs - atMs)
  }

  #forget(untilMs: number): void {
    for (let entry = this.#log[this.#first]; entry && entry.atMs <= untilMs + HAIR; entry = this.#log[this.#first]) {
      this.#used -= entry.cost
      this.#first += 1
    }
    if (this.#first > 1024 && this.#first * 2 > this.#log.length) {
      this.#log = this.#log.slice(this.#first)
      this.#first = 0
    }
  }
}

/** One counter per scope (an address, a key, an account and pair), made when the scope is first seen. */
export class PerScope<C> {
  readonly #make: (scope: string) => C
  readonly #counters = new Map<string, C>()

  constructor(make: (scope: string) => C) {
    this.#make = make
  }

  of(scope: string): C {
    const known = this.#counters.get(scope)
    if (known !== undefined) return known
    const counter = this.#make(scope)
    this.#counters.set(scope, counter)
    return counter
  }
}
