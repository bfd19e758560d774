// How durations, rates, sizes and shares are written in limits.yaml and on the command line, and what they are worth.
// Pure. The patterns are also those of the JSON Schema, so an editor and weir accept the same words.

import type { Bytes, Millis, TokensPerMs } from '../core/units.ts'

const MS = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 } as const
const BYTES = { '': 1, B: 1, KiB: 1024, MiB: 1024 ** 2, GiB: 1024 ** 3 } as const

/** `500ms`, `5s`, `1.5m`, `1h`. A number alone has no unit and is refused, except 0. */
export const DURATION = /^(?:0|(\d+(?:\.\d+)?)(ms|s|m|h))$/
/** `1/s`, `0.33/s`, `15/45s`, `10000/1h`. */
export const RATE = /^(\d+(?:\.\d+)?)\/(\d+(?:\.\d+)?)?(ms|s|m|h)$/
/** `2MiB`, `64KiB`, `512B`, `512`. */
export const SIZE = /^(\d+)(B|KiB|MiB|GiB)?$/
/** `80%`. */
export const PERCENT = /^(\d+(?:\.\d+)?)%$/

/** Milliseconds of a text that matches `DURATION`. */
export const durationMs = (text: string): Millis => {
  const [, amount = '0', unit = 'ms'] = DURATION.exec(text) ?? []
  return Number(amount) * MS[unit as keyof typeof MS]
}

/** Tokens per millisecond of a text that matches `RATE`. */
export const ratePerMs = (text: string): TokensPerMs => {
  const [, amount = '0', every = '1', unit = 's'] = RATE.exec(text) ?? []
  return Number(amount) / (Number(every) * MS[unit as keyof typeof MS])
}

/** Octets of a text that matches `SIZE`. */
export const sizeBytes = (text: string): Bytes => {
  const [, amount = '0', unit = ''] = SIZE.exec(text) ?? []
  return Number(amount) * BYTES[unit as keyof typeof BYTES]
}

/** 0 to 1 of a text that matches `PERCENT`. */
export const percentShare = (text: string): number => Number(PERCENT.exec(text)?.[1] ?? 0) / 100
