// What a call costs, bucket by bucket. Everything that does not depend on the call was worked out when the rules were loaded.

import type { ClassifiedCall, Facts } from '../core/call.ts'
import {
  type BucketRule,
  type CostRule,
  type EndpointClass,
  isGate,
  type ParamCost,
  type Scope,
} from '../core/rules.ts'
import type { Millis, Tokens } from '../core/units.ts'
import type { BucketKey, Take } from './store.ts'

/** What is known of an order that went through weir. */
export interface OrderAge {
  readonly pair: string
  /** Since it was placed or last amended: what the exchange prices by. */
  readonly ageMs: Millis
}

/** Remembers orders, to price what touches them. */
export interface OrderAges {
  /** Every order of that name (a userref may name several); none when it is unknown. */
  find(account: string, orderId: string): readonly OrderAge[]
  /** Whether that id was an order's that ended: there is nothing to cancel. */
  isGone(account: string, orderId: string): boolean
  /** Every order of the account that may still be open. */
  open(account: string): readonly OrderAge[]
  /** How many more may be open, too old to cost anything. */
  old(account: string): number
  /** Pairs the account has traded. */
  pairs(account: string): readonly string[]
}

/** Stands for a pair that could not be read. */
const UNKNOWN_PAIR = '?'

/** The one name that several open orders may have, a 32-bit number: docs.kraken.com/api/docs/rest-api/add-order. */
const USERREF = /^-?\d{1,10}$/

/** Plans kept per class, and accounts that owe; beyond it they are made anew, since keys and pairs come from bots. */
const PLANS_KEPT = 4096

/** Orders that a cancel was priced by: how many, and how many of these weir knows to be too old to cost anything. */
interface Touched {
  readonly count: number
  readonly free: number
}

/** Prices calls, remembering the takes of those whose price depends on class, credential and pair alone. */
export class Pricer {
  readonly #orders: OrderAges
  readonly #plans = new WeakMap<EndpointClass, Map<string, readonly Take[]>>()
  /** Accounts that were charged for orders of an unknown pair, and the pairs that have taken that over. */
  readonly #owing = new Map<string, Set<string>>()
  /** By cancel, as it was priced last: an account may have thousands of orders, which are walked once. */
  readonly #cancels = new WeakMap<ClassifiedCall, Touched>()

  constructor(orders: OrderAges) {
    this.#orders = orders
  }

