import { spawn } from 'node:child_process'
import { once } from 'node:events'
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmdirSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it, onTestFinished } from 'vitest'
import { Database } from '../../src/state/database.ts'
import { FakeClock } from '../support/fake-clock.ts'

const CHILD = new URL('write-in-child.ts', import.meta.url).pathname
const PAGE = 4096
let dir: string
let clock: FakeClock

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'weir-state-'))
  clock = new FakeClock()
})
afterEach(() => rmSync(dir, { recursive: true, force: true }))

const open = (time = clock): Database => {
  const database = new Database(dir, time)
  onTestFinished(() => {
    try {
      database.close()
    } catch {
      // The test has closed it.
    }
  })
  return database
}
const values = (database: Database): Record<string, unknown> =>
  Object.fromEntries(database.levels().map(({ key, value }) => [key, value]))
const file = () => join(dir, 'weir.db')

describe('the state file', () => {
  it('is made with its directory, for the owner alone', () => {
    dir = join(dir, 'new', 'deeper')
    open()
    expect(statSync(dir).mode & 0o777).toBe(0o700)
    expect(statSync(file()).mode & 0o777).toBe(0o600)
  })

  it('keeps the secret of the installation', () => {
    const first = open()
    const secret = first.secret()
    expect(secret).toHaveLength(32)
    expect(first.secret()).toEqual(secret)
    first.close()
    expect(open().secret()).toEqual(secret)
    dir = join(dir, 'other')
    expect(open().secret()).not.toEqual(secret)
  })

  it('keeps levels and breakers, and says how old they are', () => {
    const first = open()
    first.saveLevel('bucket', () => ({ tokens: 3 }), true)
    first.saveBreaker('api.kraken.com', { state: 'open' })
    first.close()
    clock.advance(1_500)
    const second = open()
    expect(second.levels()).toEqual([{ key: 'bucket', value: { tokens: 3 }, elapsedMs: 1_500 }])
    expect(second.breakers()).toEqual([{ key: 'api.kraken.com', value: { state: 'open' }, elapsedMs: 1_500 }])
  })

  it('takes no age to be below nothing when the date was set back', () => {
    const first = open()
    first.saveLevel('bucket', () => 1, true)
    first.close()
    clock.setWall(clock.wall() - 3_600_000)
    expect(open().levels()).toMatchObject([{ elapsedMs: 0 }])
  })

  it('keeps the highest nonce of a key, all twenty digits of it', async () => {
    const first = open()
    first.saveNonce('kraken a1b2', { nonce: 18_446_744_073_709_551_614n, bot: 'grid' })
    first.saveNonce('kraken a1b2', { nonce: 18_446_744_073_709_551_615n, bot: 'hft' })
    first.close()
    expect(open().nonces()).toEqual([{ key: 'kraken a1b2', value: { nonce: 18_446_744_073_709_551_615n, bot: 'hft' } }])
  })

  it('forgets levels after two days, when no counter remembers them either', () => {
    const first = open()
    first.saveLevel('old', () => 1, true)
    clock.advance(24 * 3_600_000)
    first.saveLevel('young', () => 1, true)
    first.close()
    clock.advance(25 * 3_600_000)
    expect(values(open())).toEqual({ young: 1 })
  })
})

describe('a level', () => {
  it('is on record at once when urgent', () => {
    open().saveLevel('bucket', () => 7, true)
    expect(values(open())).toEqual({ bucket: 7 })
  })

  it('is on record within a moment otherwise, at its newest', () => {
    let tokens = 5
    const first = open()
    first.saveLevel('bucket', () => tokens, false)
    const second = open()
    expect(values(second)).toEqual({})
    tokens = 4
    clock.advance(250)
    expect(values(second)).toEqual({ bucket: 4 })
    expect(clock.pending).toBe(0)
  })

  it('is not overwritten by an older one that was gathered before it', () => {
    const first = open()
    first.saveLevel('bucket', () => 'gathered', false)
    first.saveLevel('bucket', () => 'urgent', true)
    clock.advance(1_000)
    expect(values(open())).toEqual({ bucket: 'urgent' })
  })

  it('is gathered when there are more urgent ones than the disk should bear, and lost by none', () => {
    const first = open()
    for (let index = 0; index < 500; index += 1) first.saveLevel(`bucket ${index}`, () => index, true)
    const second = open()
    expect(Object.keys(values(second)).length).toBeGreaterThanOrEqual(100)
    clock.advance(250)
    expect(Object.keys(values(second))).toHaveLength(500)
    first.saveLevel('next', () => 1, true)
    expect(values(second)).toHaveProperty('next')
  })

  it('is written by close', () => {
    const first = open()
    first.saveLevel('bucket', () => 7, false)
    first.close()
    expect(values(open())).toEqual({ bucket: 7 })
  })
})

