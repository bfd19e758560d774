// What weirs write to Redis for others to read: levels and breakers, counts of the last five minutes, and three streams of
// events. Once a second, off every call's way; what happens while Redis is away is told when it is back, the newest of it,
// and each thing once.

import { readFileSync } from 'node:fs'
import type { Clock, Timer } from '../core/clock.ts'
import type { Observer, WeirEvent } from '../core/events.ts'
import type { Millis } from '../core/units.ts'
import type { ActivityView, BreakerView, LimitView } from '../core/views.ts'
import type { RedisConnection } from './connection.ts'
import { Outbox } from './outbox.ts'

const SCRIPT = readFileSync(new URL('names.lua', import.meta.url), 'utf8')
const EVERY_MS: Millis = 1_000
/** Levels that are shown of one exchange by one weir: the fullest. */
const SHOWN = 200
/** Events of one kind that wait to be written. */
const WAITING = 200
const HASH_SECONDS = '3600'
const LATELY_SECONDS = '300'

export interface NamesOptions {
  readonly redis: RedisConnection
  readonly clock: Clock
  /** This process. */
  readonly me: string
  readonly exchanges: () => readonly string[]
  readonly exchangeOf: (host: string) => string | undefined
  readonly limits: () => readonly LimitView[]
  readonly breakers: () => readonly BreakerView[]
  readonly lately: () => ActivityView
}

type Command = readonly [string, ...string[]]

/** Fields and their values, in turn. */
type Entry = readonly string[]

interface Violation {
  readonly endpoint: string
  readonly bucket: string
  readonly atWallMs: Millis
}

/** Writes the names that outsiders read. Nothing here throws or rejects. */
export class Names {
  readonly #options: NamesOptions
  /** By exchange: what is not counted yet. */
  readonly #violations = new Map<string, Outbox<Violation>>()
  /** What is not in the streams yet. */
  readonly #limited = new Outbox<Entry>(WAITING)
  readonly #changes = new Outbox<Entry>(WAITING)
  readonly #alerts = new Outbox<Entry>(WAITING)
  /** Calls since the last look that waited (`throttled`) or were refused (`rejected`) for a limit, by class. */
  readonly #held = new Map<string, { type: string; exchange: string; endpoint: string; count: number }>()
  #timer: Timer | undefined
  /** Two at once would each tell the same. */
  #writing: Promise<void> | undefined
  #stopped = false

  constructor(options: NamesOptions) {
    this.#options = options
  }

  readonly observer: Observer = (event) => {
    if (event.type === 'call.finished') this.#finished(event)
    else if (event.type === 'limit.violated') this.#violated(event)
    else if (event.type === 'breaker.changed') this.#changed(event)
    else if (event.type === 'alert.raised' || event.type === 'alert.resolved') this.#alerted(event)
  }

