// The reference of limits.yaml for the README, and `limits.schema.json`: printed from the schema, never written by hand.

import { FLAGS, VARIABLES } from './flags.ts'
import { resolve, type Schema } from './known.ts'
import { limitsSchema } from './schema.ts'

/** `limits.schema.json` as committed beside limits.yaml, and what `weir schema` prints. */
export const limitsSchemaText = (): string => `${JSON.stringify(limitsSchema(), null, 2)}\n`

/** Markdown: one table per section of limits.yaml with key, type, default and meaning. */
export const limitsReference = (): string => {
  const root = limitsSchema() as Schema
  const sections = sectionsOf(root).map(([name, section]) => {
    const intro = section.description === undefined ? [] : [section.description, '']
    return [`#### ${HEADINGS[name] ?? `\`${name}\``}`, '', ...intro, ...table(root, section)].join('\n')
  })
  return `${sections.join('\n\n')}\n`
}

/** Markdown: flags with their variables and defaults, then the variables that have no flag. */
export const settingsReference = (): string => {
  const rows = [
    '| flag | variable | default | meaning |',
    '|---|---|---|---|',
    ...FLAGS.map(({ flag, variable, value, default: fallback, meaning, many }) => {
      const cells = [`\`--${flag} ${value}\``, `\`${variable}\``, fallback === undefined ? '' : `\`${fallback}\``]
      return `| ${cells.join(' | ')} | ${meaning}${many ? ' May be repeated; in the variable, commas.' : ''} |`
    }),
    ...VARIABLES.map(({ variable, meaning }) => `| | \`${variable.replaceAll('|', '\\|')}\` | | ${meaning} |`),
  ]
  return `${rows.join('\n')}\n`
}

const HEADINGS: Readonly<Record<string, string>> = { '': 'limits.yaml' }

/** The file itself first, then its named parts in the order in which they are first spoken of. */
const sectionsOf = (root: Schema): readonly (readonly [string, Schema])[] => {
  const found = new Map<string, Schema>([['', root]])
  for (const schema of found.values()) {
    for (const property of Object.values(keysOf(schema))) {
      for (const id of references(property)) {
        const section = root.$defs?.[id]
        if (section !== undefined) found.set(id, section)
      }
    }
  }
  return [...found]
}

/** Ids of the named sections that a schema speaks of. */
const references = (schema: Schema): readonly string[] => {
  if (schema.$ref !== undefined) return [idOf(schema.$ref)]
  const inner = [...(schema.anyOf ?? []), schema.items, schema.additionalProperties]
  return inner.flatMap((part) => (typeof part === 'object' ? references(part) : []))
}

const idOf = (ref: string): string => ref.replace('#/$defs/', '')

/** The keys of a section; where it has alternatives, of all of them. */
const keysOf = (section: Schema): Readonly<Record<string, Schema>> =>
  section.properties ?? Object.assign({}, ...(section.anyOf ?? []).map(keysOf))

const table = (root: Schema, section: Schema): readonly string[] => [
  '| key | type | default | meaning |',
  '|---|---|---|---|',
  ...Object.entries(keysOf(section)).map(([key, schema]) => {
    const required = section.required?.includes(key) === true
    const meaning = schema.description ?? resolve(root, schema).description ?? ''
    const cells = [`\`${key}\``, typeText(schema), required ? 'required' : defaultText(schema.default), meaning]
    return `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`
  }),
]

const defaultText = (value: unknown): string => {
  if (value === undefined) return ''
  if (typeof value === 'object') return Object.keys(value ?? {}).length === 0 ? '' : `\`${JSON.stringify(value)}\``
  return `\`${String(value)}\``
}

const typeText = (schema: Schema): string => {
  if (schema.title !== undefined) return schema.title
  if (schema.$ref !== undefined) return `[${idOf(schema.$ref)}](#${idOf(schema.$ref).replaceAll('.', '')})`
  if (schema.enum !== undefined) return schema.enum.map((word) => `\`${word}\``).join(', ')
  if (schema.anyOf !== undefined) return [...new Set(schema.anyOf.map(typeText))].join(' or ')
  if (schema.items !== undefined) return `list of ${typeText(schema.items)}`
  if (typeof schema.additionalProperties === 'object') return `name → ${typeText(schema.additionalProperties)}`
  return PLAIN[schema.type ?? ''] ?? 'any'
}

const PLAIN: Readonly<Record<string, string>> = {
  object: 'section',
  string: 'text',
  integer: 'whole number',
  number: 'number',
}
