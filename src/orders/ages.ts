// Which pair an order belongs to and how old it is: Kraken's engine charges a cancel by the age of what it cancels, and the
// cancel names only the id. Learned from the answers that pass through. Old orders are kept as well, since an order that
// nobody knows is priced as the youngest.

import type { Clock } from '../core/clock.ts'
import type { Millis } from '../core/units.ts'

/** What is known of one order. */
interface Order {
  readonly account: string
  readonly pair: string
  readonly bornAt: Millis
  /** All its names: txid, userref, cl_ord_id. */
  readonly ids: readonly string[]
}

/** What is known of one account. */
interface Account {
  readonly orders: Set<Order>
  /** Every pair it has traded, also those of orders that are gone. */
  readonly pairs: Set<string>
}

/** A remembered order, as prices ask for it. */
export interface OrderAge {
  readonly pair: string
  readonly ageMs: Millis
}

/** No penalty of the engine outlives this age (cancel under 300 s: 1). */
const FREE_AFTER_MS: Millis = 300_000
/** Orders kept at most. An account may have 225 open per pair; what was filled is not told and stays until it is the oldest. */
const KEPT = 50_000

/** Orders by account and id, in the order in which weir heard of them. */
export class Orders {
  readonly #clock: Clock
  readonly #all = new Set<Order>()
  /** Most names are one order's; a userref may be many orders'. */
  readonly #byId = new Map<string, Order | Set<Order>>()
  readonly #accounts = new Map<string, Account>()

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** An order was placed or amended `agoMs` ago; its age counts from there. */
  placed(account: string, pair: string, ids: readonly string[], agoMs: Millis = 0): void {
    const [oldest] = this.#all
    if (oldest !== undefined && this.#all.size >= KEPT) this.#forget(oldest)
    const order: Order = { account, pair, bornAt: this.#clock.now() - agoMs, ids }
    this.#all.add(order)
    for (const id of ids) {
      const key = keyOf(account, id)
      const named = this.#byId.get(key)
      if (named instanceof Set) named.add(order)
      else this.#byId.set(key, named === undefined ? order : new Set([named, order]))
    }
    this.traded(account, pair).orders.add(order)
  }

  /** The account trades that pair: an order that nobody knows may be of it. */
  traded(account: string, pair: string): Account {
    const own = this.#accounts.get(account) ?? { orders: new Set(), pairs: new Set() }
    own.pairs.add(pair)
    this.#accounts.set(account, own)
    return own
  }

  /** Its age starts again, under the same name or a new one. Unknown orders stay unknown. */
  amended(account: string, id: string, renamed: string = id): void {
    for (const order of this.#named(account, id)) {
      this.#forget(order)
      this.placed(account, order.pair, [...new Set([renamed, ...order.ids.filter((other) => other !== id)])])
    }
  }

  /** It is no longer open; nor is any other of that name. */
  gone(account: string, id: string): void {
    for (const order of this.#named(account, id)) this.#forget(order)
  }

  /** None of the account's orders is open any more. */
  allGone(account: string): void {
    for (const order of this.#accounts.get(account)?.orders ?? []) this.#forget(order)
  }

  /** Every order of that name; none when it is unknown. */
  find(account: string, id: string): readonly OrderAge[] {
    return this.#named(account, id).map((order) => this.#aged(order))
  }

  /** Orders of the account that may still be open and are young enough to cost something. */
  open(account: string): readonly OrderAge[] {
    const own = [...(this.#accounts.get(account)?.orders ?? [])].map((order) => this.#aged(order))
    return own.filter(({ ageMs }) => ageMs < FREE_AFTER_MS)
  }

  pairs(account: string): readonly string[] {
    return [...(this.#accounts.get(account)?.pairs ?? [])]
  }

  #named(account: string, id: string): readonly Order[] {
    const named = this.#byId.get(keyOf(account, id)) ?? []
    return 'bornAt' in named ? [named] : [...named]
  }

  #aged({ pair, bornAt }: Order): OrderAge {
    return { pair, ageMs: this.#clock.now() - bornAt }
  }

  #forget(order: Order): void {
    this.#all.delete(order)
    this.#accounts.get(order.account)?.orders.delete(order)
    for (const id of order.ids) {
      const key = keyOf(order.account, id)
      const named = this.#byId.get(key)
      if (named instanceof Set && named.size > 1) named.delete(order)
      else this.#byId.delete(key)
    }
  }
}

const keyOf = (account: string, id: string): string => `${account} ${id}`
