// YAML text to a plain value, and from each place in the value back to its line and column.
// Promises: every key written twice is reported, and the first syntax error; what follows one is mostly its echo.
// The only file that knows `yaml`.

import { type Document, isMap, isPair, isScalar, isSeq, LineCounter, type Node, parseDocument, visit } from 'yaml'

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
  const document = parseDocument(text, {
    lineCounter: lines,
    prettyErrors: false,
    uniqueKeys: true,
    logLevel: 'silent',
  })
  const syntax = document.errors.find(({ code }) => code !== 'DUPLICATE_KEY')
  const faults: SyntaxFault[] =
    syntax === undefined
      ? document.errors.map(({ pos }) => duplicate(text, pos[0]))
      : [{ message: plain(syntax.code, syntax.message), span: { start: syntax.pos[0], end: syntax.pos[1] } }]
  let broken = syntax !== undefined
  let value: unknown
  try {
    value = document.toJS({ maxAliasCount: 100 })
  } catch (error) {
    broken = true
    if (faults.length === 0) faults.push(strayAlias(document) ?? { message: plain('', String(error)), span: NOWHERE })
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

/** What an alias stands for is written elsewhere; a fault in it is shown where it is used. */
const walk = (node: Node, path: Path, key: Span | undefined, places: Map<string, Place>): void => {
  const value = span(node)
  const empty = value.end === value.start && key !== undefined
  places.set(JSON.stringify(path), { key, value: empty ? key : value })
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
  return NOWHERE
}

const NOWHERE: Span = { start: 0, end: 0 }

const strayAlias = (document: Document): SyntaxFault | undefined => {
  let found: SyntaxFault | undefined
  visit(document, {
    Alias: (_, alias) => {
      if (alias.resolve(document) !== undefined) return undefined
      const message = `the alias *${alias.source} stands for nothing: no &${alias.source} is before it`
      found = { message, span: span(alias) }
      return visit.BREAK
    },
  })
  return found
}

const duplicate = (text: string, start: number): SyntaxFault => {
  const key = /^(?:"[^"]*"|'[^']*'|[^\s:]*)/.exec(text.slice(start))?.[0] ?? ''
  return { message: `${key} is written twice; this is the second one`, span: { start, end: start + key.length } }
}

/** Words for the slips that happen most; else the parser's own. */
const plain = (code: string, message: string): string => {
  if (code === 'TAB_AS_INDENT') return 'a tab can not indent; use spaces'
  if (/end with a [\]}]/.test(message)) return 'a list or section opened before with [ or { is not closed'
  if (/[Mm]issing closing .*quote/.test(message)) return 'a quote is not closed'
  if (/same column/.test(message)) return 'the keys of a section must all start in the same column'
  const first = message.replace(/^\w*Error: /, '').split('\n')[0] ?? message
  return `this is not valid YAML: ${first}`
}
