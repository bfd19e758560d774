// One breaker per host. Lets calls through under permits, learns from how they end, and tells every change: to observers,
// to the journal, to those who hold waiting calls.

import type { ClassifiedCall, Verdict } from '../core/call.ts'
import type { Chance, Clock } from '../core/clock.ts'
import { WeirError } from '../core/errors.ts'
import type { Observer } from '../core/events.ts'
import type { BreakerRule } from '../core/host-rules.ts'
import type { Millis } from '../core/units.ts'
import type { BreakerChange, BreakerView } from '../core/views.ts'
import { elapse, type Fact, type Pass, step, type Terms } from './breaker.ts'
import { GAVE_UP } from './faults.ts'
import { type Health, newHealth, openFor } from './health.ts'
import { type BreakerFleet, type BreakerNews, newsOf } from './news.ts'
import { type BreakerSnapshot, freeze, thaw } from './snapshot.ts'
import { viewOf } from './view.ts'

/** Keeps snapshots across restarts. Called on every transition and violation, never on a call that went well. */
export interface BreakerJournal {
  write(host: string, snapshot: BreakerSnapshot): void
}

/** What the breakers need from outside. */
export interface BreakerPorts {
  readonly clock: Clock
  readonly chance: Chance
  readonly observer: Observer
  /** The hosts of the rules in force; asked anew each time, so that a reload changes numbers and keeps states. */
  readonly hosts: () => ReadonlyMap<string, { readonly breaker: BreakerRule }>
  readonly journal?: BreakerJournal
  /** A breaker opened: calls that still wait for their turn should be refused. Undefined time: until closed by hand. */
  readonly onOpen?: (host: string, openForMs: Millis | undefined) => void
  /** Only orders ask a half-open host: send a harmless read through the breaker. Never asked twice at a time per host. */
  readonly wantProbe?: (host: string) => Promise<unknown>
  readonly fleet?: BreakerFleet | undefined
}

/** Leave to call a host. Ends once, by `report` or `release`; what comes after that is ignored. */
export interface Permit {
  /** The exchange answered, or failed to (`unheard`). `tookMs`: until the head of its answer. */
  report(verdict: Verdict, tookMs: Millis, unheard?: 'unheard'): void
  /** Nobody's fault: refused by weir itself, or never sent. */
  release(): void
  /**
   * The bot hung up before the exchange answered. Its patience is its own affair, unless it was long: bots mostly give up
   * before weir does, and a host that hangs would else never be noticed.
   */
  abandon(tookMs: Millis): void
}

interface Entry {
  readonly host: string
  rule: BreakerRule
  health: Health
  history: BreakerChange[]
  /** A probe has been asked for and may be under way until this. */
  probingUntil: Millis
  /** Of several weirs this one may probe, until this. */
  claimedUntil: Millis
  /** A claim that is under way: all calls that come meanwhile wait for its answer. */
  claiming: Promise<void> | undefined
}

/** As many changes as are remembered per host. */
const HISTORY = 100

/** Told to calls that find all half-open permits taken: the probes will have answered by then, most likely. */
const HALF_OPEN_RETRY_MS: Millis = 1_000

/** All breakers of one weir. */
export class Breakers {
  readonly #ports: BreakerPorts
  readonly #entries = new Map<string, Entry>()
  #probes = 0

  constructor(ports: BreakerPorts) {
    this.#ports = ports
  }

