// weir's own prices, for calls whose answers nobody sees: what can be known of orders is learned from the calls as they are
// asked, and what a log has seen a call cost is what it costs.

import type { Rules } from '../core/rules.ts'
import type { Millis } from '../core/units.ts'
import { Pricer } from '../limit/price.ts'
import type { Take } from '../limit/store.ts'
import { freeAfterMs, Orders } from '../orders/ages.ts'
import type { PlannedCall } from './calls.ts'
import { VirtualClock } from './virtual-clock.ts'

/** A call, and what it takes. */
export interface Priced {
  readonly call: PlannedCall
  readonly takes: readonly Take[]
  /** Whether the price hangs on the age of an order that the trace does not tell. */
  readonly guessed: boolean
  /** Calls of one line go one after the other: those of one nonce lane, and those that take from the same buckets. */
  readonly line: string
}

/** Prices all calls by these rules, which may be others than those they were read by: classes are found by their id. */
export const priceAll = (calls: readonly PlannedCall[], rules: Rules): readonly Priced[] => {
  const pricer = new TracePricer(rules)
  const classes = new Map(rules.exchanges.flatMap((exchange) => exchange.classes.map((rule) => [rule.id, rule])))
  return calls.map((asked) => {
    const rule = classes.get(asked.rule.id) ?? asked.rule
    const call = rule === asked.rule ? asked : { ...asked, rule }
    const guessed = pricer.guesses(call)
    const takes = pricer.price(call)
    return { call, takes, guessed, line: lineOf(call, takes) }
  })
}

const lineOf = ({ identity, rule: { lane, hold, exchange } }: PlannedCall, takes: readonly Take[]): string => {
  if (lane === 'nonce') return `${exchange.name} ${identity.credential}`
  return hold ? takes.map(({ key }) => key).join(' ') : 'nobody waits here'
}

/** Prices the calls of a trace, to be asked in their order. Orders are as old as they were in the trace. */
export class TracePricer extends Pricer {
  readonly #clock: VirtualClock
  readonly #orders: Orders
  #startMs: Millis | undefined

  constructor(rules: Rules) {
    const clock = new VirtualClock()
    const free = freeAfterMs(rules)
    const orders = new Orders(clock, () => free)
    super(orders)
    this.#clock = clock
    this.#orders = orders
  }

  override price(call: PlannedCall): readonly Take[] {
    this.#startMs ??= call.atMs
    this.#clock.moveTo((call.atMs ?? 0) - (this.#startMs ?? 0))
    this.#expect(call)
    const takes = super.price(call)
    this.#learn(call)
    const [only] = takes
    // A sum over several buckets can not be taken apart.
    return call.paid === undefined || only === undefined || takes.length > 1 ? takes : [{ ...only, cost: call.paid }]
  }

  /** Whether the price hangs on the age of an order that the trace does not tell. */
  guesses({ rule, facts, identity, paid }: PlannedCall): boolean {
    if (paid !== undefined || !isAged(rule.costs)) return false
    const account = identity.account ?? ''
    const known = (id: string) => this.#orders.find(account, id).length > 0 || this.#orders.isGone(account, id)
    return facts.orderIds.length === 0 || !facts.orderIds.every(known)
  }

  /** An account trades what it orders: an order that nobody knows may be of that pair. */
  #expect({ rule, facts, identity: { account } }: PlannedCall): void {
    if (rule.kind === 'order' && account !== undefined && facts.pair !== undefined)
      this.#orders.traded(account, facts.pair)
  }

  /** Orders that bots name themselves (userref, cl_ord_id) are known from the moment they are asked for. */
  #learn({ rule, facts, identity: { account } }: PlannedCall): void {
    if (account === undefined) return
    const { orderIds, pair } = facts
    if (rule.kind === 'cancel') for (const id of orderIds) this.#orders.gone(account, id)
    else if (rule.kind === 'order' && isAged(rule.costs)) for (const id of orderIds) this.#orders.amended(account, id)
    else if (rule.kind === 'order' && pair !== undefined && orderIds.length > 0) {
      this.#orders.placed(account, pair, orderIds)
    }
  }
}

const isAged = (costs: PlannedCall['rule']['costs']): boolean => costs.some(({ byAge }) => byAge.length > 0)
