// How long a call would wait in a line: for those before it, for its turn, and for its buckets; and whether one that waits
// keeps more urgent ones from going. Charges nothing.

import type { WeirError } from '../core/errors.ts'
import type { Shadow } from '../core/shadow.ts'
import type { Millis } from '../core/units.ts'
import type { LaneOrder } from './order.ts'
import type { BucketStore } from './store.ts'
import type { Ticket, Waiter } from './ticket.ts'

/** A line, up to a place in it. */
export interface Line {
  readonly order: LaneOrder
  readonly store: BucketStore
  /** Those who stand in line there. */
  readonly ahead: readonly Waiter[]
  readonly inFlight: number
  /** Mean time a call holds the lane, where only one may. */
  readonly serviceMs: Millis
  readonly now: Millis
}

/** Wait foretold to a ticket: all that stand before it go first. */
export const foretold = (ticket: Ticket, { order, store, ahead, inFlight, serviceMs, now }: Line): Millis => {
  const turnsMs = order.turnsMs(ahead.length, inFlight, serviceMs)
  const restMs = order.restMs(ticket, now)
  if (!ticket.held) return Math.min(turnsMs, restMs)
  const owed = new Map(ticket.takes.map((take) => [take.key, { ...take }]))
  for (const { takes } of ahead) {
    for (const { key, cost } of takes) {
      const take = owed.get(key)
      if (take !== undefined) take.cost += cost
    }
  }
  return Math.max(turnsMs, Number.isFinite(restMs) ? restMs : 0, store.quote([...owed.values()]).waitMs)
}

/** What would become of a call that is let go whatever stands against it. @param hopeless why it can not succeed */
export const shadowOf = (ticket: Ticket, hopeless: WeirError | undefined, line: Line): Shadow => {
  if (hopeless !== undefined) return { would: 'refuse', code: hopeless.code }
  const waitMs = foretold(ticket, line)
  if (waitMs > ticket.maxWaitMs) return { would: 'refuse', code: ticket.tooLate }
  return waitMs > 0 ? { would: 'wait', waitMs } : { would: 'send' }
}

/**
 * In nonce order nobody overtakes: an order would wait behind a read that waits for its own, other budget. A cancel, or an
 * order behind a read, that could go now has such a head refused, whose nonce would be worthless afterwards.
 */
export const isInTheWay = (head: Waiter, { order, store, ahead, now }: Line): boolean => {
  if (!order.blocks) return false
  return ahead.some((waiter) => {
    if (waiter === head) return false
    const urgent = !waiter.held || (waiter.trades === true && head.trades !== true)
    if (!urgent || order.restMs(waiter, now) > 0) return false
    return !waiter.held || store.quote(waiter.takes).waitMs === 0
  })
}

/** When the first of those who are not held stops to wait for the calls in flight; infinite when there is none. */
export const passingMs = (order: LaneOrder, waiting: readonly Waiter[], now: Millis): Millis =>
  Math.min(...waiting.filter(({ held }) => !held).map((waiter) => order.restMs(waiter, now)))
