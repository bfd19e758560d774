// Which pair an order belongs to and how old it is: Kraken's engine charges a cancel by the age of what it cancels, and the
// cancel names only the id. Learned from the answers that pass through; orders sent over WebSocket or FIX are not seen here.
// Orders whose age costs nothing any more stay known by name alone, for an order that nobody knows is priced as the youngest:
// one generation of names at least, two at most (names.ts). So do those that ended: there is nothing left to cancel or to pay.

import type { Clock } from '../core/clock.ts'
import type { Rules } from '../core/rules.ts'
import type { Millis } from '../core/units.ts'
import { Names, numberOf } from './names.ts'
import { type Account, ENDED, GONE, leave, listed, type Order, renew } from './order.ts'

/** Kraken's own ids (OQCLML-BW3P3-BUCMWZ) are given once; names that bots give may be another order's tomorrow. */
const OWN_ID = /^[A-Z0-9]{6}-[A-Z0-9]{5}-[A-Z0-9]{6}$/

/** A remembered order, as prices ask for it. */
export interface OrderAge {
  readonly pair: string
  readonly ageMs: Millis
}

/** What was learned of an order; its names are numbers already, so that it may be told to anybody. */
export type OrderNews =
  | {
      readonly type: 'placed'
      readonly account: string
      readonly pair: string
      readonly names: readonly number[]
      readonly agoMs: Millis
      /** Whether it was, nobody knows. */
      readonly supposed?: true
    }
  /** With other `names` than `name` it is no longer known by that one. */
  | {
      readonly type: 'amended'
      readonly account: string
      readonly name: number
      readonly names: readonly number[]
      readonly agoMs: Millis
    }
  /** `count` orders of that name, where it is known how many. */
  | { readonly type: 'gone'; readonly account: string; readonly name: number; readonly count?: number }
  | { readonly type: 'all_gone'; readonly account: string }
  /** Pairs turned out to be others, told as from and to. */
  | { readonly type: 'renamed'; readonly pairs: readonly (readonly [string, string])[] }

type Told<Type extends OrderNews['type']> = Extract<OrderNews, { type: Type }>

/** The age from which on an order costs nothing more: the last step of all tables. */
export const freeAfterMs = ({ exchanges }: Pick<Rules, 'exchanges'>): Millis => {
  const costs = exchanges.flatMap(({ classes }) => classes.flatMap((rule) => rule.costs))
  return Math.max(0, ...costs.flatMap(({ byAge }) => byAge.map(({ underMs }) => underMs)))
}

/** News that have been lying about. */
export const aged = (news: OrderNews, ms: Millis): OrderNews =>
  'agoMs' in news ? { ...news, agoMs: Math.max(0, Math.floor(news.agoMs + ms)) } : news

/** Orders by account and name. */
export class Orders {
  readonly #clock: Clock
  readonly #freeAfterMs: () => Millis
  readonly #tell: (news: OrderNews) => void
  /** Most names are one order's; a userref may be many orders', of which the old are dropped in passing. */
  readonly #names = new Names<Order | Set<Order>>()
  readonly #accounts = new Map<string, Account>()

  /**
   * @param freeAfterMs the age from which on an order costs nothing more, by the rules in force
   * @param tell hears of everything that is learned here
   */
  constructor(clock: Clock, freeAfterMs: () => Millis, tell: (news: OrderNews) => void = () => {}) {
    this.#clock = clock
    this.#freeAfterMs = freeAfterMs
    this.#tell = tell
  }

  /** An order was placed or amended `agoMs` ago; its age counts from there. */
  placed(account: string, pair: string, names: readonly string[], agoMs: Millis = 0): void {
    this.#learn({ type: 'placed', account, pair, names: numbersOf(account, names), agoMs })
  }

  /**
   * An order may have been placed. Who sends it again and again has one order of that pair and these names, for the exchange
   * takes no second one by a cl_ord_id; of those that share a userref alone a cancel tells how many there were.
   */
  supposed(account: string, pair: string, names: readonly string[]): void {
    this.#learn({ type: 'placed', account, pair, names: numbersOf(account, names), agoMs: 0, supposed: true })
  }

