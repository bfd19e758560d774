// Answers that several weirs share, in Redis. Ages are by the clock of Redis alone, so that no weir's clock makes an answer
// younger than it is. While Redis is away nobody asks it, and nothing here throws, rejects or takes longer than 50 ms.

import { createHmac } from 'node:crypto'
import { readFileSync } from 'node:fs'
import type { Clock } from '../core/clock.ts'
import type { Scripting } from '../core/scripting.ts'
import type { Bytes, Millis } from '../core/units.ts'

const SCRIPT = readFileSync(new URL('answers.lua', import.meta.url), 'utf8')
/** Of a body: a larger one would hold up the limits, which go the same way. */
const LONGEST: Bytes = 256 * 1024
/** After a question without an answer none is asked for so long. */
const REST_MS: Millis = 1_000
/** What was heard of the clock of Redis holds for so long: clocks drift by less than a millisecond in ten seconds. */
const CLOCK_MS: Millis = 10_000

export interface AnswersOptions {
  readonly redis: Pick<Scripting, 'run'>
  readonly clock: Clock
  /** The fleet's: names of keys tell nobody else what was asked. */
  readonly secret: Buffer
  /** Whether Redis answers, as far as is known, where the keys of that exchange are. */
  readonly reachable: (exchange: string) => boolean
}

/** An answer to keep for the others. */
export interface GivenAnswer {
  /** The length of its body. */
  readonly bytes: Bytes
  /** All of it; asked for only when it is going to be kept. */
  readonly text: () => string
  readonly bornAt: Millis
  /** How long after its birth it may serve. */
  readonly lifeMs: Millis
}

/** An answer, with the text that was given to `keep`. */
export interface FoundAnswer {
  readonly text: string
  /** By this weir's monotonic clock; earlier rather than later than it was. */
  readonly bornAt: Millis
}

/** The answers in Redis. */
export class Answers {
  readonly #options: AnswersOptions
  /** Questions on their way: many bots that ask the same ask once. */
  readonly #finding = new Map<string, Promise<FoundAnswer | undefined>>()
  /** By exchange: how far the clock of Redis is ahead of this weir's, at least, and when that was heard. */
  readonly #ahead = new Map<string, { readonly ms: Millis; readonly at: Millis }>()
  #restUntil: Millis = Number.NEGATIVE_INFINITY

  constructor(options: AnswersOptions) {
    this.#options = options
  }

  /** What a weir has kept under `key`; undefined when there is nothing, or no answer from Redis. */
  async find(exchange: string, key: string): Promise<FoundAnswer | undefined> {
    if (!this.#usable(exchange)) return undefined
    const name = this.#nameOf(exchange, key)
    const known = this.#finding.get(name)
    if (known !== undefined) return known
    const finding = this.#find(exchange, name).finally(() => this.#finding.delete(name))
    this.#finding.set(name, finding)
    return finding
  }

  /** Keeps an answer until its life is over, if Redis can be had and has room; does not wait for it. */
  keep(exchange: string, key: string, { bytes, text, bornAt, lifeMs }: GivenAnswer): void {
    const { clock } = this.#options
    const ahead = this.#ahead.get(exchange)
    if (bytes > LONGEST || ahead === undefined || clock.now() - ahead.at > CLOCK_MS || !this.#usable(exchange)) return
    const born = bornAt + ahead.ms
    void this.#ask(this.#nameOf(exchange, key), ['keep', `${born} ${text()}`, String(Math.floor(born + lifeMs))])
  }

  async #find(exchange: string, name: string): Promise<FoundAnswer | undefined> {
    const { clock } = this.#options
    const sentAt = clock.now()
    const reply = await this.#ask(name, ['find'])
    if (reply === undefined) return undefined
    const at = clock.now()
    const [time, found] = splitNumber(reply)
    this.#ahead.set(exchange, { ms: time - at, at })
    const [born, text] = splitNumber(found)
    // Born in the future: the clock of Redis has gone back, and nobody knows by how much.
    return born <= time ? { text, bornAt: sentAt - (time - born) } : undefined
  }

  /** One script; undefined when there is no answer. */
  async #ask(name: string, args: readonly string[]): Promise<string | undefined> {
    try {
      return await this.#options.redis.run(SCRIPT, [name], args)
    } catch {
      this.#restUntil = this.#options.clock.now() + REST_MS
      return undefined
    }
  }

  #usable(exchange: string): boolean {
    return this.#options.clock.now() >= this.#restUntil && this.#options.reachable(exchange)
  }

  #nameOf(exchange: string, key: string): string {
    return `answer:{${exchange}}${createHmac('sha256', this.#options.secret).update(key).digest('base64url')}`
  }
}

/** The number that a text begins with, NaN when it does not, and what follows after a space. */
const splitNumber = (text: string): readonly [number, string] => {
  const end = text.indexOf(' ')
  return end <= 0 ? [Number.NaN, ''] : [Number(text.slice(0, end)), text.slice(end + 1)]
}
