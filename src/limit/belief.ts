// The way back: what weir makes of the exchange's word. A refusal closes the buckets it speaks of and no others, leaves an
// autopsy, and where nothing explains it makes the bucket use less of its rate for a time. Fields that tell what is left lower
// weir's own count. Nothing that an exchange says ever raises one.

import type { Autopsy, Cause, Evidence } from '../core/autopsy.ts'
import type { ClassifiedCall, ToldBudget, Verdict } from '../core/call.ts'
import type { Clock } from '../core/clock.ts'
import type { Observer } from '../core/events.ts'
import { type BucketRule, isGate } from '../core/rules.ts'
import type { Millis, Tokens } from '../core/units.ts'
import { capacityOf, refillOf } from './capacity.ts'
import type { Pricer } from './price.ts'
import { type BucketKey, type BucketLevel, type BucketStore, spend, type Take } from './store.ts'
import { type Strike, Strikes } from './strikes.ts'

export interface BeliefDeps {
  readonly clock: Clock
  readonly store: BucketStore
  readonly pricer: Pricer
  readonly diagnose: (evidence: Evidence) => Cause
  /** How full a bucket is taken to be that nobody has seen before. */
  readonly coldStart: () => number
  readonly tell: Observer
}

/** The moment a call was let go. */
export interface Departure {
  readonly at: Millis
  /** Of its one bucket, where the answer will tell of it. */
  readonly level: BucketLevel | undefined
}

/** Causes that leave the documented rate in doubt. */
const DOUBTS: ReadonlySet<Cause> = new Set<Cause>(['steps', 'lower_tier', 'unexplained'])
/** Buckets whose told limit is remembered; their keys come from bots. */
const KEPT = 4096
/** Exchanges tell whole numbers; less than one is rounding. */
const TOLD_GRAIN: Tokens = 1

/** Corrects the buckets by what the exchange says. */
export class Belief {
  readonly #deps: BeliefDeps
  readonly #strikes: Strikes
  readonly #startedAt: Millis
  /** Limits as told, by bucket, so that each is told once. */
  readonly #told = new Map<BucketKey, Tokens>()

  constructor(deps: BeliefDeps) {
    this.#deps = deps
    this.#strikes = new Strikes(deps.clock)
    this.#startedAt = deps.clock.now()
  }

  /** To be asked when a call has taken its budget and is about to be sent. */
  departure({ rule }: ClassifiedCall, takes: readonly Take[]): Departure {
    const told = rule.exchange.headers === undefined || takes.length > 1 ? undefined : takes[0]
    return { at: this.#deps.clock.now(), level: told && this.#deps.store.level(told) }
  }

  /** Takes the answer to heart, while the call's charge is still held as in flight. */
  hear(call: ClassifiedCall, takes: readonly Take[], departure: Departure): void {
    const { verdict, told } = call.record
    if (verdict?.kind === 'throttled' || verdict?.kind === 'banned') this.#refused(call, takes, verdict, departure)
    else if (verdict?.kind === 'ok') this.#strikes.passed(takes, departure.at)
    const [take] = takes
    if (told !== undefined && take !== undefined && departure.level !== undefined) {
      this.#adopt(call, take, told.limit)
      this.#rebase(call, take, told, departure.level)
    }
  }

  #refused(call: ClassifiedCall, takes: readonly Take[], verdict: Verdict, departure: Departure): void {
    const { store, pricer, diagnose, tell } = this.#deps
    // Asked to stay away for a time, a key does: orders, too, which take nothing from the counter that the answer names. They
    // wait at the gate of their account. Cancels pass it, for they take risk away: Kraken's words for this ("too many
    // concurrent requests", docs.kraken.com/api/docs/guides/spot-rest-ratelimits) threaten nobody who comes back early.
    if (verdict.kind === 'throttled' && verdict.gate && !verdict.hostWide && verdict.pauseMs !== undefined)
      for (const gate of pricer.gates(call)) store.close(gate, verdict.pauseMs)
    for (const take of spokenOf(takes, pricer.meant(call, takes, verdict.drains), verdict)) {
      const evidence = this.#evidence(call, take, verdict, departure)
      const cause = diagnose(evidence)
      const pauseMs = verdict.pauseMs ?? evidence.pauseMs
      if (verdict.gate) store.close(take, pauseMs)
      else store.drain(take, pauseMs)
      if (DOUBTS.has(cause) && take.rule.adaptive) store.shrink(take)
      const { exchange, id: bucket } = take.rule
      tell({
        type: 'limit.violated',
        exchange,
        bucket,
        call,
        verdict,
        autopsy: this.#autopsy(call, take, evidence, cause, departure),
      })
    }
  }

