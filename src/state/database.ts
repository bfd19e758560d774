// What survives a restart, in one SQLite file: levels of buckets, the highest nonces of keys, states of breakers, what was
// learned of orders, a day of history, and the secret that hashes key ids.

import { randomBytes } from 'node:crypto'
import { join } from 'node:path'
import type { DatabaseSync, StatementSync } from 'node:sqlite'
import type { Clock, Timer } from '../core/clock.ts'
import type { Millis } from '../core/units.ts'
import { explained, makeDirectory } from './directory.ts'
import { Mark, openFile } from './file.ts'
import { ordersIn, type Saved, savedIn } from './reading.ts'

const SCHEMA = `
  CREATE TABLE IF NOT EXISTS levels (key TEXT PRIMARY KEY, state TEXT NOT NULL, saved_at REAL NOT NULL) WITHOUT ROWID;
  CREATE TABLE IF NOT EXISTS breakers (host TEXT PRIMARY KEY, state TEXT NOT NULL, saved_at REAL NOT NULL) WITHOUT ROWID;
  CREATE TABLE IF NOT EXISTS nonces (lane TEXT PRIMARY KEY, state TEXT NOT NULL, saved_at REAL NOT NULL) WITHOUT ROWID;
  CREATE TABLE IF NOT EXISTS orders (id INTEGER PRIMARY KEY, state TEXT NOT NULL, saved_at REAL NOT NULL);
  CREATE TABLE IF NOT EXISTS history (minute INTEGER PRIMARY KEY, state TEXT NOT NULL);
  CREATE TABLE IF NOT EXISTS settings (name TEXT PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID;
`
/** No counter of an exchange remembers longer. */
const FORGOTTEN_AFTER_MS: Millis = 2 * 24 * 3600_000
/** Minutes of history: a day. */
const HISTORY_KEPT_MS: Millis = 24 * 3600_000
/** News of orders that are kept, the newest; most orders have two, a birth and an end. */
const ORDERS_KEPT = 200_000
/** News of orders that wait while the file can not be written; an order that is lost is taken for the youngest. */
const ORDERS_WAITING = 20_000
/** Changes that can wait are gathered this long. */
const GATHER_MS: Millis = 200
/** Writes made at once per slot; an exchange's own limits keep real traffic far below. Beyond it they are gathered too. */
const DIRECT_WRITES_PER_SLOT = 200
const SLOT_MS: Millis = 100
/** A write that failed is tried again after this. */
const RETRY_MS: Millis = 1000
/** How long a write may wait for another process; nothing else happens meanwhile. */
const BUSY_MS: Millis = 100

/**
 * The state file. Every method is synchronous: a charge must be on record before its call leaves. When the file can not be
 * written (a full disk, another process), calls go on by what memory knows, and the file is brought up to date later.
 */
export class Database {
  /** What was there at the start. `unwritten`: the last weir died when it could not write, so more may be spent than is said. */
  readonly found: 'sound' | 'broken' | 'unwritten'
  /** Where a broken file was put. */
  readonly aside: string | undefined
  readonly #db: DatabaseSync
  readonly #clock: Clock
  readonly #writeSetting: StatementSync
  readonly #writeLevel: StatementSync
  readonly #writeBreaker: StatementSync
  readonly #writeNonce: StatementSync
  readonly #writeOrder: StatementSync
  readonly #dropOrders: StatementSync
  readonly #writeMinute: StatementSync
  readonly #dropMinutes: StatementSync
  readonly #told: (trouble: string | undefined) => void
  readonly #mark: Mark
  readonly #secret: Buffer
  readonly #emptyAtWallMs: Millis
  /** What is still to be written, as of the moment of writing. */
  readonly #dirty = new Map<string, () => void>()
  #orders: { readonly news: unknown; readonly at: Millis }[] = []
  #trouble: string | undefined
  #timer: Timer | undefined
  #slotEnds: Millis = 0
  #slotWrites = 0