  /** What the call takes, all or none. */
  price(call: ClassifiedCall): readonly Take[] {
    const { rule, identity, facts } = call
    if (rule.needs.orders || rule.needs.params.length > 0) return rule.costs.flatMap((cost) => this.#byCall(cost, call))
    const plans = this.#plansOf(rule)
    const name = rule.needs.pair ? `${identity.credential} ${facts.pair}` : (identity.credential ?? '')
    const known = plans.get(name)
    if (known !== undefined) return known
    const takes = rule.costs.map((cost) => take(cost.bucket, call, facts.pair, cost.fixed))
    if (plans.size >= PLANS_KEPT) plans.clear()
    plans.set(name, takes)
    return takes
  }

  /**
   * Which buckets a refusal speaks for: the named one, at the scope of the call, whether or not the call took from it
   * (Kraken may tell of the key's counter on an order). What the call took from, when no name is given or no scope known.
   */
  meant(call: ClassifiedCall, takes: readonly Take[], name: string | undefined): readonly Take[] {
    const taken = takes.filter(({ rule }) => rule.name === name)
    if (name === undefined || taken.length > 0) return taken.length > 0 ? taken : takes
    const rule = call.rule.exchange.buckets.find((bucket) => bucket.name === name)
    const known = rule !== undefined && (call.identity.credential !== undefined || rule.scopes.includes('ip'))
    return known ? [take(rule, call, call.facts.pair, 0)] : takes
  }

  /** The gates of the caller's own, whether or not the call passes them. */
  gates(call: ClassifiedCall): readonly Take[] {
    if (call.identity.credential === undefined) return []
    const own = call.rule.exchange.buckets.filter((rule) => isGate(rule) && !rule.scopes.includes('ip'))
    return own.map((rule) => take(rule, call, call.facts.pair, 0))
  }

  /**
   * How many orders a cancel, once priced, may end as far as anybody here knows, to be asked before it goes; undefined where age
   * costs nothing. An unknown name counts as one order. Where a cancel says all, or a userref that weir has seen, the account's old
   * orders count too, for which of them go by that is not remembered.
   *
   * What was cancelled beyond this is what nobody has seen, and may be young. Old orders cost nothing and are counted first,
   * for else a bot that clears its book of them would pay 8 for each. So an order that was filled long ago, which nobody
   * tells weir, hides one that it has not seen, until a cancel of all or an answer about the order shows that it is gone.
   */
  foreseen(call: ClassifiedCall): number | undefined {
    const touched = this.#cancels.get(call)
    if (touched === undefined) return undefined
    const { count, free } = touched
    const { facts, identity } = call
    const account = identity.account ?? ''
    const isSeen = (id: string): boolean => USERREF.test(id) && this.#orders.find(account, id).length > 0
    const mayBeMore = facts.orderIds.length === 0 || facts.orderIds.some(isSeen)
    return count - free + (mayBeMore ? Math.max(free, this.#orders.old(account)) : free)
  }

  /** What so many orders cost that nobody has seen: each as the youngest, on every pair that it may be of. */
  unforeseen(call: ClassifiedCall, orders: number): readonly Take[] {
    if (orders <= 0) return []
    const pairs = this.#guess(call.identity.account ?? '', call.facts.pair)
    return call.rule.costs
      .filter(({ byAge }) => byAge.length > 0)
      .flatMap((cost) => pairs.map((pair) => take(cost.bucket, call, pair, orders * penaltyAt(cost, 0))))
  }

  /**
   * Where orders of an unknown pair were charged while the account traded none: that bucket, and the one of the pair that it
   * trades now, whose orders they may have been. Told once for each pair.
   */
  takenOver(call: ClassifiedCall): readonly { readonly from: Take; readonly into: Take }[] {
    const { facts, identity, rule } = call
    const { pair } = facts
    const known = this.#owing.size === 0 ? undefined : this.#owing.get(identity.account ?? '')
    if (known === undefined || pair === undefined || known.has(pair)) return []
    const buckets = rule.costs.map(({ bucket }) => bucket).filter(({ scopes }) => scopes.includes('pair'))
    if (buckets.length > 0) known.add(pair)
    return buckets.map((bucket) => ({ from: take(bucket, call, UNKNOWN_PAIR, 0), into: take(bucket, call, pair, 0) }))
  }

  #plansOf(rule: EndpointClass): Map<string, readonly Take[]> {
    let plans = this.#plans.get(rule)
    if (plans === undefined) {
      plans = new Map()
      this.#plans.set(rule, plans)
    }
    return plans
  }

  /** What the call itself says, and the price of the orders it touches, per pair. One nobody knows is priced as the youngest. */
  #byCall(cost: CostRule, call: ClassifiedCall): readonly Take[] {
    const { facts, identity } = call
    const said = saidCost(cost, facts)
    const passes = said > 0 || isGate(cost.bucket)
    if (cost.byAge.length === 0) return passes ? [take(cost.bucket, call, facts.pair, said)] : []
    const account = identity.account ?? ''
    const owed = new Map<string, Tokens[]>()
    const touched = this.#touched(call, account)
    let free = 0
    for (const order of touched) {
      const penalty = penaltyAt(cost, order?.ageMs ?? 0)
      if (order !== undefined && penalty === 0) free += 1
      const pairs = order === undefined ? this.#guess(account, facts.pair) : [order.pair]
      for (const pair of pairs) {
        const each = owed.get(pair)
        if (each === undefined) owed.set(pair, [penalty])
        else each.push(penalty)
      }
    }
    if (call.rule.kind === 'cancel') this.#cancels.set(call, { count: touched.length, free })
    const [first] = owed.keys()
    const home = facts.pair ?? first ?? UNKNOWN_PAIR
    if (said > 0 && !owed.has(home)) owed.set(home, [])
    return [...owed].flatMap(([pair, perOrder]) => {
      const sum = perOrder.reduce((total, penalty) => total + penalty, pair === home ? said : 0)
      if (sum === 0) return []
      const whole = take(cost.bucket, call, pair, sum)
      return call.rule.kind === 'cancel' ? { ...whole, perOrder } : whole
    })
  }

  /** Orders that the call names, undefined for each that nobody knows; all that are open when a cancel names none. */
  #touched({ rule, facts }: ClassifiedCall, account: string): readonly (OrderAge | undefined)[] {
    if (facts.orderIds.length === 0) return rule.kind === 'cancel' ? this.#orders.open(account) : [undefined]
    return facts.orderIds.flatMap((id): readonly (OrderAge | undefined)[] => {
      const known = this.#orders.find(account, id)
      // Other calls pay a fixed part also for an order that is gone, on its pair, which is as unknown as a stranger's.
      if (rule.kind === 'cancel' && this.#orders.isGone(account, id)) return known
      return known.length > 0 ? known : [undefined]
    })
  }

  /** An unknown order may be of any pair the account trades: each is charged, for undercounting is the dangerous side. */
  #guess(account: string, pair: string | undefined): readonly string[] {
    if (pair !== undefined) return [pair]
    const traded = this.#orders.pairs(account)
    if (traded.length > 0) return traded
    if (this.#owing.size >= PLANS_KEPT) this.#owing.clear()
    this.#owing.set(account, new Set())
    return [UNKNOWN_PAIR]
  }
}

/** The part of a price that stands in the call. */
export const saidCost = ({ fixed, each, byParam }: CostRule, { params }: Facts): Tokens => {
  let sum = fixed
  for (const { name, cost } of each) sum += cost * (params.get(name)?.entries ?? 1)
  for (const param of byParam) sum += costAt(param, params.get(param.name)?.value)
  return sum
}

const costAt = ({ absent, steps, present }: ParamCost, value: string | undefined): Tokens => {
  if (value === undefined) return absent
  const number = value.trim() === '' ? Number.NaN : Number(value)
  return steps.find(({ upTo }) => number <= upTo)?.cost ?? present
}

const penaltyAt = (cost: CostRule, ageMs: Millis): Tokens =>
  cost.byAge.find(({ underMs }) => ageMs < underMs)?.cost ?? 0

const take = (bucket: BucketRule, call: ClassifiedCall, pair: string | undefined, cost: Tokens): Take => {
  const key = bucketKey(bucket, call, pair)
  const keep = call.rule.keeps?.get(bucket)
  return keep === undefined ? { key, rule: bucket, cost } : { key, rule: bucket, cost, keep }
}

const bucketKey = (bucket: BucketRule, { identity }: ClassifiedCall, pair: string | undefined): BucketKey => {
  const scope: Record<Scope, string> = {
    ip: '',
    key: `:${identity.credential ?? 'anonymous'}`,
    account: `:${identity.account ?? 'anonymous'}`,
    pair: `:${pair ?? UNKNOWN_PAIR}`,
  }
  return `{${bucket.exchange}}${bucket.name}${bucket.scopes.map((name) => scope[name]).join('')}`
}
