// The way in: how long a call may wait and how urgent it is, and whether its lane lets it go.
//
// How long: a bot's own entry in limits.yaml decides; else the patience of its client, where that is known; else its class.
// What the call brings along can only make it shorter: `X-Weir-Max-Wait`, and the life of its signature.

import type { ClassifiedCall } from '../core/call.ts'
import type { Priority } from '../core/rules.ts'
import type { ServerClocks } from '../core/server-clock.ts'
import type { Millis } from '../core/units.ts'
import type { Bots } from './bots.ts'
import type { Lanes } from './lanes.ts'
import { turnPatienceMs } from './nonce-order.ts'
import type { Pricer } from './price.ts'
import type { BucketStore, Take, Turn } from './store.ts'
import { expired, type Pass, type Ticket } from './ticket.ts'
import { settleBoth } from './uncancelled.ts'

export interface AdmitDeps {
  readonly lanes: Lanes
  readonly pricer: Pricer
  readonly store: BucketStore
  readonly serverClocks: ServerClocks
  /** Hears who calls, where weirs may split their limits by that. */
  readonly bots?: Bots | undefined
}

/**
 * Waits for leave to go. In shadow it is given at once, and what would have become of the call goes on record.
 * @throws WeirError, BotLeft as `Lane.enter`
 */
export const admit = (deps: AdmitDeps, call: ClassifiedCall, takes: readonly Take[]): Promise<Pass> | Pass => {
  const { rule, identity, record } = call
  deps.bots?.seen(rule.exchange.name, call.bot)
  const ticket = ticketOf(deps, call, takes)
  if (rule.lane === 'fair' && !rule.hold && rule.enforce === 'on') {
    const dead = expired(ticket)
    if (dead !== undefined) throw dead
    return charge(deps.store, takes)
  }
  const key = rule.lane === 'nonce' ? nonceLane(call) : namesOf(takes)
  const lane = deps.lanes.lane(key, rule, identity.account)
  if (rule.enforce === 'on') return lane.enter(ticket, rule.maxQueue)
  const { pass, shadow } = lane.wave(ticket)
  record.shadow = shadow
  return pass
}

/** The lane of the call's key. */
export const nonceLane = ({ rule, identity }: ClassifiedCall): string => `${rule.exchange.name} ${identity.credential}`

const namesOf = (takes: readonly Take[]): string => {
  const [only, more] = takes
  return only !== undefined && more === undefined ? only.key : takes.map(({ key }) => key).join(' ')
}

/** Charged, never held back. */
export const charge = (store: BucketStore, takes: readonly Take[]): Pass => {
  const grant = store.charge(takes)
  return { waitedMs: 0, takes, close: (outcome, _, cameTo) => settleBoth(store, takes, outcome, grant, cameTo) }
}

const ticketOf = ({ serverClocks, pricer }: AdmitDeps, call: ClassifiedCall, takes: readonly Take[]): Ticket => {
  const { rule, facts, wishes, request, manners } = call
  const { expiresAtWallMs } = facts
  const signatureMs =
    expiresAtWallMs === undefined ? undefined : () => signatureLeftMs(serverClocks, request.host, expiresAtWallMs)
  const patient = patience(call, signatureMs?.() ?? Number.POSITIVE_INFINITY)
  return {
    takes,
    // The order that it touches grows older, and cheaper to touch.
    reprice: rule.hold && rule.pricedByAge ? () => pricer.price(call) : undefined,
    held: rule.hold,
    bot: call.bot,
    weight: manners?.weight,
    rank: RANKS[wishes.priority ?? manners?.priority ?? rule.priority],
    trades: rule.kind === 'order' || rule.kind === 'cancel',
    nonce: facts.nonce,
    turn: turnOf(call, patient.maxWaitMs),
    bytes: request.body?.length ?? 0,
    ...patient,
    signatureMs,
    presence: call.presence,
    host: request.host,
  }
}

/** Weirs that share a key let its calls go in one order, where that is asked for. */
const turnOf = ({ rule, identity, facts }: ClassifiedCall, maxWaitMs: Millis): Turn | undefined => {
  const { lane, exchange, hold } = rule
  if (lane !== 'nonce' || exchange.nonceOrder !== 'strict') return undefined
  const turn = {
    exchange: exchange.name,
    lane: identity.credential ?? 'anonymous',
    nonce: facts.nonce,
    window: exchange.nonceWindow,
  }
  return hold ? turn : { ...turn, patienceMs: turnPatienceMs(maxWaitMs) }
}

const RANKS: Record<Priority, number> = { critical: 0, high: 1, normal: 2, low: 3 }

type Patience = Pick<Ticket, 'maxWaitMs' | 'tooLate'> & { readonly because: string }

/** How long the call may wait, and whose word that is. */
const patience = (call: ClassifiedCall, signatureMs: Millis): Patience => {
  const own = ownPatience(call)
  const wishMs = call.wishes.maxWaitMs ?? Number.POSITIVE_INFINITY
  if (Math.min(wishMs, signatureMs) >= own.maxWaitMs) return own
  return wishMs <= signatureMs
    ? { maxWaitMs: wishMs, tooLate: 'deadline_too_short', because: 'that the bot asked for' }
    : { maxWaitMs: Math.max(0, signatureMs), tooLate: 'deadline_too_short', because: 'that its signature lives' }
}

const ownPatience = ({ rule, manners, patienceMs }: ClassifiedCall): Patience => {
  const tooLate = 'limit_reached'
  if (rule.onExhausted === 'reject') return { maxWaitMs: 0, tooLate, because: 'allowed' }
  if (manners?.maxWaitMs !== undefined) return { maxWaitMs: manners.maxWaitMs, tooLate, because: 'allowed to the bot' }
  if (patienceMs === undefined) return { maxWaitMs: rule.maxWaitMs, tooLate, because: 'allowed' }
  return { maxWaitMs: Math.min(patienceMs, rule.longestWaitMs), tooLate, because: 'that its client waits' }
}

/**
 * How long the signature is still good for, as the exchange's clock sees it; endless when the exchange has not told its time
 * yet: by our own clock alone a wrong one would refuse everything.
 */
const signatureLeftMs = (serverClocks: ServerClocks, host: string, expiresAtWallMs: Millis): Millis => {
  const latest = serverClocks.latest(host)
  return latest === undefined ? Number.POSITIVE_INFINITY : expiresAtWallMs - latest - FLIGHT_MS
}

/** Time that a call may need to reach the exchange. */
const FLIGHT_MS: Millis = 250
