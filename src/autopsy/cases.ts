// Refusals that repeat, gathered until they say what to do: after three of one kind within an hour, one recommendation. It is
// worked out anew with each that follows, and dropped a day after the last.

import type { Advice, Cause, Recommendation } from '../core/autopsy.ts'
import type { Clock } from '../core/clock.ts'
import type { CallFinished, Observer, WeirEvent } from '../core/events.ts'
import type { Millis } from '../core/units.ts'
import { adviceOn, type BucketFile, type Case, type Shortfall } from './advice.ts'

const COUNTED_FOR_MS: Millis = 3_600_000
const SHOWN_FOR_MS: Millis = 24 * 3_600_000
const TOLD_AGAIN_AFTER_MS: Millis = 3_600_000
/** Per bucket; more say nothing more. */
const KEPT = 100

interface Draft extends BucketFile {
  cases: Case[]
  shortfalls: Shortfall[]
  readonly passed: Map<string, number>
}

interface Given {
  readonly recommendation: Recommendation
  readonly toldAtMs: Millis
}

/** Gathers refusals, and recommends. */
export class Cases {
  readonly #clock: Clock
  readonly #tell: Observer
  readonly #files = new Map<string, Draft>()
  readonly #given = new Map<string, Given>()

  /** @param tell hears `advice.given` and `bypass.suspected` */
  constructor(clock: Clock, tell: Observer) {
    this.#clock = clock
    this.#tell = tell
  }

  readonly observer: Observer = (event) => {
    if (event.type === 'call.finished') this.#passed(event)
    else if (event.type === 'limit.violated') this.#violated(event)
    else if (event.type === 'limit.outspent') this.#outspent(event)
  }

  /** What to do, oldest first. */
  recommendations(): readonly Recommendation[] {
    const horizon = this.#clock.wall() - SHOWN_FOR_MS
    for (const [key, { recommendation }] of this.#given)
      if (recommendation.lastAtWallMs < horizon) this.#given.delete(key)
    return [...this.#given.values()].map(({ recommendation }) => recommendation)
  }

  /** Whether the other classes of a bucket get through is known only of buckets that have refused. */
  #passed({ call: { record } }: CallFinished): void {
    if (this.#files.size === 0 || record.verdict?.kind !== 'ok' || record.class === undefined) return
    for (const { passed } of this.#files.values()) {
      const count = passed.get(record.class)
      if (count !== undefined) passed.set(record.class, count + 1)
    }
  }

  #violated({ exchange, bucket, call, autopsy }: Extract<WeirEvent, { type: 'limit.violated' }>): void {
    const file = this.#file(exchange, bucket)
    for (const id of autopsy.sharers) if (!file.passed.has(id)) file.passed.set(id, 0)
    file.cases.push({ ...autopsy, atWallMs: this.#clock.wall(), class: call.record.class ?? bucket })
    const advice = this.#review(file, autopsy.cause)
    if (advice === 'used_outside' && autopsy.cause === 'unexplained')
      this.#tell({ type: 'bypass.suspected', exchange, bucket })
  }

  #outspent({ exchange, bucket, call, tokens }: Extract<WeirEvent, { type: 'limit.outspent' }>): void {
    const file = this.#file(exchange, bucket)
    file.shortfalls.push({ atWallMs: this.#clock.wall(), class: call.record.class ?? bucket, tokens })
    this.#tell({ type: 'bypass.suspected', exchange, bucket })
    this.#review(file, 'unexplained')
  }

  #review(file: Draft, cause: Cause): Advice | undefined {
    const found = adviceOn(file, cause)
    if (found === undefined) return undefined
    const { bucket, advice } = found
    const now = this.#clock.now()
    // One limit is not both too dear and somebody else's: the newer evidence has the older in it.
    if (advice === 'used_outside') this.#given.delete(`${bucket} raise_cost`)
    const key = `${bucket} ${advice}`
    const told = this.#given.get(key)?.toldAtMs
    const tellNow = told === undefined || now - told >= TOLD_AGAIN_AFTER_MS
    this.#given.set(key, { recommendation: found, toldAtMs: tellNow ? now : told })
    if (tellNow) this.#tell({ type: 'advice.given', recommendation: found })
    return advice
  }

  #file(exchange: string, bucket: string): Draft {
    let file = this.#files.get(bucket)
    if (file === undefined) {
      file = { exchange, bucket, cases: [], shortfalls: [], passed: new Map() }
      this.#files.set(bucket, file)
    }
    const horizon = this.#clock.wall() - COUNTED_FOR_MS
    file.cases = file.cases.filter(({ atWallMs }) => atWallMs > horizon).slice(1 - KEPT)
    file.shortfalls = file.shortfalls.filter(({ atWallMs }) => atWallMs > horizon).slice(1 - KEPT)
    return file
  }
}