describe('a file that is broken', () => {
  const fill = () => {
    const first = open()
    const secret = first.secret()
    for (let index = 0; index < 400; index += 1) {
      first.saveLevel(`bucket ${index} ${'x'.repeat(80)}`, () => ({ tokens: index }), true)
    }
    first.close()
    return secret
  }
  const usable = () => {
    const database = open()
    database.saveLevel('bucket', () => 7, true)
    expect(values(database)).toEqual({ bucket: 7 })
    expect(database.secret()).toHaveLength(32)
  }

  it('is set aside and never deleted when it is no database', () => {
    writeFileSync(file(), 'this is not a database, but a file of somebody'.repeat(100))
    usable()
    expect(readFileSync(join(dir, 'weir.db.broken'), 'utf8')).toContain('a file of somebody')
  })

  it('is set aside when its beginning is gone', () => {
    fill()
    const bytes = readFileSync(file())
    writeFileSync(file(), bytes.fill(0xff, 0, 100))
    usable()
    expect(existsSync(join(dir, 'weir.db.broken'))).toBe(true)
  })

  // What a power cut leaves: the first page is whole, a later one is not. The file was opened, and the first look at the levels
  // ended the start with "database disk image is malformed", every time, until somebody deleted the file by hand.
  it('is set aside when a page in the middle is gone', () => {
    fill()
    const bytes = readFileSync(file())
    expect(bytes.length).toBeGreaterThan(8 * PAGE)
    for (let page = 1; page < bytes.length / PAGE; page += 1) bytes.fill(0xa5, page * PAGE, page * PAGE + 200)
    writeFileSync(file(), bytes)
    usable()
    expect(existsSync(join(dir, 'weir.db.broken'))).toBe(true)
  })

  it('is set aside when it was cut short', () => {
    fill()
    const bytes = readFileSync(file())
    writeFileSync(file(), bytes.subarray(0, 3 * PAGE + 100))
    usable()
  })

  it('is made anew when it is empty', () => {
    writeFileSync(file(), '')
    usable()
    expect(existsSync(join(dir, 'weir.db.broken'))).toBe(false)
  })

  it('that is sound is never set aside', () => {
    const secret = fill()
    expect(open().secret()).toEqual(secret)
    expect(readdirSync(dir).filter((name) => name.includes('broken'))).toEqual([])
  })
})

