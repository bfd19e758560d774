// Which keys a section of limits.yaml may have, found by walking the JSON Schema along a path. For "did you mean".

import type { Path } from './yaml.ts'

/** The parts of a JSON Schema that weir's own uses. */
export interface Schema {
  readonly $ref?: string
  readonly $defs?: Readonly<Record<string, Schema>>
  readonly type?: string
  readonly title?: string
  readonly description?: string
  readonly default?: unknown
  readonly enum?: readonly string[]
  readonly properties?: Readonly<Record<string, Schema>>
  readonly additionalProperties?: Schema | boolean
  readonly required?: readonly string[]
  readonly items?: Schema
  readonly anyOf?: readonly Schema[]
}

/** The keys that the section at a path may have, of all alternatives together. */
export const knownKeys = (root: Schema, path: Path): readonly string[] => {
  let at: readonly Schema[] = alternatives(root, root)
  for (const step of path) {
    at = at.flatMap((schema) => inside(schema, step).flatMap((found) => alternatives(root, found)))
  }
  return [...new Set(at.flatMap((schema) => Object.keys(schema.properties ?? {})))]
}

/** A schema behind its reference. */
export const resolve = (root: Schema, schema: Schema): Schema => {
  const id = schema.$ref?.replace('#/$defs/', '')
  return id === undefined ? schema : (root.$defs?.[id] ?? schema)
}

const alternatives = (root: Schema, schema: Schema): readonly Schema[] => {
  const found = resolve(root, schema)
  return found.anyOf === undefined ? [found] : found.anyOf.flatMap((inner) => alternatives(root, inner))
}

const inside = (schema: Schema, step: string | number): readonly Schema[] => {
  if (typeof step === 'number') return schema.items === undefined ? [] : [schema.items]
  const property = schema.properties?.[step]
  if (property !== undefined) return [property]
  return typeof schema.additionalProperties === 'object' ? [schema.additionalProperties] : []
}