  /**
   * Opens `weir.db` in `directory`, making both when absent. A file that is no database is set aside, never deleted.
   * @param told hears why the file can not be written, once; and of nothing when it can again
   * @throws StateError
   */
  constructor(directory: string, clock: Clock, told: (trouble: string | undefined) => void = () => {}) {
    makeDirectory(directory)
    this.#clock = clock
    this.#told = told
    const path = join(directory, 'weir.db')
    const { db, aside } = openFile(path, SCHEMA)
    this.#db = db
    this.aside = aside
    this.#secret = explained(path, () => secretIn(db))
    this.#db.exec(`PRAGMA busy_timeout = ${BUSY_MS}`)
    this.#mark = new Mark(path)
    // An earlier version made no mark.
    const unwritten = this.kept('marked') !== undefined && !this.#mark.isThere
    this.found = aside !== undefined ? 'broken' : unwritten ? 'unwritten' : 'sound'
    this.#emptyAtWallMs = this.found === 'sound' ? Number(this.kept('empty at')) : clock.wall()
    this.#writeSetting = this.#db.prepare('INSERT OR REPLACE INTO settings VALUES (?, ?)')
    this.#attempt(() => {
      db.prepare('DELETE FROM levels WHERE saved_at < ?').run(clock.wall() - FORGOTTEN_AFTER_MS)
      db.prepare('DELETE FROM nonces WHERE saved_at < ?').run(clock.wall() - FORGOTTEN_AFTER_MS)
      this.#vouch()
    })
    this.#writeLevel = this.#db.prepare('INSERT OR REPLACE INTO levels VALUES (?, ?, ?)')
    this.#writeBreaker = this.#db.prepare('INSERT OR REPLACE INTO breakers VALUES (?, ?, ?)')
    this.#writeNonce = this.#db.prepare('INSERT OR REPLACE INTO nonces VALUES (?, ?, ?)')
    this.#writeOrder = this.#db.prepare('INSERT INTO orders (state, saved_at) VALUES (?, ?)')
    this.#dropOrders = this.#db.prepare('DELETE FROM orders WHERE id <= ?')
    this.#writeMinute = this.#db.prepare('INSERT OR REPLACE INTO history VALUES (?, ?)')
    this.#dropMinutes = this.#db.prepare('DELETE FROM history WHERE minute < ?')
  }

  /** Why the file can not be written; undefined while it can. */
  get trouble(): string | undefined {
    return this.#trouble
  }

  /** How long ago every budget must be taken to have been empty, but for levels written since; undefined when none must. */
  get emptiedAgoMs(): Millis | undefined {
    const ago = Math.max(0, this.#clock.wall() - this.#emptyAtWallMs)
    return ago < FORGOTTEN_AFTER_MS ? ago : undefined
  }

  /** 32 random bytes, made once per installation. */
  secret(): Buffer {
    return this.#secret
  }

  /** What was kept under that name; the names are the caller's. */
  kept(name: string): string | undefined {
    const row = this.#db.prepare('SELECT value FROM settings WHERE name = ?').get(name)
    return row === undefined ? undefined : String(row.value)
  }

  /** Keeps a text for later processes, at once. */
  keep(name: string, text: string): void {
    this.#save(`setting ${name}`, () => this.#set(name, text), true)
  }

  /** All bucket levels. */
  levels(): readonly Saved[] {
    return this.#all('SELECT key, state, saved_at FROM levels')
  }

  /** All breakers. */
  breakers(): readonly Saved[] {
    return this.#all('SELECT host AS key, state, saved_at FROM breakers')
  }

  /** The highest nonce of each lane, and the bot it came from. */
  nonces(): readonly { readonly key: string; readonly value: { readonly nonce: bigint; readonly bot: string } }[] {
    return this.#all('SELECT lane AS key, state, saved_at FROM nonces').map(({ key, value }) => {
      const { nonce, bot } = value as { nonce: string; bot: string }
      return { key, value: { nonce: BigInt(nonce), bot } }
    })
  }

  /** Keeps a highest nonce, within a moment: after a kill, bots send anew, with higher ones. */
  saveNonce(lane: string, { nonce, bot }: { readonly nonce: bigint; readonly bot: string }): void {
    this.#save(lane, () => this.#write(this.#writeNonce, lane, { nonce: String(nonce), bot }), false)
  }

  /** Keeps a level. `urgent`: now, before budget is spent; else within a moment, newest value wins. */
  saveLevel(key: string, value: () => unknown, urgent: boolean): void {
    this.#save(key, () => this.#write(this.#writeLevel, key, value()), urgent && this.#mayWriteNow())
  }

  /** Keeps a breaker, at once: it changes rarely. */
  saveBreaker(host: string, value: unknown): void {
    this.#save(host, () => this.#write(this.#writeBreaker, host, value), true)
  }

  /** What was learned of orders, in that order. Read and parsed by the thousand, for there may be hundreds of thousands. */
  orders(): Iterable<{ readonly news: unknown; readonly elapsedMs: Millis }> {
    return ordersIn(this.#db, this.#clock.wall())
  }

  /** Keeps what was learned of an order, within a moment; `urgent`: now, since without it the order would seem older. */
  saveOrder(news: unknown, urgent: boolean): void {
    if (this.#orders.length >= ORDERS_WAITING) this.#orders.shift()
    this.#orders.push({ news, at: this.#clock.wall() })
    if (this.#trouble !== undefined) this.#mark.remove()
    if (urgent && this.#trouble === undefined && this.#mayWriteNow()) this.flush()
    else this.#timer ??= this.#clock.after(GATHER_MS, () => this.flush())
  }

  /** Minutes of the last day, oldest first. */
  history(): readonly { readonly atWallMs: Millis; readonly value: unknown }[] {
    return this.#db
      .prepare('SELECT minute, state FROM history WHERE minute >= ? ORDER BY minute')
      .all(this.#clock.wall() - HISTORY_KEPT_MS)
      .map((row) => ({ atWallMs: Number(row.minute), value: JSON.parse(String(row.state)) as unknown }))
  }

  /** Keeps a minute, and forgets what is older than a day. One that can not be written is lost. */
  saveHistory(atWallMs: Millis, value: unknown): void {
    const write = (): void => {
      this.#writeMinute.run(atWallMs, JSON.stringify(value))
      this.#dropMinutes.run(atWallMs - HISTORY_KEPT_MS)
    }
    this.#attempt(write, false)
  }

  /** Writes what was gathered. */
  flush(): void {
    this.#timer?.cancel()
    this.#timer = undefined
    const spends = this.#dirty.size + this.#orders.length > 0
    if (!spends && this.#trouble === undefined) return
    if (!this.#attempt(() => this.#writeAll(), spends)) return
    this.#dirty.clear()
    this.#orders = []
    if (this.#trouble === undefined || !this.#attempt(() => this.#vouch(), false)) return
    this.#trouble = undefined
    this.#told(undefined)
  }

  close(): void {
    this.flush()
    this.#timer?.cancel()
    this.#db.close()
  }

  /** @param id no two tables have keys of one form: `{kraken}private:1f0c…`, `kraken 1f0c…`, `api.kraken.com` */
  #save(id: string, write: () => void, now: boolean): void {
    if (now && this.#trouble === undefined && this.#attempt(write)) {
      this.#dirty.delete(id)
      return
    }
    this.#dirty.set(id, write)
    if (this.#trouble !== undefined) this.#mark.remove()
    this.#timer ??= this.#clock.after(GATHER_MS, () => this.flush())
  }

  #write(statement: StatementSync, key: string, value: unknown): void {
    statement.run(key, JSON.stringify(value), this.#clock.wall())
  }

  #writeAll(): void {
    this.#db.exec('BEGIN IMMEDIATE')
    try {
      for (const write of this.#dirty.values()) write()
      let last: number | bigint = 0
      for (const { news, at } of this.#orders) last = this.#writeOrder.run(JSON.stringify(news), at).lastInsertRowid
      if (this.#orders.length > 0) this.#dropOrders.run(Number(last) - ORDERS_KEPT)
      this.#db.exec('COMMIT')
    } catch (error) {
      if (this.#db.isTransaction) this.#db.exec('ROLLBACK')
      throw error
    }
  }

  #set(name: string, text: string): void {
    this.#writeSetting.run(name, text)
  }

  /** All that is spent is in the file. Whether it can be written again shows only when something is. */
  #vouch(): void {
    this.#set('empty at', String(this.#emptyAtWallMs))
    this.#mark.set()
    // Last: whoever is killed between the two has spent nothing yet.
    this.#set('marked', 'yes')
  }

  /** @param spends what could not be written may have been spent */
  #attempt(write: () => void, spends = true): boolean {
    try {
      write()
      return true
    } catch (error) {
      this.#timer ??= this.#clock.after(RETRY_MS, () => this.flush())
      if (spends) this.#mark.remove()
      if (this.#trouble === undefined) {
        this.#trouble = error instanceof Error ? error.message : String(error)
        this.#told(this.#trouble)
      }
      return false
    }
  }

  #mayWriteNow(): boolean {
    const now = this.#clock.now()
    if (now >= this.#slotEnds) {
      this.#slotEnds = now + SLOT_MS
      this.#slotWrites = 0
    }
    this.#slotWrites += 1
    return this.#slotWrites <= DIRECT_WRITES_PER_SLOT
  }

  #all(query: string): readonly Saved[] {
    return savedIn(this.#db, query, this.#clock.wall())
  }
}

const secretIn = (db: DatabaseSync): Buffer => {
  const find = () => db.prepare("SELECT value FROM settings WHERE name = 'secret'").get()
  if (find() === undefined) db.prepare("INSERT OR IGNORE INTO settings VALUES ('secret', ?)").run(randomBytes(32))
  return Buffer.from(find()?.value as Uint8Array)
}