  start(): void {
    if (this.#stopped) return
    this.#timer = this.#options.clock.after(EVERY_MS, () => {
      // Whatever could not be written is written a second later.
      this.#writing = this.#write().catch(() => {})
      void this.#writing.then(() => this.start())
    })
  }

  /** What came up since is written a last time, if Redis answers. */
  async stop(): Promise<void> {
    this.#stopped = true
    if (this.#timer === undefined) return
    this.#timer.cancel()
    await this.#writing
    await this.#write().catch(() => {})
  }

  #finished({ call: { record }, limited: refused }: Extract<WeirEvent, { type: 'call.finished' }>): void {
    const { exchange, class: endpoint, waitedMs } = record
    if (exchange === undefined || endpoint === undefined || (waitedMs === 0 && !refused)) return
    const type = refused ? 'rejected' : 'throttled'
    const known = this.#held.get(`${type} ${endpoint}`)
    if (known !== undefined) known.count += 1
    else this.#held.set(`${type} ${endpoint}`, { type, exchange, endpoint, count: 1 })
  }

  #violated({ exchange, bucket, call }: Extract<WeirEvent, { type: 'limit.violated' }>): void {
    const atWallMs = this.#options.clock.wall()
    this.#violationsOf(exchange).push({ bucket, endpoint: call.record.class ?? bucket, atWallMs })
  }

  #changed({ host, from, to, reason, openForMs }: Extract<WeirEvent, { type: 'breaker.changed' }>): void {
    const { me, clock } = this.#options
    const fields = ['name', host, 'old_state', from, 'new_state', to, 'timestamp', seconds(clock.wall())]
    const more = ['reason', reason, 'by', me, ...(openForMs === undefined ? [] : ['open_for', seconds(openForMs)])]
    this.#changes.push([...fields, ...more])
  }

  #alerted({ type, alert: { rule, severity, subject, message } }: Extract<WeirEvent, { alert: unknown }>): void {
    const status = type === 'alert.raised' ? 'firing' : 'resolved'
    const what = ['status', status, 'rule', rule, 'severity', severity, 'subject', subject, 'message', message]
    const { me, clock } = this.#options
    this.#alerts.push([...what, 'timestamp', seconds(clock.wall()), 'by', me])
  }

  async #write(): Promise<void> {
    const { redis, exchanges, clock } = this.#options
    const limits = this.#options.limits()
    const lately = await this.#lately()
    const told = await Promise.all(exchanges().map((exchange) => this.#exchange(exchange, limits, lately[0] ?? 0)))
    const [worst] = told.toSorted(([a], [b]) => b - a)
    await redis.commands([
      ...LATELY.map((name, place): Command => ['SET', name, String(lately[place] ?? 0), 'EX', LATELY_SECONDS]),
      ...metricsOf(limits, worst, seconds(clock.wall())),
    ])
    for (const exchange of exchanges()) await this.#count(exchange)
    await this.#append('events:rate_limits', this.#limited)
    await this.#append('events:circuit_breakers', this.#changes)
    await this.#append('events:alerts', this.#alerts)
  }

  /** This weir's counts in, the fleet's out. */
  async #lately(): Promise<readonly number[]> {
    const { redis, me, lately } = this.#options
    const { throttled, cacheHits, cacheMisses } = lately()
    return JSON.parse(
      await redis.run(SCRIPT, ['weir:lately'], ['lately', me, `${throttled} ${cacheHits} ${cacheMisses}`]),
    )
  }

  /** Utilization, and what is left, of the fullest bucket. */
  async #exchange(
    exchange: string,
    limits: readonly LimitView[],
    throttled: number,
  ): Promise<readonly [number, number | null]> {
    const { redis, me, breakers, exchangeOf } = this.#options
    const own = limits.filter((view) => view.exchange === exchange)
    const fullest = own.toSorted((a, b) => b.utilization - a.utilization)
    const buckets = fullest.slice(0, SHOWN).map((view) => [`${view.bucket}/${view.scope}`, levelOf(view)])
    const hosts = breakers().filter(({ host }) => exchangeOf(host) === exchange)
    const circuits = hosts.map((view) => [view.host, { ...circuitOf(view), by: me }])
    const violations = Number((await redis.command('GET', violationsKey(exchange))) ?? 0)
    const global = { violations, '429_errors_last_5min': throttled }
    const words = [global, Object.fromEntries(buckets), Object.fromEntries(circuits)].map((one) => JSON.stringify(one))
    return JSON.parse(await redis.run(SCRIPT, [`${exchange}:rate_limits`], ['exchange', ...words]))
  }

  /** Every violation, and once per class what was held; each with the count of the exchange's violations up to then. */
  async #count(exchange: string): Promise<void> {
    const { clock, me, redis } = this.#options
    const box = this.#violationsOf(exchange)
    const { waiting, first, last } = box
    const held = [...this.#held].filter(([, one]) => one.exchange === exchange)
    if (waiting.length + held.length === 0) return
    const keys = [violationsKey(exchange), toldKey(exchange, me)]
    const sum = Number(await redis.run(SCRIPT, keys, ['count', String(first), String(last)]))
    box.wrote(last)
    const at = seconds(clock.wall())
    for (const [key, { type, endpoint, count }] of held) {
      this.#held.delete(key)
      this.#limited.push(limitEvent(type, endpoint, at, sum, ['count', String(count)]))
    }
    for (const { number, item } of waiting) {
      const { endpoint, bucket, atWallMs } = item
      this.#limited.push(limitEvent('violation', endpoint, seconds(atWallMs), sum - last + number, ['bucket', bucket]))
    }
  }

  async #append(stream: string, box: Outbox<Entry>): Promise<void> {
    const { waiting, first, last } = box
    if (waiting.length === 0) return
    const { redis, me } = this.#options
    await redis.run(SCRIPT, [stream, toldKey(stream, me)], ['append', String(first), JSON.stringify(waiting)])
    box.wrote(last)
  }

  #violationsOf(exchange: string): Outbox<Violation> {
    const known = this.#violations.get(exchange)
    if (known !== undefined) return known
    const box = new Outbox<Violation>(WAITING)
    this.#violations.set(exchange, box)
    return box
  }
}

/** In the order in which the script counts them. */
const LATELY = ['api_429_errors:last_5min', 'cache_hits:last_5min', 'cache_misses:last_5min']

const violationsKey = (exchange: string): string => `rl:{${exchange}}violations`

/** How far this weir's things are written that belong there; in a cluster, at the same node. */
const toldKey = (where: string, me: string): string => `weir:told:{${where}}:${me}`

/** `metrics:rate_limits`: the fullest bucket of all, and the fullest scope of each bucket that this weir uses. */
const metricsOf = (
  limits: readonly LimitView[],
  worst: readonly [number, number | null] | undefined,
  timestamp: string,
): readonly Command[] => {
  if (worst === undefined || worst[1] === null) return []
  const fields = ['utilization', String(worst[0]), 'available_tokens', String(worst[1]), 'timestamp', timestamp]
  const fullest = new Map(limits.toSorted((a, b) => a.utilization - b.utilization).map((view) => [view.bucket, view]))
  for (const [bucket, { utilization, available }] of fullest) {
    fields.push(`${bucket}:utilization`, String(utilization), `${bucket}:available_tokens`, String(available))
  }
  return [
    ['HSET', 'metrics:rate_limits', ...fields],
    ['EXPIRE', 'metrics:rate_limits', HASH_SECONDS],
  ]
}

const levelOf = ({ available, capacity, utilization, refillPerSecond, closedForMs }: LimitView) => ({
  available,
  capacity,
  utilization,
  refill_per_second: refillPerSecond,
  closed_for: closedForMs / 1000,
})

const circuitOf = ({ state, reason, openForMs }: BreakerView) => ({ state, reason, open_for: openForMs / 1000 })

const limitEvent = (
  type: string,
  endpoint: string,
  timestamp: string,
  violations: number,
  more: readonly string[],
): Entry => [
  ...['type', type, 'endpoint', endpoint, 'timestamp', timestamp, 'violation_count', String(violations)],
  ...more,
]

/** Unix time in seconds, as outsiders read it. */
const seconds = (ms: Millis): string => (ms / 1000).toFixed(3)
