// `/v1/events`: news as it happens and one picture of the levels per second, as server-sent events, while somebody listens.
// Bounded in listeners, in what a slow one may leave unread, and in calls told per tick; nobody listening costs nothing.

import type { Clock, Timer } from '../core/clock.ts'
import type { Bytes, Millis } from '../core/units.ts'
import type { News } from '../core/watch.ts'
import { toWire } from './wire.ts'

/** One listener's connection. */
export interface Sink {
  write(text: string): void
  /** Written and not yet taken by the network. */
  readonly unread: Bytes
  /** Breaks the connection off. */
  drop(): void
  onClosed(task: () => void): void
}

export interface EventsParts {
  readonly after: Clock['after']
  readonly subscribe: (listener: (news: News) => void) => () => void
  /** What is told once per second. */
  readonly levels: () => unknown
  /** Tells one run of weir from the next. */
  readonly run: string
}

const MOST_LISTENERS = 16
const MOST_UNREAD: Bytes = 1024 * 1024
/** News is gathered this long: a write to every listener for every call would cost more than the call. */
const TICK_MS: Millis = 100
/** More than anybody reads; the log has them all. */
const CALLS_PER_TICK = 25
const TICKS_PER_LEVELS = 10
const TICKS_PER_HEARTBEAT = 150
/** As many are kept for listeners that come back. */
const KEPT = 1_000

interface Frame {
  readonly id: number
  readonly text: string
}

/** Tells all listeners the same. */
export class Events {
  readonly #parts: EventsParts
  readonly #sinks = new Set<Sink>()
  #kept: Frame[] = []
  #pending = ''
  #lastId = 0
  #ticks = 0
  #callsThisTick = 0
  #timer: Timer | undefined
  #unsubscribe: (() => void) | undefined

  constructor(parts: EventsParts) {
    this.#parts = parts
  }

  get isFull(): boolean {
    return this.#sinks.size >= MOST_LISTENERS
  }

  /**
   * Tells `sink` everything from now on; what it missed first, when it says what it heard last (`Last-Event-ID`) and that is
   * still known. `hello` says whether it was: who was not resumed should read the pages anew.
   */
  join(sink: Sink, lastHeard: string | undefined): void {
    const missed = this.#since(lastHeard)
    this.#sinks.add(sink)
    sink.onClosed(() => this.#leave(sink))
    this.#start()
    const hello = JSON.stringify({ run: this.#parts.run, resumed: missed !== undefined })
    sink.write(`retry: 1000\nid: ${this.#idOf(this.#lastId)}\nevent: hello\ndata: ${hello}\n\n${missed ?? ''}`)
    sink.write(this.#levelsFrame())
  }

  /** Frames after the one heard last; undefined when they are not all known any more. */
  #since(lastHeard: string | undefined): string | undefined {
    const [run, heard] = (lastHeard ?? '').split('/')
    const first = this.#kept[0]
    const count = Number(heard)
    if (run !== this.#parts.run || first === undefined || !(count >= first.id - 1)) return undefined
    return this.#kept
      .filter(({ id }) => id > count)
      .map(({ text }) => text)
      .join('')
  }

  #start(): void {
    if (this.#timer !== undefined) return
    this.#unsubscribe = this.#parts.subscribe((news) => this.#hear(news))
    this.#sleep()
  }

  #leave(sink: Sink): void {
    this.#sinks.delete(sink)
    if (this.#sinks.size > 0) return
    this.#timer?.cancel()
    this.#timer = undefined
    this.#unsubscribe?.()
    // From here on there are gaps.
    this.#kept = []
    this.#pending = ''
  }

  #hear({ type, told }: News): void {
    if (type === 'call') {
      this.#callsThisTick += 1
      if (this.#callsThisTick > CALLS_PER_TICK) return
    }
    this.#say(type, toWire(told))
  }

  #say(event: string, data: unknown): void {
    this.#lastId += 1
    const text = `id: ${this.#idOf(this.#lastId)}\nevent: ${event}\ndata: ${JSON.stringify(data)}\n\n`
    this.#kept.push({ id: this.#lastId, text })
    if (this.#kept.length > KEPT) this.#kept = this.#kept.slice(-KEPT / 2)
    this.#pending += text
  }

  #sleep(): void {
    this.#timer = this.#parts.after(TICK_MS, () => {
      this.#tick()
      if (this.#timer !== undefined) this.#sleep()
    })
  }

  #tick(): void {
    this.#ticks += 1
    const skipped = this.#callsThisTick - CALLS_PER_TICK
    if (skipped > 0) this.#say('skipped', { calls: skipped })
    this.#callsThisTick = 0
    let text = this.#pending
    this.#pending = ''
    if (this.#ticks % TICKS_PER_LEVELS === 0) text += this.#levelsFrame()
    if (this.#ticks % TICKS_PER_HEARTBEAT === 0) text += ': still here\n\n'
    if (text === '') return
    for (const sink of this.#sinks) {
      if (sink.unread > MOST_UNREAD) sink.drop()
      else sink.write(text)
    }
  }

  /** Without an id: who missed one gets the next. */
  #levelsFrame(): string {
    return `event: levels\ndata: ${JSON.stringify(toWire(this.#parts.levels()))}\n\n`
  }

  #idOf(count: number): string {
    return `${this.#parts.run}/${count}`
  }
}