  /** How old the order of that pair and name is of which nobody knows whether it was placed. */
  supposedAgeMs(account: string, pair: string, name: string): Millis | undefined {
    const found = this.#named(numberOf(account, name)).find((order) => order.supposed && order.pair === pair)
    return found === undefined ? undefined : this.#aged(found).ageMs
  }

  /** The account trades that pair: an order that nobody knows may be of it. */
  traded(account: string, pair: string): Account {
    const own = this.#accounts.get(account) ?? { young: new Set(), old: 0, pairs: new Set() }
    own.pairs.add(pair)
    this.#accounts.set(account, own)
    return own
  }

  /** Its age started again `agoMs` ago. With new `names` it is known by those alone. Unknown orders stay unknown. */
  amended(account: string, name: string, names: readonly string[] = [name], agoMs: Millis = 0): void {
    const [number, numbers] = [numberOf(account, name), numbersOf(account, names)]
    this.#learn({ type: 'amended', account, name: number, names: numbers, agoMs })
  }

  /** It is no longer open; nor is any other of that name. @param count how many these were, where that is known */
  gone(account: string, name: string, count?: number): void {
    const news = { type: 'gone', account, name: numberOf(account, name) } as const
    this.#learn(count === undefined ? news : { ...news, count })
  }

  /** The exchange has no open order of that name. Only its own ids tell for sure which order was meant. */
  unknown(account: string, name: string): void {
    if (OWN_ID.test(name)) this.gone(account, name)
  }

  /** None of the account's orders is open any more. The old stay known as old, and so cost nothing, as if they were gone. */
  allGone(account: string): void {
    this.#learn({ type: 'all_gone', account })
  }

  /** Takes up again what was learned before a restart, in that order. */
  restore(news: OrderNews, elapsedMs: Millis): void {
    this.#take(aged(news, elapsedMs))
  }