  #evidence(call: ClassifiedCall, take: Take, verdict: Verdict, { at }: Departure): Evidence & { pauseMs: Millis } {
    const { clock, store, coldStart } = this.#deps
    const { rule, available, room, inFlight, share, charged, deepest, knownForMs } = store.level(take)
    const strike = verdict.gate ? gated(rule) : this.#strikes.strike(take, at, charged)
    const { resent, breaker, waitedMs, upstreamMs } = call.record
    return {
      ...strike,
      kind: rule.kind,
      capacity: capacityOf(rule),
      refill: refillOf(rule),
      margin: rule.kind === 'bucket' ? rule.margin : 0,
      lowerTiers: rule.kind === 'bucket' ? rule.lowerTiers : [],
      cost: take.cost,
      believed: available,
      room,
      deepest,
      inFlight: Math.max(0, inFlight - take.cost),
      share,
      waitedMs,
      roundTripMs: upstreamMs ?? 0,
      sinceStartMs: clock.now() - this.#startedAt,
      knownForMs,
      coldStart: coldStart(),
      gate: verdict.gate === true || isGate(rule),
      troubled: resent || breaker !== 'closed',
    }
  }

  #autopsy(call: ClassifiedCall, take: Take, evidence: Evidence, cause: Cause, { at }: Departure): Autopsy {
    const { clock } = this.#deps
    const sharers = call.rule.exchange.classes.filter(({ costs }) =>
      costs.some(({ bucket }) => bucket.id === take.rule.id),
    )
    return {
      ...evidence,
      cause,
      grantedAtWallMs: clock.wall() - (clock.now() - at),
      scopes: take.rule.scopes,
      sharers: sharers.map(({ id }) => id),
    }
  }

  /** A limit that differs is told once; a smaller one holds from now on. */
  #adopt(call: ClassifiedCall, take: Take, limit: Tokens | undefined): void {
    if (limit === undefined || limit < TOLD_GRAIN) return
    const { store, tell } = this.#deps
    const [configured, inForce] = [capacityOf(take.rule), capacityOf(store.level(take).rule)]
    if (Math.min(limit, configured) !== inForce) store.adopt(take, limit)
    if (limit === (this.#told.get(take.key) ?? configured)) return
    if (this.#told.size >= KEPT) this.#told.clear()
    this.#told.set(take.key, limit)
    tell({ type: 'limit.differs', exchange: take.rule.exchange, bucket: take.rule.id, call, configured, told: limit })
  }

  /**
   * What was left when the exchange had counted the call can be less than what weir knew to be left only if somebody else spent
   * it. Of weir's own calls all that were sent since are allowed for, whether the exchange knew them by then or not.
   */
  #rebase(call: ClassifiedCall, take: Take, { remaining }: ToldBudget, left: BucketLevel): void {
    if (remaining === undefined) return
    const { store, tell } = this.#deps
    const { available, charged, knownForMs, rule } = store.level(take)
    const missing = left.room - (charged - left.charged) - remaining
    if (missing < TOLD_GRAIN) return
    const spent = Math.min(missing, available - remaining)
    if (spent > 0) spend(store, { ...take, cost: spent })
    if (knownForMs < capacityOf(rule) / refillOf(rule)) return
    tell({ type: 'limit.outspent', exchange: take.rule.exchange, bucket: take.rule.id, call, tokens: missing })
  }
}

/** A time that the exchange names is no word about the counter. */
const gated = ({ recoveryMs }: BucketRule): Strike => ({ pauseMs: recoveryMs, fresh: true, previous: undefined })

/** Said to the address, it also means the call's own buckets of the address. */
const spokenOf = (takes: readonly Take[], meant: readonly Take[], { hostWide }: Verdict): readonly Take[] => {
  const others = takes.filter((take) => hostWide && take.rule.scopes.includes('ip') && !meant.includes(take))
  return others.length === 0 ? meant : [...meant, ...others]
}
