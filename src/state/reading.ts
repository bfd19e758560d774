// What the state file holds, with its age.

import type { DatabaseSync } from 'node:sqlite'
import type { Millis } from '../core/units.ts'

const ORDERS_AT_A_TIME = 5_000
const SOME_ORDERS = `
  SELECT group_concat('[' || saved_at || ',' || state || ']') AS rows
  FROM (SELECT * FROM orders WHERE id >= ? AND id < ? ORDER BY id)
`

/** A saved value with its age. */
export interface Saved {
  readonly key: string
  readonly value: unknown
  readonly elapsedMs: Millis
}

/** The rows of a query for `key`, `state` and `saved_at`, as of that time since the epoch. */
export const savedIn = (db: DatabaseSync, query: string, wallMs: Millis): readonly Saved[] =>
  db
    .prepare(query)
    .all()
    .map((row) => ({
      key: String(row.key),
      value: JSON.parse(String(row.state)) as unknown,
      // A wall clock that was set back must not make time run backwards.
      elapsedMs: Math.max(0, wallMs - Number(row.saved_at)),
    }))

/** What was learned of orders, in that order. Read and parsed by the thousand, for there may be hundreds of thousands. */
export function* ordersIn(
  db: DatabaseSync,
  wallMs: Millis,
): Iterable<{ readonly news: unknown; readonly elapsedMs: Millis }> {
  const range = db.prepare('SELECT min(id) AS first, max(id) AS last FROM orders').get()
  const some = db.prepare(SOME_ORDERS)
  for (let from = Number(range?.first); from <= Number(range?.last); from += ORDERS_AT_A_TIME) {
    const { rows } = some.get(from, from + ORDERS_AT_A_TIME) ?? {}
    for (const [at, news] of JSON.parse(`[${rows ?? ''}]`) as readonly [Millis, unknown][]) {
      yield { news, elapsedMs: Math.max(0, wallMs - at) }
    }
  }
}
