// What one weir remembers over a restart: levels of buckets, orders, the nonces of keys, and how everything fared.

import type { Clock } from '../core/clock.ts'
import type { LanesJournal } from '../limit/lanes.ts'
import { MemoryStore } from '../limit/memory.ts'
import type { MeterSnapshot } from '../limit/meter.ts'
import type { BucketStore } from '../limit/store.ts'
import { stragglers } from '../limit/stragglers.ts'
import type { KeysJournal } from '../lockout/keys.ts'
import type { HistoryJournal } from '../observe/history.ts'
import type { Log } from '../observe/log.ts'
import type { OrderNews } from '../orders/ages.ts'
import type { Database } from '../state/database.ts'

/** Buckets of this weir alone. */
export const ownStore = (clock: Clock, coldStart: () => number, database: Database): BucketStore =>
  new MemoryStore(clock, coldStart, {
    load: () =>
      database.levels().map(({ key, value, elapsedMs }) => ({ key, snapshot: value as MeterSnapshot, elapsedMs })),
    emptiedAgoMs: () => database.emptiedAgoMs,
    save: (key, snapshot, urgent) => database.saveLevel(key, snapshot, urgent),
  })

/** What is lost makes an order unknown, and so dear; a lost amendment would make it older than it is, and so too cheap. */
export const keepOrder = (database: Database, news: OrderNews): void =>
  database.saveOrder(news, news.type === 'amended')

/** Keys that rest: to call with one that is locked out would prolong that. */
export const keysJournal = (database: Database): KeysJournal => ({
  load: () => database.kept('resting keys'),
  save: (text) => database.keep('resting keys', text),
})

/** Minutes of the last day. */
export const historyJournal = (database: Database): HistoryJournal => ({
  load: () => database.history(),
  save: (atWallMs, value) => database.saveHistory(atWallMs, value),
})

/** Nonces of the last weir, and what it left on the way when it died. */
export const lanesJournal = (database: Database, log: Log): LanesJournal => {
  const left = stragglers(
    database.levels().map(({ key, value, elapsedMs }) => ({ key, snapshot: value as MeterSnapshot, elapsedMs })),
  )
  if (left.size > 0) {
    const forMs = Math.ceil(Math.max(...left.values()))
    log.warn('calls were under way when weir died: others of their keys wait until those must have arrived', {
      keys: left.size,
      for_ms: forMs,
    })
  }
  return {
    load: () => database.nonces().map(({ key, value }) => [key, value]),
    save: (lane, mark) => database.saveNonce(lane, mark),
    stragglers: left,
  }
}