  /**
   * Lets `call` through, or says when to come back; writes `record.breaker`.
   * @throws WeirError `circuit_open`; `host_not_allowed` when the rules do not know the host
   */
  admit(call: ClassifiedCall): Permit {
    const entry = this.#entry(call.request.host)
    if (entry === undefined) throw new WeirError('host_not_allowed')
    this.#elapse(entry)
    const { health, rule } = entry
    call.record.breaker = health.kind
    if (health.kind === 'closed') return this.#permit(entry, call, { epoch: health.epoch, probe: undefined })
    if (health.kind === 'open') throw refusal(entry, openFor(health, this.#ports.clock.now()))
    const free = health.probes.length < rule.probes && this.#mayProbe(entry)
    // Never an order: a host that is half well may take it and lose the answer.
    if (call.rule.kind !== 'read' && free) this.#askForProbe(entry)
    if (call.rule.kind !== 'read' || !free) throw refusal(entry, HALF_OPEN_RETRY_MS)
    this.#probes += 1
    this.#apply(entry, { type: 'probe.began', probe: this.#probes })
    return this.#permit(entry, call, { epoch: health.epoch, probe: this.#probes })
  }

  /** Of several weirs one probes a host. Resolves once it is known whether this one may; undefined when it is. */
  claim({ request: { host }, rule: { kind } }: ClassifiedCall): Promise<void> | undefined {
    const { fleet, clock } = this.#ports
    const entry = fleet && this.#entries.get(host)
    if (entry === undefined || kind !== 'read') return undefined
    this.#elapse(entry)
    if (entry.health.kind !== 'half_open' || this.#mayProbe(entry)) return undefined
    if (entry.claiming !== undefined) return entry.claiming
    const { probeTimeoutMs } = entry.rule
    // A probe that is begun in the first half of the time is over when another weir may claim it.
    const until = clock.now() + probeTimeoutMs / 2
    entry.claiming = fleet?.claim(host, probeTimeoutMs).then((mine) => {
      entry.claiming = undefined
      if (mine) entry.claimedUntil = until
    })
    return entry.claiming
  }

  /** Another weir has told of its breaker. */
  hear(host: string, news: BreakerNews): void {
    const entry = this.#entry(host)
    if (entry === undefined) return
    this.#elapse(entry)
    this.#apply(entry, { type: 'heard', news })
  }

  /** Opens by hand: holds until closed or reset by hand. False when the rules do not know the host. */
  open(host: string): boolean {
    return this.#order(host, 'open')
  }

  /** Closes by hand; violations and the length of the next open time are kept. */
  close(host: string): boolean {
    return this.#order(host, 'close')
  }

  /** Closes by hand and forgets everything but the history. */
  reset(host: string): boolean {
    return this.#order(host, 'reset')
  }

  /** State of every host of the rules. */
  view(): readonly BreakerView[] {
    return [...this.#ports.hosts().keys()].flatMap((host) => {
      const entry = this.#entry(host)
      if (entry === undefined) return []
      this.#elapse(entry)
      return [viewOf(entry, this.#ports.clock.now())]
    })
  }

  /** What a restart must not forget; undefined for a host without a past. */
  snapshot(host: string): BreakerSnapshot | undefined {
    const entry = this.#entries.get(host)
    return entry && freeze(entry.health, entry.history, this.#moment())
  }

  /** Takes up what `snapshot` said before a restart. */
  restore(host: string, snapshot: BreakerSnapshot): void {
    const entry = this.#entry(host)
    if (entry === undefined) return
    entry.history = snapshot.history.slice(-HISTORY)
    entry.health = thaw(snapshot, this.#moment())
  }

  #permit(entry: Entry, call: ClassifiedCall, pass: Pass): Permit {
    let ended = false
    const end = (fact: Fact): void => {
      if (ended) return
      ended = true
      this.#elapse(entry)
      this.#apply(entry, fact)
    }
    return {
      report: (verdict, tookMs, unheard) => {
        end({ type: 'answered', pass, verdict, shape: shapeOf(call), tookMs, unheard: unheard !== undefined })
      },
      release: () => end({ type: 'released', pass }),
      abandon: (tookMs) => {
        const fact = { pass, verdict: GAVE_UP, shape: shapeOf(call), tookMs, unheard: true }
        const patient = tookMs >= entry.rule.slowCallMs * PATIENCE
        end(patient ? { type: 'answered', ...fact } : { type: 'released', pass })
      },
    }
  }

  #order(host: string, order: 'open' | 'close' | 'reset'): boolean {
    const entry = this.#entry(host)
    if (entry === undefined) return false
    this.#elapse(entry)
    this.#apply(entry, { type: 'ordered', order })
    return true
  }

  /** Time alone may bring several changes; each is told. */
  #elapse(entry: Entry): void {
    if (entry.health.kind === 'closed') return
    for (;;) {
      const next = elapse(entry.health, this.#terms(entry))
      if (next === entry.health) return
      this.#become(entry, next)
    }
  }

  #apply(entry: Entry, fact: Fact): void {
    const before = entry.health
    this.#become(entry, step(before, fact, this.#terms(entry)))
    const news = fact.type === 'heard' ? undefined : newsOf(before, entry.health, this.#ports.clock.now())
    if (news !== undefined) this.#ports.fleet?.tell(entry.host, news)
  }

  #mayProbe({ health, claimedUntil }: Entry): boolean {
    const { fleet, clock } = this.#ports
    return fleet === undefined || health.kind !== 'half_open' || !health.shared || clock.now() < claimedUntil
  }

  #become(entry: Entry, next: Health): void {
    const before = entry.health
    entry.health = next
    if (next.epoch === before.epoch) {
      if (next.violations !== before.violations) this.#write(entry)
      return
    }
    if (before.kind === 'half_open' && entry.claimedUntil > 0) {
      entry.claimedUntil = 0
      this.#ports.fleet?.yield(entry.host)
    }
    const { host } = entry
    const { now, wall } = this.#moment()
    const { reason, kind: to } = next
    const atWallMs = Math.round(wall + next.since - now)
    entry.history.push({ atWallMs, from: before.kind, to, reason })
    if (entry.history.length > HISTORY) entry.history.shift()
    this.#write(entry)
    const openForMs = next.kind === 'open' ? openFor(next, now) : undefined
    this.#ports.observer({ type: 'breaker.changed', host, from: before.kind, to, reason, openForMs })
    if (next.kind === 'open') this.#ports.onOpen?.(host, openForMs)
  }

  /** A journal that can not be written costs memory of this change after a restart, and no call. */
  #write(entry: Entry): void {
    try {
      this.#ports.journal?.write(entry.host, freeze(entry.health, entry.history, this.#moment()))
    } catch (error) {
      this.#ports.observer({ type: 'observer.failed', error })
    }
  }

  /** Probes follow each other for as long as they bring the breaker nearer to closing. */
  #askForProbe(entry: Entry): void {
    const { wantProbe, clock } = this.#ports
    if (wantProbe === undefined || clock.now() < entry.probingUntil) return
    entry.probingUntil = clock.now() + entry.rule.probeTimeoutMs
    const before = entry.health
    // How a probe ends is seen by its permit; here only that it ended.
    const ended = (): void => {
      entry.probingUntil = 0
      const { health } = entry
      if (before.kind !== 'half_open' || health.kind !== 'half_open' || health.epoch !== before.epoch) return
      if (health.successes > before.successes) this.#askForProbe(entry)
    }
    Promise.resolve(entry.host).then(wantProbe).then(ended, ended)
  }

