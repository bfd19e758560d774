// `weir status --watch`: the screen again and again. On a terminal it is drawn over itself in one write, so that nothing
// flickers even over a slow line; piped, screens follow each other as plain text.

import type { Clock } from '../core/clock.ts'
import type { Millis } from '../core/units.ts'
import { NotRunning } from './desk.ts'

/** Where it is shown. */
export interface Output {
  readonly isTTY: boolean
  readonly columns: number | undefined
  readonly rows: number | undefined
  /** False when the reader is slower than we are. */
  write(text: string): boolean
}

export interface WatchParts {
  readonly clock: Clock
  readonly out: Output
  /** The screen now. @throws NotRunning when weir is away */
  readonly read: () => Promise<string>
  /** Ends the watch. */
  readonly quit: AbortSignal
}

const EVERY_MS: Millis = 1000

// What terminals understand (ECMA-48, and DEC's private modes): no codes are sent where there is no terminal.
const ENTER = '\x1b[?1049h\x1b[?25l'
const LEAVE = '\x1b[?25h\x1b[?1049l'
const HOME = '\x1b[H'
const TO_END_OF_LINE = '\x1b[K'
const TO_END_OF_SCREEN = '\x1b[J'
/** Terminals that know it show all or nothing in between; others pass over it. */
const HOLD = '\x1b[?2026h'
const SHOW = '\x1b[?2026l'

/** Resolves once `quit` says so; the terminal is as it was then. */
export const watch = async ({ clock, out, read, quit }: WatchParts): Promise<void> => {
  if (out.isTTY) out.write(ENTER)
  try {
    while (!quit.aborted) {
      const screen = await read().catch(awayText)
      if (quit.aborted) break
      out.write(out.isTTY ? frame(screen, out.rows) : `${screen}\n`)
      await pause(clock, quit)
    }
  } finally {
    if (out.isTTY) out.write(LEAVE)
  }
}

/** One picture over the last: each line is ended where it ends, and what was below is wiped. */
const frame = (screen: string, told: number | undefined): string => {
  // A terminal that does not know its size says 0.
  const rows = told || Number.POSITIVE_INFINITY
  const lines = screen.trimEnd().split('\n')
  const shown = lines.length <= rows ? lines : [...lines.slice(0, rows - 1), `… ${lines.length - rows + 1} more lines`]
  return HOLD + HOME + shown.map((line) => line + TO_END_OF_LINE).join('\r\n') + TO_END_OF_SCREEN + SHOW
}

const awayText = (error: unknown): string => {
  if (error instanceof NotRunning) return `weir is away: ${error.message}\n`
  throw error
}

const pause = (clock: Clock, quit: AbortSignal): Promise<void> =>
  new Promise((resolve) => {
    const timer = clock.after(EVERY_MS, resolve)
    quit.addEventListener(
      'abort',
      () => {
        timer.cancel()
        resolve()
      },
      { once: true },
    )
  })
