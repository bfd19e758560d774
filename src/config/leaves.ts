// The words limits.yaml is made of: durations, rates, sizes, names, and values that vary by tier, as zod types.
// Each says in plain words what it expects; src/config/schema.ts builds the file's shape from them.

import { z } from 'zod'
import { DURATION, durationMs, PERCENT, percentShare, RATE, ratePerMs, SIZE, sizeBytes } from './units.ts'

const written = (title: string, example: string, pattern: RegExp, read: (text: string) => number) => {
  const error = `expected a ${title} such as ${example}`
  return z.string({ error }).regex(pattern, { error }).transform(read).meta({ title })
}

/** `500ms`, `5s`, `15m`, `1h`: milliseconds. */
export const duration = written('duration', '500ms, 5s, 15m or 1h', DURATION, durationMs)
/** `1/s`, `15/45s`: tokens per millisecond. */
export const rate = written('rate', '1/s, 0.33/s or 15/45s', RATE, ratePerMs)
/** `64KiB`: bytes. */
export const size = z
  .union([z.int().min(0), written('size', '64KiB, 2MiB or 512', SIZE, sizeBytes)], {
    error: 'expected a size such as 64KiB, 2MiB or 512',
  })
  .meta({ title: 'size' })
/** `80%` or `0.8`: 0 to 1. */
export const share = z
  .union([z.number().min(0).max(1), written('share', '80% or 0.8', PERCENT, percentShare)], {
    error: 'expected a share such as 80% or 0.8',
  })
  .refine((value) => value <= 1, { error: 'expected a share of at most 100%' })
  .meta({ title: 'share' })
/** A whole number from 1. */
export const count = z.int().min(1).meta({ title: 'whole number' })
/** A number from 0. */
export const tokens = z.number().min(0).meta({ title: 'number' })
/** true or false. */
export const flag = z.boolean().meta({ title: 'true or false' })

const NAME = 'expected a name of lower-case letters, digits and underscores'
/** Names of exchanges, buckets and classes: they become metric labels and variable names. */
export const name = z.string().regex(/^[a-z][a-z0-9_]*$/, { error: NAME })
/** A host name in lower case. */
export const host = z
  .string()
  .regex(/^(?=.{1,253}$)[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)+$/, {
    error: 'expected a host name in lower case, without scheme, port or path',
  })
  .meta({ title: 'host' })
/** A path from the root, without query. */
export const path = z
  .string()
  .regex(/^\/[^\s?#]*$/, { error: 'expected a path that begins with /' })
  .meta({ title: 'path' })

const STATUS = 'expected a status such as 429, 5xx or 500-504'
/** `429`, `5xx`, `500-504`. */
export const status = z
  .union([z.int().min(100).max(599), z.string().regex(/^([1-5]xx|[1-5]\d\d-[1-5]\d\d)$/, { error: STATUS })], {
    error: STATUS,
  })
  .meta({ title: 'status' })

/** One, or a list of them. */
export const oneOrMore = <T extends z.ZodType>(one: T, title: string) =>
  z.union([one, z.array(one).min(1)], { error: `expected ${title}, or a list of them` }).meta({ title })

/** A value, or one value per tier (or costs) word; the exchange's own word chooses. `word` says what may be one. */
export const varied = <T extends z.ZodType>(one: T, title: string, expected: string, word = name) =>
  z
    .union([one, z.record(word, one)], {
      error: `expected ${expected}, or one per tier such as { starter: …, pro: … }`,
    })
    .meta({ title: `${title}, or one per tier` })

/** The same keys with nothing required and no defaults: for sections that override others. */
export const overriding = <S extends z.ZodRawShape>(object: z.ZodObject<S>) =>
  Object.fromEntries(
    Object.entries(object.shape).map(([key, field]) => [
      key,
      ((field instanceof z.ZodPrefault ? field.unwrap() : field) as z.ZodType).exactOptional(),
    ]),
  ) as unknown as { [K in keyof S]: z.ZodExactOptional<z.ZodType<z.output<S[K]>>> }