  #entry(host: string): Entry | undefined {
    const rule = this.#ports.hosts().get(host)?.breaker
    const known = this.#entries.get(host)
    if (known !== undefined) {
      if (rule !== undefined) known.rule = rule
      return known
    }
    if (rule === undefined) return undefined
    const health = newHealth(this.#ports.clock.now())
    const entry: Entry = { host, rule, health, history: [], probingUntil: 0, claimedUntil: 0, claiming: undefined }
    this.#entries.set(host, entry)
    return entry
  }

  #terms({ rule }: Entry): Terms {
    return { rule, now: this.#ports.clock.now(), chance: this.#ports.chance }
  }

  #moment(): { now: Millis; wall: Millis } {
    return { now: this.#ports.clock.now(), wall: this.#ports.clock.wall() }
  }
}

/** What failures are told apart by: one query that always fails must not shut a host. */
const shapeOf = ({ request }: ClassifiedCall): string => `${request.method} ${request.path}`

/** Share of `slow_call` after which a bot that gives up was patient enough to be believed. */
const PATIENCE = 0.5

const refusal = ({ host, health }: Entry, retryAfterMs: Millis | undefined): WeirError => {
  const message = `The breaker of ${host} is ${health.kind === 'open' ? 'open' : 'half open'}: ${health.reason}.`
  return new WeirError('circuit_open', retryAfterMs === undefined ? { message } : { message, retryAfterMs })
}