  /** Takes up what was learned elsewhere. Two may have learned of one order, or one have told of it twice. */
  hear(news: OrderNews): void {
    const known =
      news.type === 'placed' && news.supposed !== true && news.names.every((name) => this.#named(name).length > 0)
    if (!known) this.#take(news)
  }

  /** The orders of that name that may be open, all that are young at least; none when nobody knows the name. */
  find(account: string, name: string): readonly OrderAge[] {
    return this.#named(numberOf(account, name)).map((order) => this.#aged(order))
  }

  /** Whether that id was an order's that ended, and can be no other's. */
  isGone(account: string, name: string): boolean {
    if (!OWN_ID.test(name)) return false
    const number = numberOf(account, name)
    return this.#names.get(number) !== undefined && this.#named(number).length === 0
  }

  /** Orders of the account that may be open and are young enough to cost something. */
  open(account: string): readonly OrderAge[] {
    const own = this.#accounts.get(account)
    if (own === undefined) return []
    own.old += this.#dropOld(own.young)
    const open: OrderAge[] = []
    for (const order of own.young) if (this.#isYoung(order)) open.push(this.#aged(order))
    return open
  }

  /**
   * How many more of its orders may be open, too old to cost anything. Of an order that was filled nobody tells: it counts
   * until all are cancelled, a list shows it as closed, or its bot is told that it is gone.
   */
  old(account: string): number {
    const own = this.#accounts.get(account)
    if (own === undefined) return 0
    own.old += this.#dropOld(own.young)
    let old = own.old
    for (const order of own.young) if (!order.supposed && !this.#isYoung(order)) old += 1
    return old
  }

  pairs(account: string): readonly string[] {
    return [...(this.#accounts.get(account)?.pairs ?? [])]
  }

  /** Pairs turned out to be others, told as from and to. */
  renamed(pairs: ReadonlyMap<string, string>): void {
    this.#learn({ type: 'renamed', pairs: [...pairs] })
  }

  #learn(news: OrderNews): void {
    this.#take(news)
    this.#tell(news)
  }

  #take(news: OrderNews): void {
    if (news.type === 'placed') this.#placed(news)
    else if (news.type === 'amended') this.#amended(news)
    else if (news.type === 'gone') this.#gone(news)
    else if (news.type === 'all_gone') this.#allGone(news.account)
    else this.#renamed(new Map(news.pairs))
  }

  #placed({ account, pair, names, agoMs, ...more }: Told<'placed'>): void {
    const supposed = more.supposed === true
    const bornAt = this.#clock.now() - agoMs
    const known = supposed ? this.#sole(pair, names) : undefined
    const order: Order = known ?? { pair, bornAt, supposed }
    for (const name of names) this.#name(name, order)
    const own = this.traded(account, pair)
    own.old += this.#dropOld(own.young)
    if (known !== undefined) renew(own, known, Math.max(known.bornAt, bornAt))
    else if (this.#isYoung(order)) own.young.add(order)
    else if (!supposed) own.old += 1
  }

  /** The order of that pair that goes by all these names. */
  #sole(pair: string, [name, ...others]: readonly number[]): Order | undefined {
    const named = name === undefined ? [] : this.#named(name)
    return named.find((order) => order.pair === pair && others.every((other) => this.#named(other).includes(order)))
  }

  #amended({ account, name, names, agoMs }: Told<'amended'>): void {
    const amended = this.#named(name)
    if (!names.includes(name)) this.#names.give(name, ENDED)
    for (const order of amended) {
      for (const given of names) this.#name(given, order)
      renew(this.traded(account, order.pair), order, this.#clock.now() - agoMs)
      order.supposed = false
    }
  }

  #gone({ account, name, count = 0 }: Told<'gone'>): void {
    const own = this.#accounts.get(account)
    const named = this.#named(name)
    for (const order of named) {
      order.bornAt = GONE
      if (own !== undefined) leave(own, order)
    }
    // The rest were old, or never seen here.
    if (own !== undefined) own.old = Math.max(0, own.old - Math.max(0, count - named.length))
    this.#names.give(name, ENDED)
  }

  #allGone(account: string): void {
    const own = this.#accounts.get(account)
    if (own === undefined) return
    for (const order of own.young) order.bornAt = GONE
    own.young.clear()
    own.old = 0
  }

  /**
   * Walks everything: it happens once, when the names of pairs are learned. Each order once, for the right name of one pair
   * may be what another went by until now.
   */
  #renamed(pairs: ReadonlyMap<string, string>): void {
    const right = (pair: string) => pairs.get(pair) ?? pair
    const orders = new Set<Order>()
    for (const named of this.#names.things()) for (const order of listed(named)) orders.add(order)
    for (const order of orders) order.pair = right(order.pair)
    for (const own of this.#accounts.values()) own.pairs = new Set([...own.pairs].map(right))
  }

  #named(name: number): readonly Order[] {
    const named = this.#names.get(name)
    return named === undefined ? [] : listed(named).filter(({ bornAt }) => bornAt > GONE)
  }

  /** The order goes by that name from now on, beside the young ones that do already. */
  #name(name: number, order: Order): void {
    const named = this.#names.get(name)
    const lone = named === undefined || named === order
    this.#names.give(name, lone ? order : this.#both(named, order))
  }

  #both(named: Order | Set<Order>, order: Order): Order | Set<Order> {
    const all = named instanceof Set ? named : new Set([named])
    this.#dropOld(all)
    return all.size === 0 ? order : all.add(order)
  }

  /**
   * Drops those in front that are gone or too old to cost anything: each once, so that nobody walks past them again.
   * @returns how many, without those that are supposed
   */
  #dropOld(orders: Set<Order>): number {
    let dropped = 0
    for (const order of orders) {
      if (this.#isYoung(order)) break
      orders.delete(order)
      if (!order.supposed) dropped += 1
    }
    return dropped
  }

  #isYoung({ bornAt }: Order): boolean {
    return this.#clock.now() - bornAt < this.#freeAfterMs()
  }

  #aged({ pair, bornAt }: Order): OrderAge {
    return { pair, ageMs: this.#clock.now() - bornAt }
  }
}

const numbersOf = (account: string, names: readonly string[]): readonly number[] =>
  names.map((name) => numberOf(account, name))
