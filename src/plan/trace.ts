// A file of calls, whatever its format: JSON lines, HAR 1.2 or weir's own log, told apart by what is in it. Read as a stream,
// one record at a time; a record that makes no sense is an item of its own, so that all of them can be told at once.

import { Entries } from './entries.ts'
import type { Item, Splitter } from './item.ts'
import { Lines } from './lines.ts'
import { readHarEntry } from './read-har.ts'
import { readJsonLine } from './read-json-lines.ts'
import { isLogLine, readLogLine } from './read-log.ts'

/** Formats by the name people know them by. */
export type FormatName = 'JSON lines' | 'HAR' | 'weir log'

/** An item and where it stands: `line 7`, `entry 3`. */
export interface Placed {
  readonly place: string
  readonly item: Item
}

interface Format {
  readonly name: FormatName
  readonly unit: 'line' | 'entry'
  readonly splitter: () => Splitter
  /** Undefined for a record that is no call. */
  readonly read: (text: string) => Item | undefined
}

/** Characters looked at to tell the format. */
const HEAD = 65_536

/** Tells the format and reads on from there, as many items at a time as a piece of the stream holds. */
export const openTrace = async (
  chunks: AsyncIterable<string>,
): Promise<{ readonly format: FormatName; readonly items: AsyncIterable<readonly Placed[]> }> => {
  const rest = chunks[Symbol.asyncIterator]()
  let head = ''
  while (head.length < HEAD) {
    const { done, value } = await rest.next()
    if (done) break
    head += value
  }
  const format = tell(head)
  return { format: format.name, items: items(format, head, { [Symbol.asyncIterator]: () => rest }) }
}

async function* items(format: Format, head: string, rest: AsyncIterable<string>): AsyncGenerator<readonly Placed[]> {
  const splitter = format.splitter()
  let count = 0
  const placed = (texts: readonly string[]): readonly Placed[] =>
    texts.flatMap((text) => {
      count += 1
      const item = format.read(text)
      return item === undefined ? [] : [{ place: `${format.unit} ${count}`, item }]
    })
  yield placed(splitter.feed(head.replace(/^\uFEFF/, '')))
  for await (const chunk of rest) yield placed(splitter.feed(chunk))
  const { last, broken } = splitter.end()
  if (last !== undefined) yield placed([last])
  if (broken !== undefined) yield [{ place: 'the end', item: { what: 'broken', message: broken } }]
}

const tell = (head: string): Format => {
  // A HAR is one object whose only member is `log` (HAR 1.2, section "HAR Data Structure").
  if (/^\uFEFF?\s*\{\s*"log"\s*:\s*\{/.test(head)) return HAR
  const first = head.split('\n').find((line) => line.trimStart().startsWith('{'))
  return first !== undefined && isLogLine(first) ? LOG : JSON_LINES
}

const HAR: Format = { name: 'HAR', unit: 'entry', splitter: () => new Entries(), read: readHarEntry }
const LOG: Format = { name: 'weir log', unit: 'line', splitter: () => new Lines(), read: readLogLine }
const JSON_LINES: Format = { name: 'JSON lines', unit: 'line', splitter: () => new Lines(), read: readJsonLine }
