// Which pair an order belongs to and how old it is: Kraken's engine charges a cancel by the age of what it cancels, and the
// cancel names only the id. Learned from the answers that pass through, forgotten once age no longer costs anything.

import type { Clock } from '../core/clock.ts'
import type { Millis } from '../core/units.ts'

/** What is known of one order. */
interface Order {
  readonly account: string
  readonly pair: string
  readonly bornAt: Millis
  /** Other names of the same order: userref, cl_ord_id. */
  readonly ids: readonly string[]
}

/** A remembered order, as prices ask for it. */
export interface OrderAge {
  readonly pair: string
  readonly ageMs: Millis
}

/** No penalty of the engine outlives this age (cancel under 300 s: 1). */
const FORGOTTEN_AFTER_MS: Millis = 300_000
/** Orders kept at most: at Kraken's own limit of a few per second and pair, five minutes are far fewer. */
const KEPT = 100_000

/** Orders by account and id, oldest first. */
export class Orders {
  readonly #clock: Clock
  readonly #byId = new Map<string, Order>()
  readonly #pairs = new Map<string, Set<string>>()

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** An order was placed or amended `agoMs` ago; its age counts from there. */
  placed(account: string, pair: string, ids: readonly string[], agoMs: Millis = 0): void {
    this.#forgetOld()
    const order: Order = { account, pair, bornAt: this.#clock.now() - agoMs, ids }
    for (const id of ids) {
      const key = keyOf(account, id)
      this.#byId.delete(key)
      this.#byId.set(key, order)
    }
    const pairs = this.#pairs.get(account) ?? new Set()
    this.#pairs.set(account, pairs.add(pair))
  }

  /** Its age starts again, under the same name or a new one. Unknown orders stay unknown. */
  amended(account: string, id: string, renamed: string = id): void {
    const order = this.#byId.get(keyOf(account, id))
    if (order === undefined) return
    this.gone(account, id)
    this.placed(account, order.pair, [...new Set([renamed, ...order.ids.filter((other) => other !== id)])])
  }

  /** It is no longer open. */
  gone(account: string, id: string): void {
    const order = this.#byId.get(keyOf(account, id))
    for (const name of order?.ids ?? []) this.#byId.delete(keyOf(account, name))
  }

  find(account: string, id: string): OrderAge | undefined {
    const order = this.#byId.get(keyOf(account, id))
    return order === undefined ? undefined : this.#aged(order)
  }

  /** Orders of the account that may still be open and are young enough to cost something. */
  open(account: string): readonly OrderAge[] {
    const orders = new Set([...this.#byId.values()].filter((order) => order.account === account))
    return [...orders].map((order) => this.#aged(order))
  }

  pairs(account: string): readonly string[] {
    return [...(this.#pairs.get(account) ?? [])]
  }

  #aged({ pair, bornAt }: Order): OrderAge {
    return { pair, ageMs: this.#clock.now() - bornAt }
  }

  #forgetOld(): void {
    const horizon = this.#clock.now() - FORGOTTEN_AFTER_MS
    for (const [key, { bornAt }] of this.#byId) {
      if (bornAt > horizon && this.#byId.size < KEPT) return
      this.#byId.delete(key)
    }
  }
}

const keyOf = (account: string, id: string): string => `${account} ${id}`
