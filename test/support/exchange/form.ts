// Reads a request body the way Kraken does: JSON when the Content-Type says so, else a form whose bracketed names
// (`orders[0][type]=buy`) nest.

export type Fields = Readonly<Record<string, unknown>>

/** The body's fields; an unreadable body has none. */
export function readFields(body: Buffer, contentType: string): Fields {
  const text = body.toString('utf8')
  if (!contentType.includes('json')) return readForm(text)
  try {
    const value: unknown = JSON.parse(text)
    return isRecord(value) ? value : {}
  } catch {
    return {}
  }
}

/** One field as text, empty when absent or not a plain value. */
export function field(fields: Fields, name: string): string {
  const value = fields[name]
  return typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean' ? String(value) : ''
}

/** One field as a list: an array, the values of a nested form object, or a comma-separated text. */
export function listField(fields: Fields, name: string): unknown[] {
  const value = fields[name]
  if (Array.isArray(value)) return value
  if (isRecord(value)) return Object.values(value)
  const text = field(fields, name)
  return text === '' ? [] : text.split(',')
}

export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function readForm(text: string): Fields {
  const fields: Record<string, unknown> = Object.create(null)
  for (const [name, value] of new URLSearchParams(text)) {
    const path = name.split('[').map((part) => part.replace(/\]$/, ''))
    let at = fields
    for (const step of path.slice(0, -1)) {
      const next = at[step]
      const inner: Record<string, unknown> = isRecord(next) ? next : Object.create(null)
      at[step] = inner
      at = inner
    }
    const last = path.at(-1) || String(Object.keys(at).length)
    at[last] = value
  }
  return fields
}
