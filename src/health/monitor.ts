// How well each host answers, judged by the calls that bots make; a host that has fallen quiet is asked now and then, as long
// as that takes nothing from anybody. What limits.yaml lists under `checks` is always asked.

import { type Clock, every, type Timer } from '../core/clock.ts'
import type { CallFinished, Observer } from '../core/events.ts'
import type { Millis } from '../core/units.ts'
import type { ServiceView } from '../core/views.ts'
import type { CheckRule, HealthRules } from '../core/watch-rules.ts'

/** How a question ended. */
export type Answered = { readonly ok: true; readonly tookMs: Millis } | { readonly ok: false; readonly error: string }

/** What the monitor needs. */
export interface MonitorPorts {
  readonly clock: Clock
  readonly rules: () => HealthRules
  /** Asks a host whether it is well; undefined when it was not asked: no question is known, or there is no budget to spare. */
  readonly askHost: (host: string) => Promise<Answered | undefined>
  /** Makes a check; undefined as above. */
  readonly check: (check: CheckRule) => Promise<Answered | undefined>
  /** Hears of a round of questions that could not be begun. */
  readonly tell: Observer
}

/** Hosts come from limits.yaml and names of checks too, yet what is kept is bounded all the same. */
const KEPT = 256
/** Weight of the newest response time. */
const NEWEST = 0.2

interface Service {
  readonly kind: ServiceView['kind']
  healthy: boolean
  responseMs: Millis | undefined
  failures: number
  successes: number
  /** When a call of a bot last told of it. */
  heardAt: Millis
  lastOkAtWallMs: Millis | undefined
  lastError: ServiceView['lastError']
}

/** Watches. */
export class Monitor {
  readonly #ports: MonitorPorts
  readonly #services = new Map<string, Service>()
  /** Asked, and not answered yet. */
  readonly #asking = new Set<string>()
  #timer: Timer | undefined

  constructor(ports: MonitorPorts) {
    this.#ports = ports
  }

  readonly observer: Observer = (event) => {
    if (event.type === 'call.finished') this.#hear(event)
  }

  /** Asks again and again, until `stop`. */
  start(): void {
    const { clock, rules, tell } = this.#ports
    const ask = (): void => this.askAll()
    const failed = (error: unknown): void => tell({ type: 'observer.failed', error })
    this.#timer = every(clock, () => rules().intervalMs, ask, failed)
  }

  stop(): void {
    this.#timer?.cancel()
  }

  /** Makes every check, and asks the hosts that bots have called and no longer call. */
  askAll(): void {
    const { rules, clock, askHost, check } = this.#ports
    const { intervalMs, checks } = rules()
    const quietSince = clock.now() - intervalMs
    for (const [name, { kind, heardAt }] of this.#services) {
      if (kind === 'exchange' && heardAt <= quietSince) this.#ask(name, kind, () => askHost(name))
      else if (kind === 'check' && !checks.some((one) => one.name === name)) this.#services.delete(name)
    }
    for (const one of checks) this.#ask(one.name, 'check', () => check(one))
  }

  /** Every host that was called, and every check. */
  view(): readonly ServiceView[] {
    return [...this.#services].map(([name, { kind, healthy, responseMs, failures, lastOkAtWallMs, lastError }]) => ({
      ...{ name, kind, healthy, failures, lastOkAtWallMs, lastError },
      responseMs: responseMs === undefined ? undefined : Math.round(responseMs * 10) / 10,
    }))
  }

  #hear({ call: { record, request }, error }: CallFinished): void {
    const { decision, verdict, exchange, upstreamMs } = record
    if (exchange === undefined || decision === 'cached' || decision === 'coalesced') return
    if (decision === 'failed') this.#failed(request.host, 'exchange', record.error ?? nameOf(error))
    // A limit is no sign of health nor of its absence.
    else if (verdict === undefined || verdict.kind === 'throttled') return
    else if (verdict.kind === 'failing') this.#failed(request.host, 'exchange', verdict.reason)
    else this.#answered(request.host, 'exchange', upstreamMs ?? 0)
    this.#service(request.host, 'exchange').heardAt = this.#ports.clock.now()
  }

  #ask(name: string, kind: Service['kind'], question: () => Promise<Answered | undefined>): void {
    if (this.#asking.has(name)) return
    this.#asking.add(name)
    question()
      .then((answered) => {
        if (answered?.ok === true) this.#answered(name, kind, answered.tookMs)
        else if (answered !== undefined) this.#failed(name, kind, answered.error)
      })
      .catch((error: unknown) => this.#failed(name, kind, nameOf(error)))
      .finally(() => this.#asking.delete(name))
  }

  #answered(name: string, kind: Service['kind'], tookMs: Millis): void {
    const service = this.#service(name, kind)
    const { responseMs } = service
    service.responseMs = responseMs === undefined ? tookMs : responseMs + (tookMs - responseMs) * NEWEST
    service.lastOkAtWallMs = this.#ports.clock.wall()
    service.failures = 0
    service.successes += 1
    if (!service.healthy && service.successes >= this.#ports.rules().recoveryThreshold) service.healthy = true
  }

  #failed(name: string, kind: Service['kind'], message: string): void {
    const service = this.#service(name, kind)
    service.lastError = { message, atWallMs: this.#ports.clock.wall() }
    service.successes = 0
    service.failures += 1
    if (service.failures >= this.#ports.rules().alertThreshold) service.healthy = false
  }

  #service(name: string, kind: Service['kind']): Service {
    let service = this.#services.get(name)
    if (service === undefined) {
      if (this.#services.size >= KEPT) this.#services.clear()
      service = {
        ...{ kind, healthy: true, responseMs: undefined, failures: 0, successes: 0, heardAt: 0 },
        ...{ lastOkAtWallMs: undefined, lastError: undefined },
      }
      this.#services.set(name, service)
    }
    return service
  }
}

const nameOf = (error: unknown): string => (error instanceof Error ? error.name : 'unknown error')
