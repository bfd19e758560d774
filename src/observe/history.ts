// How every exchange, class and bucket fared: the last quarter of an hour in steps of five seconds, kept in memory, and the
// last day in steps of a minute, kept in the state file. A call adds to plain numbers; once per step they become columns.

import { type Clock, every, type Timer } from '../core/clock.ts'
import type { Observer } from '../core/events.ts'
import type { Millis } from '../core/units.ts'
import type { LimitView } from '../core/views.ts'
import type { HistoryView, SeriesView, Span } from '../core/watch.ts'
import { Gathering, type Point } from './gathering.ts'
import { Ring } from './ring.ts'

/** Where minutes survive a restart. */
export interface HistoryJournal {
  /** Those of the last day, oldest first. */
  load(): Iterable<{ readonly atWallMs: Millis; readonly value: unknown }>
  save(atWallMs: Millis, value: unknown): void
}

export interface HistoryParts {
  readonly clock: Clock
  readonly limits: () => readonly LimitView[]
  readonly journal: HistoryJournal
  /** Hears of a step that could not be closed. */
  readonly tell: Observer
}

/** What is known of one step. */
interface Frame {
  readonly atWallMs: Millis
  readonly series: Readonly<Record<string, Point>>
  readonly utilization: Readonly<Record<string, number>>
}

const SPANS: Readonly<Record<Span, { readonly stepMs: Millis; readonly steps: number }>> = {
  '15m': { stepMs: 5_000, steps: 180 },
  '24h': { stepMs: 60_000, steps: 1_440 },
}

/** The past of one weir. */
export class History {
  readonly #parts: HistoryParts
  readonly #frames: Readonly<Record<Span, Ring<Frame>>> = {
    '15m': new Ring(SPANS['15m'].steps),
    '24h': new Ring(SPANS['24h'].steps),
  }
  #step = new Gathering()
  #minute = new Gathering()
  #timer: Timer | undefined

  constructor(parts: HistoryParts) {
    this.#parts = parts
    for (const { atWallMs, value } of parts.journal.load()) {
      this.#frames['24h'].push({ ...(value as Omit<Frame, 'atWallMs'>), atWallMs })
    }
  }

  readonly observer: Observer = (event) => {
    if (event.type === 'call.finished') this.#step.add(event.call.record)
  }

  /** Steps along with the wall clock until `stop`. */
  start(): void {
    const { clock, tell } = this.#parts
    const { stepMs } = SPANS['15m']
    let began: Millis = 0
    const untilNext = (): Millis => {
      const wall = clock.wall()
      began = wall - (wall % stepMs)
      return began + stepMs - wall
    }
    // A machine that slept wakes up in another step than it fell asleep in: what was gathered belongs to the older one.
    const close = (): void => this.#close(began)
    this.#timer = every(clock, untilNext, close, (error) => tell({ type: 'observer.failed', error }))
  }

  stop(): void {
    this.#timer?.cancel()
  }

  /** The last steps, up to the one before the current. @param exchange whose; undefined for all */
  view(span: Span, exchange: string | undefined): HistoryView {
    const { stepMs, steps } = SPANS[span]
    const wall = this.#parts.clock.wall()
    const now = wall - (wall % stepMs)
    const atWallMs = Array.from({ length: steps }, (_, at) => now - (steps - at) * stepMs)
    const byTime = new Map(this.#frames[span].list().map((frame) => [frame.atWallMs, frame]))
    const frames = atWallMs.map((at) => byTime.get(at))
    const isWanted = (name: string) => exchange === undefined || name === exchange || name.startsWith(`${exchange}.`)
    return {
      stepMs,
      atWallMs,
      series: Object.fromEntries(namesIn(frames, 'series', isWanted).map((name) => [name, seriesOf(frames, name)])),
      utilization: Object.fromEntries(
        namesIn(frames, 'utilization', isWanted).map((name) => [
          name,
          frames.map((frame) => (frame === undefined ? null : (frame.utilization[name] ?? 0))),
        ]),
      ),
    }
  }

  #close(atWallMs: Millis): void {
    const { clock, journal, limits } = this.#parts
    const step = this.#step
    this.#step = new Gathering()
    step.fill(limits())
    this.#minute.merge(step)
    this.#frames['15m'].push({ atWallMs, ...step.summary() })
    const { stepMs } = SPANS['24h']
    const began = atWallMs - (atWallMs % stepMs)
    if (clock.wall() < began + stepMs) return
    const minute = this.#minute.summary()
    this.#minute = new Gathering()
    this.#frames['24h'].push({ atWallMs: began, ...minute })
    journal.save(began, minute)
  }
}

const FIELDS = [
  ...(['calls', 'refused', 'failed', 'waited', 'fresh', 'stale'] as const),
  ...(['waitP50Ms', 'waitP99Ms', 'upstreamP50Ms', 'upstreamP99Ms'] as const),
] satisfies readonly (keyof SeriesView)[]

/** Where nobody called, counts are 0 and times are not known. */
const COUNTS = 6

const seriesOf = (frames: readonly (Frame | undefined)[], name: string): SeriesView => {
  const column = (at: number) =>
    frames.map((frame) => {
      if (frame === undefined) return null
      const point = frame.series[name]
      return point === undefined ? (at < COUNTS ? 0 : null) : orNull(point[at])
    })
  return Object.fromEntries(FIELDS.map((field, at) => [field, column(at)])) as unknown as SeriesView
}

const namesIn = (
  frames: readonly (Frame | undefined)[],
  part: 'series' | 'utilization',
  isWanted: (name: string) => boolean,
): readonly string[] => {
  const names = new Set(frames.flatMap((frame) => Object.keys(frame?.[part] ?? {})))
  return [...names].filter(isWanted).sort()
}

const orNull = (value: number | null | undefined): number | null => value ?? null
