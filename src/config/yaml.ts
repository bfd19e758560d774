// YAML text to a plain value, and from each place in the value back to its line and column.
// Promises: every syntax error and every key written twice is reported, all at once. The only file that knows `yaml`.

import { isAlias, isMap, isPair, isScalar, isSeq, LineCounter, type Node, parseDocument } from 'yaml'

/** Steps from the root to a place in the value: keys and list indexes. */
export type Path = readonly (string | number)[]

/** A stretch of text: offsets of its first character and of the one after its last. */
export interface Span {
  readonly start: number
  readonly end: number
}

/** Where one place of the value is written. */
interface Place {
  readonly key: Span | undefined
  readonly value: Span
}

/** What is wrong with the text itself. */
export interface SyntaxFault {
  readonly message: string
  readonly span: Span
}

export interface ParsedYaml {
  /** Undefined where the text can not be read at all. */
  readonly value: unknown
  readonly faults: readonly SyntaxFault[]
  /** True when the text is no YAML, so that the value means nothing. */
  readonly broken: boolean
  /** Where a place is written; the nearest place around it when it is not written at all. */
  readonly spanOf: (path: Path, at: 'key' | 'value') => Span
  readonly position: (offset: number) => { readonly line: number; readonly column: number }
}

/** Reads YAML 1.2. Never throws. */
export const parseYaml = (text: string): ParsedYaml => {
  const lines = new LineCounter()
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false, uniqueKeys: true })
  const faults: SyntaxFault[] = document.errors.map(({ code, message, pos }) => {
    const span = { start: pos[0], end: pos[1] }
    return { message: code === 'DUPLICATE_KEY' ? duplicate(text, span) : plain(message), span }
  })
  let broken = document.errors.some(({ code }) => code !== 'DUPLICATE_KEY')
  let value: unknown
  try {
    value = document.toJS({ maxAliasCount: 100 })
  } catch (error) {
    broken = true
    if (faults.length === 0) faults.push({ message: plain(String(error)), span: { start: 0, end: 0 } })
  }
  const places = new Map<string, Place>()
  if (document.contents !== null) walk(document.contents, [], undefined, places)
  return {
    value,
    faults,
    broken,
    spanOf: (path, at) => spanOf(places, path, at),
    position: (offset) => {
      const { line, col } = lines.linePos(offset)
      return { line: Math.max(1, line), column: Math.max(1, col) }
    },
  }
}

const walk = (node: Node, path: Path, key: Span | undefined, places: Map<string, Place>): void => {
  places.set(JSON.stringify(path), { key, value: span(node) })
  if (isMap(node)) {
    for (const pair of node.items) {
      if (!isPair(pair) || !isScalar(pair.key)) continue
      const at = span(pair.key)
      const inner = [...path, String(pair.key.value)]
      if (pair.value === null) places.set(JSON.stringify(inner), { key: at, value: at })
      else walk(pair.value as Node, inner, at, places)
    }
  } else if (isSeq(node)) {
    for (const [index, item] of node.items.entries()) walk(item as Node, [...path, index], undefined, places)
  } else if (isAlias(node)) {
    // What an alias stands for is written elsewhere; a fault in it is shown where it is used.
  }
}

const span = (node: Node): Span => ({ start: node.range?.[0] ?? 0, end: node.range?.[1] ?? 0 })

const spanOf = (places: Map<string, Place>, path: Path, at: 'key' | 'value'): Span => {
  for (let length = path.length; length >= 0; length -= 1) {
    const place = places.get(JSON.stringify(path.slice(0, length)))
    if (place === undefined) continue
    if (place.key !== undefined && (at === 'key' || length < path.length)) return place.key
    return place.value
  }
  return { start: 0, end: 0 }
}

const duplicate = (text: string, { start, end }: Span): string => {
  const key = /^[\w.-]+/.exec(text.slice(start, Math.max(end, start + 64)))?.[0]
  return key === undefined ? 'a key is written twice' : `"${key}" is written twice; the second one is here`
}

/** The parser's message as one plain sentence. */
const plain = (message: string): string => {
  const first = message.replace(/^\w*Error: /, '').split('\n')[0] ?? message
  return `this is not valid YAML: ${first}`
}
