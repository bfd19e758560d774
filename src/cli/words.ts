// Numbers as people read them, for everything the command line prints.

import type { Bytes, Millis } from '../core/units.ts'

/** `350 ms`, `4.2 s`, `12 s`, `5 min`, `2 h`, `3 d`. */
export const duration = (ms: Millis): string => {
  if (ms < 1000) return `${Math.ceil(ms)} ms`
  const seconds = ms / 1000
  if (seconds < 10) return `${trimmed(seconds, 1)} s`
  if (seconds < 120) return `${Math.ceil(seconds)} s`
  if (seconds < 3600) return `${Math.round(seconds / 60)} min`
  if (seconds < 172_800) return `${trimmed(seconds / 3600, 1)} h`
  return `${Math.round(seconds / 86_400)} d`
}

/** `350 ms`, `96.4 s`, `9 min 40 s`, `1 h 5 min`, `3 d 2 h`: times to compare, one unit finer than `duration`. */
export const span = (ms: Millis): string => {
  if (Math.ceil(ms) < 1000) return `${Math.ceil(ms)} ms`
  const seconds = Math.round(ms / 1000)
  if (seconds < 120) return `${trimmed(ms / 1000, 1)} s`
  if (seconds < 3600) return inTwo(seconds, 60, 'min', 's')
  const minutes = Math.round(seconds / 60)
  return minutes < 48 * 60 ? inTwo(minutes, 60, 'h', 'min') : inTwo(Math.round(minutes / 60), 24, 'd', 'h')
}

/** `38 %`; what is there at all is never 0. */
export const percent = (share: number): string =>
  share > 0 && share < 0.01 ? 'under 1 %' : `${Math.round(share * 100)} %`

/** `3`, `0.33`, `-1.5`: tokens, with no more digits than matter. */
export const amount = (tokens: number): string => trimmed(tokens, 2)

/** `812 B`, `1.5 KiB`, `64 MiB`. */
export const bytes = (count: Bytes): string => {
  if (count < 1024) return `${count} B`
  return count < 1024 ** 2 ? `${trimmed(count / 1024, 1)} KiB` : `${trimmed(count / 1024 ** 2, 1)} MiB`
}

/** `1 call`, `3 calls`. */
export const counted = (count: number, noun: string, plural = `${noun}s`): string =>
  `${count} ${count === 1 ? noun : plural}`

const inTwo = (count: number, size: number, big: string, small: string): string =>
  `${Math.floor(count / size)} ${big}${count % size === 0 ? '' : ` ${count % size} ${small}`}`

const trimmed = (value: number, digits: number): string => String(Number(value.toFixed(digits)))
