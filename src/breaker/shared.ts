// Breakers of several weirs, over Redis: what one is told by the exchange all know at once, and one at a time tries whether
// the exchange is well again. What could not be told is told later; what was not heard is found in the next look.

import { readFileSync } from 'node:fs'
import type { Clock, Timer } from '../core/clock.ts'
import type { Scripting } from '../core/scripting.ts'
import type { Millis } from '../core/units.ts'
import type { BreakerFleet, BreakerNews } from './news.ts'

const SCRIPT = readFileSync(new URL('shared.lua', import.meta.url), 'utf8')
const LOOK_EVERY_MS: Millis = 2_000

export interface SharedBreakersOptions {
  readonly redis: Scripting
  readonly clock: Clock
  /** This process. */
  readonly me: string
  /** The intercepted hosts with their exchanges; asked anew for every look. */
  readonly hosts: () => Iterable<readonly [host: string, exchange: string]>
  readonly hear: (host: string, news: BreakerNews) => void
}

/** As it is written to Redis and read from there. */
interface Wire {
  readonly host?: string
  readonly state: 'open' | 'closed'
  readonly reason: string
  readonly cause?: string
  readonly level?: number
  /** Absent when only a hand closes it. */
  readonly open_ms?: number
  readonly epoch: number
  readonly by: string
}

/** The newest news of a host, told or heard. */
interface Known {
  readonly news: BreakerNews
  readonly at: Millis
  /** Under which it is in Redis; undefined until it is known to be there. */
  epoch: number | undefined
}

/** The other weirs, as far as breakers go. */
export class SharedBreakers implements BreakerFleet {
  readonly #options: SharedBreakersOptions
  readonly #known = new Map<string, Known>()
  /** Hosts of which something is on its way to Redis. */
  readonly #telling = new Set<string>()
  readonly #subscribed = new Set<string>()
  #exchanges: ReadonlyMap<string, string> = new Map()
  #timer: Timer | undefined
  #stopped = false

  constructor(options: SharedBreakersOptions) {
    this.#options = options
  }

  /** Hears what is known already, and from now on what is new. */
  async start(): Promise<void> {
    await this.#look()
    if (!this.#stopped) this.#timer = this.#options.clock.after(LOOK_EVERY_MS, () => void this.start())
  }

  stop(): void {
    this.#stopped = true
    this.#timer?.cancel()
  }

  tell(host: string, news: BreakerNews): void {
    this.#known.set(host, { news, at: this.#options.clock.now(), epoch: undefined })
    void this.#tellOn(host)
  }

  async claim(host: string, forMs: Millis): Promise<boolean> {
    // Alone, every weir tries for itself.
    return (await this.#ask(host, 'claim', String(forMs))) !== false
  }

  yield(host: string): void {
    void this.#ask(host, 'yield')
  }

  /** Tells the newest of a host until it is told; what changes meanwhile goes in one. */
  async #tellOn(host: string): Promise<void> {
    if (this.#telling.has(host)) return
    this.#telling.add(host)
    for (let known = this.#untold(host); known !== undefined; known = this.#untold(host)) {
      const word = { host, ...wireOf(aged(known.news, this.#since(known))) }
      const epoch = await this.#ask(host, 'tell', channelOf(this.#exchanges.get(host) ?? ''), JSON.stringify(word))
      if (typeof epoch !== 'number') break
      known.epoch = epoch
    }
    this.#telling.delete(host)
  }

  #since({ at }: Known): Millis {
    return this.#options.clock.now() - at
  }

  #untold(host: string): Known | undefined {
    const known = this.#known.get(host)
    return known?.epoch === undefined ? known : undefined
  }

  async #look(): Promise<void> {
    this.#exchanges = new Map(this.#options.hosts())
    for (const exchange of this.#exchanges.values()) {
      if (this.#subscribed.has(exchange)) continue
      this.#subscribed.add(exchange)
      this.#options.redis.subscribe(channelOf(exchange), (message) => this.#heard(undefined, parsed(message)))
    }
    await Promise.all([...this.#exchanges.keys()].map((host) => this.#lookAt(host)))
  }

  async #lookAt(host: string): Promise<void> {
    if (this.#untold(host) !== undefined) return this.#tellOn(host)
    const before = this.#known.get(host)
    const found = await this.#ask(host, 'look')
    // What was told or heard meanwhile is newer than what was found.
    if (this.#known.get(host) !== before) return
    this.#heard(host, found)
    // Redis was emptied: who starts now must know what is shut.
    if (found === null && before?.news.state === 'open') this.tell(host, aged(before.news, this.#since(before)))
  }

  #heard(host: string | undefined, word: unknown): void {
    if (!isWire(word)) return
    const of = host ?? word.host
    const known = this.#known.get(of ?? '')
    if (of === undefined || !this.#exchanges.has(of) || known?.epoch === word.epoch) return
    if (word.by !== this.#options.me) {
      const news = newsFrom(word)
      this.#known.set(of, { news, at: this.#options.clock.now(), epoch: word.epoch })
      this.#options.hear(of, news)
      // Ours has arrived, though the reply may never come.
    } else if (known?.epoch === undefined && known?.news.state === word.state) known.epoch = word.epoch
  }

  /** Undefined when there is no answer. */
  async #ask(host: string, ...args: readonly [string, ...string[]]): Promise<unknown> {
    const exchange = this.#exchanges.get(host)
    if (exchange === undefined) return undefined
    const [ask, ...rest] = args
    try {
      const keys = [`breaker:{${exchange}}${host}`, `probe:{${exchange}}${host}`]
      return parsed(await this.#options.redis.run(SCRIPT, keys, [ask, this.#options.me, ...rest]))
    } catch {
      return undefined
    }
  }
}

const channelOf = (exchange: string): string => `breaker:{${exchange}}changes`

/** What news have become after a while. */
const aged = (news: BreakerNews, ms: Millis): BreakerNews =>
  news.state === 'closed' || news.openForMs === undefined
    ? news
    : { ...news, openForMs: Math.ceil(Math.max(0, news.openForMs - ms)) }

const wireOf = (news: BreakerNews): Pick<Wire, 'state' | 'reason' | 'cause' | 'level' | 'open_ms'> => {
  if (news.state === 'closed') return news
  const { openForMs, ...rest } = news
  return openForMs === undefined ? rest : { ...rest, open_ms: openForMs }
}

const newsFrom = ({ state, reason, cause, level, open_ms: openForMs }: Wire): BreakerNews => {
  if (state === 'closed') return { state, reason }
  // A cause that a newer weir may know is one that the exchange was at fault for, else it would not have been told.
  const known = cause === 'limit' || cause === 'manual' ? cause : 'failures'
  return { state, reason, cause: known, level: level ?? 1, openForMs }
}

const isWire = (value: unknown): value is Wire => {
  const word = value as Partial<Wire> | null | undefined
  const texts = typeof word?.reason === 'string' && typeof word.by === 'string' && typeof word.epoch === 'number'
  return texts && (word?.state === 'open' || word?.state === 'closed')
}

const parsed = (text: string): unknown => {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
