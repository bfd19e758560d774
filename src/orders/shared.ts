// What several weirs learn of orders, over Redis: a stream of births, amendments and ends that each reads from where it was.
// So a cancel costs at any weir what the age of its order says, and a weir that starts later knows the orders too. Orders and
// accounts are numbers and hashes there.

import { readFileSync } from 'node:fs'
import type { Clock, Timer } from '../core/clock.ts'
import type { Scripting } from '../core/scripting.ts'
import type { Millis } from '../core/units.ts'
import { aged, type OrderNews } from './ages.ts'

const SCRIPT = readFileSync(new URL('shared.lua', import.meta.url), 'utf8')
const STREAM = 'weir:orders'
/** Entries that are kept; an order has two, or a few more. */
const KEPT = 20_000
/** Entries that go in one message. */
const AT_A_TIME = 250
/** News that wait for Redis to be back; an order that is not told of is taken for the youngest. */
const MAX_UNTOLD = 5_000
const READ_EVERY_MS: Millis = 2_000

export interface SharedOrdersOptions {
  readonly redis: Scripting
  readonly clock: Clock
  /** This process. */
  readonly me: string
  readonly hear: (news: OrderNews) => void
}

/** The other weirs, as far as orders go. Nothing here throws or rejects. */
export class SharedOrders {
  readonly #options: SharedOrdersOptions
  #untold: { readonly news: OrderNews; readonly at: Millis }[] = []
  #telling = false
  /** The last entry that was read. */
  #last = '-'
  #reading: Promise<void> | undefined
  #readAgain = false
  #timer: Timer | undefined
  #stopped = false

  constructor(options: SharedOrdersOptions) {
    this.#options = options
  }

  /** Learns what the others know, and hears from now on. */
  async start(): Promise<void> {
    const { redis, me } = this.#options
    redis.subscribe(STREAM, (by) => {
      if (by !== me) void this.#read()
    })
    await this.#tick()
  }

  stop(): void {
    this.#stopped = true
    this.#timer?.cancel()
  }

  tell(news: OrderNews): void {
    if (this.#untold.length >= MAX_UNTOLD) this.#untold.shift()
    this.#untold.push({ news, at: this.#options.clock.now() })
    // What one answer tells goes in one message.
    if (!this.#telling) queueMicrotask(() => void this.#tellAll())
  }

  /** What was missed while Redis was away, either way. */
  async #tick(): Promise<void> {
    await Promise.all([this.#read(), this.#tellAll()])
    if (!this.#stopped) this.#timer = this.#options.clock.after(READ_EVERY_MS, () => void this.#tick())
  }

  async #tellAll(): Promise<void> {
    if (this.#telling) return
    this.#telling = true
    const { redis, clock, me } = this.#options
    try {
      while (this.#untold.length > 0) {
        const part = this.#untold.slice(0, AT_A_TIME)
        const now = clock.now()
        const words = part.map(({ news, at }) => JSON.stringify(aged(news, now - at)))
        await redis.run(SCRIPT, [STREAM], ['tell', me, String(KEPT), ...words])
        const told = new Set(part)
        this.#untold = this.#untold.filter((one) => !told.has(one))
      }
    } catch {
      // Told with the next news, or by the timer. News that were told after all are told twice, which changes nothing.
    } finally {
      this.#telling = false
    }
  }

  /** Reads to the end; what is published meanwhile is read too. */
  #read(): Promise<void> {
    this.#readAgain = true
    this.#reading ??= this.#readOn().finally(() => {
      this.#reading = undefined
    })
    return this.#reading
  }

  async #readOn(): Promise<void> {
    try {
      while (this.#readAgain) {
        this.#readAgain = false
        const entries = entriesOf(
          await this.#options.redis.run(SCRIPT, [STREAM], ['read', this.#last, String(AT_A_TIME)]),
        )
        for (const { id, ago, by, news } of entries) {
          this.#last = `(${id}`
          const heard = by === this.#options.me ? undefined : newsFrom(news)
          if (heard !== undefined) this.#options.hear(aged(heard, ago))
        }
        if (entries.length === AT_A_TIME) this.#readAgain = true
      }
    } catch {
      // The timer asks again.
    }
  }
}

const entriesOf = (text: string): readonly { id: string; ago: Millis; by: string; news: string }[] => {
  const found: unknown = JSON.parse(text)
  return Array.isArray(found) ? found : []
}

/** Undefined when it is not as weirs write it. */
const newsFrom = (text: string): OrderNews | undefined => {
  let news: Partial<Record<string, unknown>> | null
  try {
    news = JSON.parse(text)
  } catch {
    return undefined
  }
  if (typeof news !== 'object' || news === null) return undefined
  const { type, account, pair, pairs, name, names, agoMs } = news
  if (type === 'renamed') return areRenamed(pairs) ? { type, pairs } : undefined
  if (typeof account !== 'string') return undefined
  const named = Array.isArray(names) && names.every((one) => typeof one === 'number') && typeof agoMs === 'number'
  const whole =
    type === 'placed'
      ? named && typeof pair === 'string'
      : type === 'amended'
        ? named && typeof name === 'number'
        : type === 'all_gone' || (type === 'gone' && typeof name === 'number')
  return whole ? (news as unknown as OrderNews) : undefined
}

const areRenamed = (pairs: unknown): pairs is readonly [string, string][] =>
  Array.isArray(pairs) &&
  pairs.every((pair) => Array.isArray(pair) && pair.length === 2 && pair.every((name) => typeof name === 'string'))
