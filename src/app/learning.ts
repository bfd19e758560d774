// What weir learns from the answers that pass: the names of pairs, and the pairs and ages of orders. A name that only the
// exchange's own table of pairs can make out has weir ask for that table, in its own time; no bot waits for the answer.

import { givenNames } from '../classify/given-names.ts'
import { type PairsOf, pairsOfEach } from '../classify/pair.ts'
import type { Cancelled, ClassifiedCall } from '../core/call.ts'
import type { Clock } from '../core/clock.ts'
import type { Rules } from '../core/rules.ts'
import type { Handler } from '../core/stack.ts'
import type { Millis } from '../core/units.ts'
import { moveSpent } from '../limit/renamed.ts'
import type { BucketStore } from '../limit/store.ts'
import { freeAfterMs, type OrderNews, Orders } from '../orders/ages.ts'
import { learnFrom, suppose } from '../orders/learn.ts'
import { ask, question } from './question.ts'

/** An exchange is asked for its table this often at most. */
const ASK_EVERY_MS: Millis = 3_600_000
/** When a breaker or a limit kept the question here, nothing was asked. */
const ASK_AGAIN_MS: Millis = 60_000

export interface LearningParts {
  readonly rules: () => Rules
  readonly clock: Clock
  readonly store: BucketStore
  /** The road of weir's own questions. */
  readonly send: () => Handler<ClassifiedCall>
  /** Hears what is learned of orders. */
  readonly tell?: (news: OrderNews) => void
}

export interface Learning {
  readonly orders: Orders
  readonly pairsOf: PairsOf
  /**
   * Hears of an answer; `read` parses it, which is done only where there is something to learn.
   * @returns how many orders the call cancelled, where the answer says so
   */
  readonly hear: (call: ClassifiedCall, read: () => unknown) => Cancelled | undefined
  /** Hears of a call that was sent, and of which no answer tells what became of it. */
  readonly miss: (call: ClassifiedCall) => void
}

/** A memory that has learned nothing yet. */
export const startLearning = (parts: LearningParts): Learning => {
  const { rules, clock } = parts
  const lastStep = ofRules(freeAfterMs)
  const orders = new Orders(clock, () => lastStep(rules()), parts.tell)
  const resting = new Set<string>()
  const wonder = (exchange: string): void => {
    if (resting.has(exchange)) return
    resting.add(exchange)
    const rest = (ms: Millis) =>
      clock.after(ms, () => {
        resting.delete(exchange)
        if (pairsOf(exchange).puzzled) wonder(exchange)
      })
    clock.after(0, () => void askForPairs(parts, exchange).then((asked) => rest(asked ? ASK_EVERY_MS : ASK_AGAIN_MS)))
  }
  const pairsOf = pairsOfEach(wonder)
  const hear: Learning['hear'] = (call, read) => {
    const { exchange } = call.rule
    const normalPair = (name: string | undefined) => pairsOf(exchange.name).normal(name)
    if (call.rule.learns) return learnFrom(orders, call, read(), clock.wall(), { normalPair, givenNames })
    if (call.request.path === exchange.pairs?.target) hearOfPairs(parts, orders, pairsOf, call, read)
    return undefined
  }
  const miss: Learning['miss'] = (call) => {
    if (call.rule.learns) suppose(orders, call, givenNames)
  }
  return { orders, pairsOf, hear, miss }
}

/** Whether the question was sent. When it fails, the rules of thumb go on. */
const askForPairs = async ({ rules, clock, send }: LearningParts, exchange: string): Promise<boolean> => {
  const asked = rules().exchanges.find(({ name }) => name === exchange)?.pairs
  const host = rules().hosts.get(asked?.host ?? '')
  if (asked === undefined || host === undefined) return false
  const call = question(host, asked.target, clock, 'low')
  await ask(send(), call).catch(() => {})
  return call.record.sent !== 'no'
}

/** The table decides from now on, also about what was learned and spent before it was here. */
const hearOfPairs = (
  { store, clock }: LearningParts,
  orders: Orders,
  pairsOf: PairsOf,
  { rule: { exchange }, request }: ClassifiedCall,
  read: () => unknown,
): void => {
  const pairs = pairsOf(exchange.name)
  if (!pairs.wanting) return
  const wrong = pairs.learn((read() as { result?: unknown } | undefined)?.result, request.query === '')
  if (wrong.size === 0) return
  orders.renamed(wrong)
  moveSpent(store, clock, exchange.name, wrong)
}

/** Works something out once for each set of rules. */
const ofRules = <Result>(find: (rules: Rules) => Result): ((rules: Rules) => Result) => {
  let known: { readonly rules: Rules; readonly result: Result } | undefined
  return (rules) => {
    if (known?.rules !== rules) known = { rules, result: find(rules) }
    return known.result
  }
}
