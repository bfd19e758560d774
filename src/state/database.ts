// What survives a restart, in one SQLite file: levels of buckets, states of breakers, and the secret that hashes key ids.
// The only file that knows node:sqlite.

import { randomBytes } from 'node:crypto'
import { chmodSync, existsSync, mkdirSync, renameSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync, type StatementSync } from 'node:sqlite'
import type { Clock, Timer } from '../core/clock.ts'
import type { Millis } from '../core/units.ts'

const SCHEMA = `
  CREATE TABLE IF NOT EXISTS levels (key TEXT PRIMARY KEY, state TEXT NOT NULL, saved_at REAL NOT NULL) WITHOUT ROWID;
  CREATE TABLE IF NOT EXISTS breakers (host TEXT PRIMARY KEY, state TEXT NOT NULL, saved_at REAL NOT NULL) WITHOUT ROWID;
  CREATE TABLE IF NOT EXISTS settings (name TEXT PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID;
`
/** No counter of an exchange remembers longer. */
const FORGOTTEN_AFTER_MS: Millis = 2 * 24 * 3600_000
/** Changes that can wait are gathered this long. */
const GATHER_MS: Millis = 200
/** Writes made at once per slot; an exchange's own limits keep real traffic far below. Beyond it they are gathered too. */
const DIRECT_WRITES_PER_SLOT = 200
const SLOT_MS: Millis = 100

/** A saved value with its age. */
export interface Saved {
  readonly key: string
  readonly value: unknown
  readonly elapsedMs: Millis
}

/** The state file. Every method is synchronous: a charge must be on record before its call leaves. */
export class Database {
  readonly #db: DatabaseSync
  readonly #clock: Clock
  readonly #writeLevel: StatementSync
  readonly #dirty = new Map<string, () => unknown>()
  #timer: Timer | undefined
  #slotEnds: Millis = 0
  #slotWrites = 0

  /** Opens `weir.db` in `directory`, making both when absent. A file that is no database is set aside, never deleted. */
  constructor(directory: string, clock: Clock) {
    mkdirSync(directory, { recursive: true, mode: 0o700 })
    this.#clock = clock
    this.#db = open(join(directory, 'weir.db'))
    this.#db.prepare('DELETE FROM levels WHERE saved_at < ?').run(clock.wall() - FORGOTTEN_AFTER_MS)
    this.#writeLevel = this.#db.prepare('INSERT OR REPLACE INTO levels VALUES (?, ?, ?)')
  }

  /** 32 random bytes, made once per installation. */
  secret(): Buffer {
    this.#db.prepare("INSERT OR IGNORE INTO settings VALUES ('secret', ?)").run(randomBytes(32))
    const row = this.#db.prepare("SELECT value FROM settings WHERE name = 'secret'").get()
    return Buffer.from(row?.value as Uint8Array)
  }

  /** All bucket levels. */
  levels(): readonly Saved[] {
    return this.#all('SELECT key, state, saved_at FROM levels')
  }

  /** All breakers. */
  breakers(): readonly Saved[] {
    return this.#all('SELECT host AS key, state, saved_at FROM breakers')
  }

  /** Keeps a level. `urgent`: now, before budget is spent; else within a moment, newest value wins. */
  saveLevel(key: string, value: () => unknown, urgent: boolean): void {
    if (urgent && this.#mayWriteNow()) {
      this.#dirty.delete(key)
      this.#writeLevel.run(key, JSON.stringify(value()), this.#clock.wall())
      return
    }
    this.#dirty.set(key, value)
    this.#timer ??= this.#clock.after(GATHER_MS, () => this.flush())
  }

  /** Keeps a breaker, at once: it changes rarely. */
  saveBreaker(host: string, value: unknown): void {
    this.#db
      .prepare('INSERT OR REPLACE INTO breakers VALUES (?, ?, ?)')
      .run(host, JSON.stringify(value), this.#clock.wall())
  }

  /** Writes what was gathered. */
  flush(): void {
    this.#timer?.cancel()
    this.#timer = undefined
    if (this.#dirty.size === 0) return
    const now = this.#clock.wall()
    this.#db.exec('BEGIN')
    for (const [key, value] of this.#dirty) this.#writeLevel.run(key, JSON.stringify(value()), now)
    this.#db.exec('COMMIT')
    this.#dirty.clear()
  }

  close(): void {
    this.flush()
    this.#db.close()
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
    const now = this.#clock.wall()
    return this.#db
      .prepare(query)
      .all()
      .map((row) => ({
        key: String(row.key),
        value: JSON.parse(String(row.state)) as unknown,
        // A wall clock that was set back must not make time run backwards.
        elapsedMs: Math.max(0, now - Number(row.saved_at)),
      }))
  }
}

const open = (path: string): DatabaseSync => {
  try {
    return prepared(path)
  } catch (error) {
    if (!existsSync(path) || !/not a database|malformed/.test(String(error))) throw error
    renameSync(path, `${path}.broken`)
    return prepared(path)
  }
}

const prepared = (path: string): DatabaseSync => {
  const db = new DatabaseSync(path, { timeout: 2000 })
  chmodSync(path, 0o600)
  // Written pages reach the kernel with each commit, so a killed process loses nothing; only a power cut could.
  db.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = OFF;')
  db.exec(SCHEMA)
  return db
}
