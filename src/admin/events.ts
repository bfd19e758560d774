// `/v1/events`: news as it happens and one picture of the levels per second, as server-sent events, while somebody listens.
// Bounded in listeners, in what a slow one may leave unread, and in calls told per tick; nobody listening costs nothing.

import { type Clock, every, type Timer } from '../core/clock.ts'
import type { Bytes, Millis } from '../core/units.ts'
import type { News } from '../core/watch.ts'
import { toWire } from './wire.ts'

/** One listener's connection. */
export interface Sink {
  write(text: string): void
  /** Written and not yet taken by the network. */
  readonly unread: Bytes
  /** Ends the stream once everything written is taken. */
  end(): void
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
  /** Told of bugs. */
  readonly onError: (error: unknown) => void
}

const MOST_LISTENERS = 16
const MOST_UNREAD: Bytes = 1024 * 1024
/** News is gathered this long: a write to every listener for every call would cost more than the call. */
const TICK_MS: Millis = 100
const LEVELS_MS: Millis = 1000
const HEARTBEAT_MS: Millis = 15_000
/** More than anybody reads; the log has them all. */
const CALLS_PER_TICK = 25
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
  #callsThisTick = 0
  #timers: readonly Timer[] = []
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
    // Told to those who are here: to the one who comes it is told as missed, or not at all.
    this.#flush()
    const missed = this.#since(lastHeard)
    this.#sinks.add(sink)
    sink.onClosed(() => this.#leave(sink))
    if (this.#sinks.size === 1) this.#start()
    const hello = JSON.stringify({ run: this.#parts.run, resumed: missed !== undefined })
    // Who is resumed is up to date only when the last of what it missed has arrived: no id before that.
    const id = missed === undefined ? `id: ${this.#idOf(this.#lastId)}\n` : ''
    sink.write(`retry: 1000\n${id}event: hello\ndata: ${hello}\n\n${missed ?? ''}`)
    sink.write(this.#levelsFrame())
  }

  /** Tells what is still to be told, and lets every listener go. */
  end(): void {
    this.#flush()
    for (const sink of this.#sinks) {
      sink.end()
      this.#leave(sink)
    }
  }

  /** Frames after the one heard last; undefined when they are not all known any more. */
  #since(lastHeard: string | undefined): string | undefined {
    const [run, heard] = (lastHeard ?? '').split('/')
    const count = Number(heard)
    const oldest = this.#kept[0]?.id ?? this.#lastId + 1
    if (run !== this.#parts.run || !(count >= oldest - 1 && count <= this.#lastId)) return undefined
    return this.#kept
      .filter(({ id }) => id > count)
      .map(({ text }) => text)
      .join('')
  }

  #start(): void {
    const { subscribe, onError } = this.#parts
    this.#unsubscribe = subscribe((news) => this.#hear(news))
    const repeat = (ms: Millis, task: () => void): Timer => every(this.#parts, () => ms, task, onError)
    this.#timers = [
      repeat(TICK_MS, () => this.#flush()),
      repeat(LEVELS_MS, () => this.#tell(this.#levelsFrame())),
      repeat(HEARTBEAT_MS, () => this.#tell(': still here\n\n')),
    ]
  }

  #leave(sink: Sink): void {
    if (!this.#sinks.delete(sink) || this.#sinks.size > 0) return
    for (const timer of this.#timers) timer.cancel()
    this.#unsubscribe?.()
    this.#kept = []
    this.#pending = ''
    this.#callsThisTick = 0
    // What happens now is told to nobody: the number that stands for it is one that nobody has heard.
    this.#lastId += 1
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

  #flush(): void {
    const skipped = this.#callsThisTick - CALLS_PER_TICK
    if (skipped > 0) this.#say('skipped', { calls: skipped })
    this.#callsThisTick = 0
    const text = this.#pending
    this.#pending = ''
    if (text !== '') this.#tell(text)
  }

  #tell(text: string): void {
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
