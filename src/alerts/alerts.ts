// The alerts that hold, and whom to tell. Conditions are looked at once every other second, off the road of calls. What was
// told is not told again for `debounce`, however often it comes and goes; its end is told only where its beginning was.

import { ALERTS, type AlertName, type AlertView } from '../core/alert.ts'
import { type Clock, every, type Timer } from '../core/clock.ts'
import type { Observer } from '../core/events.ts'
import type { Millis } from '../core/units.ts'
import { RULES } from './rules.ts'
import { Hearing, type Look } from './situation.ts'

/** How often the conditions are looked at. */
const LOOK_EVERY_MS: Millis = 2000
/** Alerts that are over and still shown. */
const PAST_KEPT = 200
/** Subjects come from outside (keys, bots): of each rule, no more are told apart. */
const SUBJECTS_PER_RULE = 50

interface Active {
  view: AlertView
  /** When the condition began to hold, perhaps before anybody is called. */
  readonly sinceMs: Millis
  raised: boolean
  told: boolean
}

/** What the alerts need. */
export interface AlertPorts {
  readonly clock: Clock
  readonly look: () => Look
  /** Hears `alert.raised` and `alert.resolved`, of those that are told. */
  readonly tell: Observer
}

/** All alerts of one weir. */
export class Alerts {
  readonly #ports: AlertPorts
  readonly #hearing: Hearing
  readonly #active = new Map<string, Active>()
  readonly #toldAt = new Map<string, Millis>()
  readonly #past: AlertView[] = []
  #timer: Timer | undefined

  constructor(ports: AlertPorts) {
    this.#ports = ports
    this.#hearing = new Hearing(ports.clock)
  }

  /** Hears what the rules must know of and no view shows. */
  get observer(): Observer {
    return this.#hearing.observer
  }

  /** Looks again and again, until `stop`. */
  start(): void {
    const { clock, tell } = this.#ports
    const failed = (error: unknown): void => tell({ type: 'observer.failed', error })
    const look = (): void => this.look()
    this.#timer = every(clock, () => LOOK_EVERY_MS, look, failed)
  }

  stop(): void {
    this.#timer?.cancel()
  }

  /** Those that hold, the oldest first, and unless `activeOnly` those that are over before them. */
  list(activeOnly: boolean): readonly AlertView[] {
    const active = [...this.#active.values()].flatMap(({ raised, view }) => (raised ? [view] : []))
    return activeOnly ? active : [...this.#past, ...active]
  }

  /** Looks at every condition once. */
  look(): void {
    const situation = this.#hearing.situation(this.#ports.look())
    const { settings } = situation
    const holding = new Set<string>()
    for (const [name, rule] of Object.entries(RULES) as [AlertName, (typeof RULES)[AlertName]][]) {
      if (settings.off.has(name)) continue
      for (const { subject, message } of rule.find(situation).slice(0, SUBJECTS_PER_RULE)) {
        const key = `${name} ${subject}`
        holding.add(key)
        this.#holds(key, name, subject, message, rule.lastsMs, settings.debounceMs)
      }
    }
    for (const [key, active] of this.#active) if (!holding.has(key)) this.#ends(key, active)
    for (const [key, at] of this.#toldAt) {
      if (this.#ports.clock.now() - at >= settings.debounceMs && !this.#active.has(key)) this.#toldAt.delete(key)
    }
  }

  #holds(key: string, rule: AlertName, subject: string, message: string, lastsMs: Millis, debounceMs: Millis): void {
    const { clock, tell } = this.#ports
    const now = clock.now()
    const wallMs = clock.wall()
    let active = this.#active.get(key)
    if (active === undefined) {
      const view = { rule, severity: ALERTS[rule], subject, message, raisedAtWallMs: wallMs, lastAtWallMs: wallMs }
      active = { view: { ...view, resolvedAtWallMs: undefined }, sinceMs: now, raised: false, told: false }
      this.#active.set(key, active)
    }
    if (now - active.sinceMs < lastsMs) return
    if (!active.raised) active.view = { ...active.view, raisedAtWallMs: wallMs }
    active.raised = true
    active.view = { ...active.view, message, lastAtWallMs: wallMs }
    const toldAt = this.#toldAt.get(key)
    // Without a debounce there are no reminders: the beginning and the end are told.
    const due = toldAt === undefined || (debounceMs > 0 ? now - toldAt >= debounceMs : !active.told)
    if (!due) return
    active.told = true
    this.#toldAt.set(key, now)
    tell({ type: 'alert.raised', alert: active.view })
  }

  #ends(key: string, { raised, told, view }: Active): void {
    const { clock, tell } = this.#ports
    this.#active.delete(key)
    if (!raised) return
    const alert = { ...view, resolvedAtWallMs: clock.wall() }
    this.#past.push(alert)
    if (this.#past.length > PAST_KEPT) this.#past.shift()
    if (told) tell({ type: 'alert.resolved', alert })
  }
}
