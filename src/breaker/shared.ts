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

/** The other weirs, as far as breakers go. */
export class SharedBreakers implements BreakerFleet {
  readonly #options: SharedBreakersOptions
  /** Newest news of each host that is in Redis and was heard here. */
  readonly #epochs = new Map<string, number>()
  /** Newest news of each host that is not known to be in Redis. */
  readonly #untold = new Map<string, { readonly news: BreakerNews; readonly at: Millis }>()
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
    this.#untold.set(host, { news, at: this.#options.clock.now() })
    void this.#tellAgain(host)
  }

  async claim(host: string, forMs: Millis): Promise<boolean> {
    // Alone, every weir tries for itself.
    return (await this.#ask(host, 'claim', String(forMs))) !== false
  }

  yield(host: string): void {
    void this.#ask(host, 'yield')
  }

  async #tellAgain(host: string): Promise<void> {
    const untold = this.#untold.get(host)
    if (untold === undefined) return
    const exchange = this.#exchanges.get(host) ?? ''
    const word = JSON.stringify({ host, ...wireOf(untold.news, this.#options.clock.now() - untold.at) })
    const epoch = await this.#ask(host, 'tell', channelOf(exchange), word)
    if (typeof epoch !== 'number') return
    this.#epochs.set(host, Math.max(epoch, this.#epochs.get(host) ?? 0))
    if (this.#untold.get(host) === untold) this.#untold.delete(host)
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
    if (this.#untold.has(host)) return this.#tellAgain(host)
    const before = this.#epochs.get(host)
    const found = await this.#ask(host, 'look')
    // What was heard meanwhile is newer than what was found.
    if (this.#epochs.get(host) === before) this.#heard(host, found)
  }

  #heard(host: string | undefined, word: unknown): void {
    if (!isWire(word)) return
    const of = host ?? word.host
    if (of === undefined || !this.#exchanges.has(of) || this.#epochs.get(of) === word.epoch) return
    this.#epochs.set(of, word.epoch)
    const own = word.by === this.#options.me
    // Ours has arrived though its reply was lost; or somebody has told newer news, and ours are old.
    if (!own || this.#untold.get(of)?.news.state === word.state) this.#untold.delete(of)
    if (!own) this.#options.hear(of, newsFrom(word))
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

/** @param agoMs how long ago it was news */
const wireOf = (news: BreakerNews, agoMs: Millis): Pick<Wire, 'state' | 'reason' | 'cause' | 'level' | 'open_ms'> => {
  if (news.state === 'closed') return news
  const { openForMs, ...rest } = news
  return openForMs === undefined ? rest : { ...rest, open_ms: Math.ceil(Math.max(0, openForMs - agoMs)) }
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