describe('a write that fails', () => {
  // Every charge is written through. When the disk was full, or another process held the file for long, the charge was made, then
  // the write threw: the call failed, its budget stayed in flight for ever, and from a timer the exception ended weir.
  it('harms nobody, is told once, and is made up for when the disk is well again', () => {
    const told: unknown[] = []
    const database = new Database(dir, clock, (error) => told.push(error))
    onTestFinished(() => database.close())
    const blocker = lock()
    database.saveLevel('bucket', () => 1, true)
    database.saveLevel('other', () => 2, false)
    database.saveBreaker('host', { state: 'open' })
    clock.advance(1_000)
    expect(told).toHaveLength(1)
    expect(String(told[0])).toMatch(/locked/)
    blocker.release()
    clock.advance(5_000)
    expect(values(open())).toEqual({ bucket: 1, other: 2 })
    expect(open().breakers()).toMatchObject([{ key: 'host', value: { state: 'open' } }])
  }, 30_000)

  // The rest of a locked-out key that could not be written was gone: "written again" was said, and after a restart the key was used.
  it('of what is kept under a name is made up for as well, at its newest', () => {
    const database = open()
    database.keep('rests', 'none')
    const blocker = lock()
    database.keep('rests', 'a key')
    database.keep('rests', 'two keys')
    blocker.release()
    clock.advance(5_000)
    expect(database.trouble).toBeUndefined()
    expect(open().kept('rests')).toBe('two keys')
  })

  // A minute of history that met another process took the mark away, and a kill before the next second cost every budget.
  it('of a minute of history makes no start begin empty: nothing spent is lost', () => {
    const database = open()
    const blocker = lock()
    database.saveHistory(clock.wall(), {})
    clock.advance(1_000)
    const other = open(new FakeClock())
    expect(other.found).toBe('sound')
    // What is spent from now on is another matter.
    database.saveLevel('bucket', () => 1, false)
    expect(existsSync(mark())).toBe(false)
    blocker.release()
  })

  // That budgets were empty could not be written as weir started, and was forgotten: the next start began full.
  it('at a start that begins empty is made up for: the next start knows it too', () => {
    const dying = open(new FakeClock())
    const blocker = lock()
    dying.saveLevel('bucket', () => 1, true)
    const second = open()
    expect(second.found).toBe('unwritten')
    expect(second.trouble).toMatch(/locked/)
    blocker.release()
    clock.advance(5_000)
    expect(second.trouble).toBeUndefined()
    const third = open()
    expect(third.found).toBe('sound')
    expect(third.emptiedAgoMs).toBe(5_000)
  })

  // The mark that says so could not be made, and nobody noticed: everything was written, and the next start began empty.
  it('is over only when the mark is there again', () => {
    const database = open()
    const blocker = lock()
    database.saveLevel('bucket', () => 1, true)
    mkdirSync(mark())
    blocker.release()
    clock.advance(5_000)
    expect(database.trouble).toMatch(/locked/)
    rmdirSync(mark())
    clock.advance(1_000)
    expect(database.trouble).toBeUndefined()
    database.close()
    expect(open().found).toBe('sound')
  })

  // A first weir that was killed between the two wrote that there is a mark, and made none: its successor began empty.
  it('of the first mark is no sign that something is unwritten', () => {
    mkdirSync(mark())
    open()
    rmdirSync(mark())
    expect(open().found).toBe('sound')
  })

  const mark = () => `${file()}.whole`
  /** Another process that writes and does not end. */
  const lock = () => {
    const other = new (process.getBuiltinModule('node:sqlite').DatabaseSync)(file())
    other.exec('BEGIN IMMEDIATE')
    return {
      release: () => {
        other.exec('ROLLBACK')
        other.close()
      },
    }
  }
})

describe('processes', () => {
  const child = (count: number | 'forever', name: string) => {
    const process_ = spawn(
      process.execPath,
      ['--disable-warning=ExperimentalWarning', CHILD, dir, String(count), name],
      {
        stdio: ['ignore', 'pipe', 'pipe'],
      },
    )
    onTestFinished(() => void process_.kill('SIGKILL'))
    let out = ''
    let err = ''
    process_.stdout.on('data', (piece: Buffer) => {
      out += piece.toString()
    })
    process_.stderr.on('data', (piece: Buffer) => {
      err += piece.toString()
    })
    return {
      process: process_,
      closed: once(process_, 'close') as Promise<[number | null, string | null]>,
      lines: () => out.split('\n').slice(0, -1),
      errors: () => err,
      /** Resolves once so many lines were printed. */
      printed: async (lines: number) => {
        while (out.split('\n').length <= lines) await once(process_.stdout, 'data')
      },
    }
  }

  it('that are killed in the middle of writing lose nothing that they were told is written', async () => {
    let secret: string | undefined
    for (let round = 0; round < 4; round += 1) {
      const writer = child('forever', `round${round}`)
      await writer.printed(60 + round * 37)
      writer.process.kill('SIGKILL')
      await writer.closed
      const [own, ...numbers] = writer.lines()
      secret ??= own
      expect(own).toBe(secret)
      const last = Number(numbers.at(-1))
      expect(last).toBeGreaterThan(50)
      const database = open()
      const saved = values(database)
      expect((saved[`round${round}-late`] as { index: number }).index).toBeGreaterThanOrEqual(last)
      for (let index = last - 49; index <= last; index += 1) {
        expect((saved[`round${round}-${index % 50}`] as { index: number }).index).toBeGreaterThanOrEqual(index)
      }
      database.close()
    }
  }, 60_000)

  it('may share a directory: all write, nobody fails, and there is one secret', async () => {
    const writers = ['a', 'b', 'c'].map((name) => child(150, name))
    const codes = (await Promise.all(writers.map(({ closed }) => closed))).map(([code]) => code)
    expect(writers.map(({ errors }) => errors())).toEqual(['', '', ''])
    expect(codes).toEqual([0, 0, 0])
    expect(new Set(writers.map(({ lines }) => lines()[0])).size).toBe(1)
    const saved = values(open())
    for (const name of ['a', 'b', 'c']) expect(saved[`${name}-late`]).toEqual({ index: 150 })
  }, 60_000)
})
