// limits.yaml as a real file that people and programs change under a running weir.

import { mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { beforeEach, describe, expect, it, onTestFinished } from 'vitest'
import { Rulebook } from '../../src/app/rulebook.ts'
import { realClock } from '../../src/core/clock.ts'
import type { WeirEvent } from '../../src/core/events.ts'
import type { Rules } from '../../src/core/rules.ts'

const PATIENCE_MS = 8_000
const shipped = await readFile(new URL('../../limits.yaml', import.meta.url), 'utf8')
const withTier = (tier: string) => shipped.replace('tier: starter', `tier: ${tier}`)

let file: string
let events: WeirEvent[]

beforeEach(async () => {
  const dir = await mkdtemp(join(tmpdir(), 'weir-rulebook-'))
  file = join(dir, 'limits.yaml')
  events = []
  await writeFile(file, shipped)
  onTestFinished(() => rm(dir, { recursive: true, force: true }))
})

const open = (env: Record<string, string> = {}) =>
  Rulebook.open({ file, env, clock: realClock, tell: (event) => events.push(event) })
const watched = async () => {
  const book = await open()
  book.watch()
  onTestFinished(() => book.unwatch())
  // The first look at the file's date must be over, or the edit would be what it sees first.
  await sleep(700)
  return book
}
/** All at once, as editors do: what is written in place may be read when only half of it is there. */
const put = async (text: string) => {
  await writeFile(`${file}.tmp`, text)
  await rename(`${file}.tmp`, file)
}
const capacityOf = ({ exchanges }: Rules): number | undefined => {
  const bucket = exchanges.find(({ name }) => name === 'kraken')?.buckets.find(({ name }) => name === 'private')
  return bucket?.kind === 'bucket' ? bucket.capacity : undefined
}
const told = () => events.map(({ type }) => type)
/** Resolves once so many events were told. */
const heard = async (count: number) => {
  for (let waited = 0; waited < PATIENCE_MS && events.length < count; waited += 20) await sleep(20)
  expect(told().length).toBeGreaterThanOrEqual(count)
}

describe('the rules', () => {
  it('are those of the file and the environment', async () => {
    expect(capacityOf((await open()).rules)).toBe(15)
    const book = await open({ KRAKEN_RATE_LIMIT_PRIVATE_BURST: '9' })
    expect(capacityOf(book.rules)).toBe(9)
    expect(book.view).toMatchObject({ file, lastError: undefined })
  })

  it.each([
    ['missing', undefined, /limits\.yaml.*can not be read \(ENOENT\)/s],
    ['of another kind', 'just words', /limits\.yaml/],
    ['mistaken', shipped.replace('tier: starter', 'tier: stater'), /did you mean.*starter/is],
  ])('can not be had from a file that is %s; the reason says all', async (_, text, reason) => {
    if (text === undefined) await rm(file)
    else await writeFile(file, text)
    await expect(open()).rejects.toThrow(reason)
  })
})

describe('a reload', () => {
  it('puts new rules in force as a whole, and tells', async () => {
    const book = await open()
    const before = book.rules
    const replaced: Rules[] = []
    book.onReplaced((rules) => replaced.push(rules))
    await writeFile(file, withTier('pro'))
    await book.reload()
    expect(capacityOf(book.rules)).toBe(20)
    expect(replaced).toEqual([book.rules])
    expect(capacityOf(before)).toBe(15)
    expect(events).toEqual([{ type: 'rules.replaced', source: file }])
  })

  it('keeps the old rules when the new ones are mistaken, and tells where the mistake is', async () => {
    const book = await open()
    const before = book.rules
    book.onReplaced(() => expect.unreachable('nothing was replaced'))
    await writeFile(file, withTier('stater'))
    await book.reload()
    expect(book.rules).toBe(before)
    expect(events).toMatchObject([{ type: 'rules.rejected', report: expect.stringMatching(/limits\.yaml:\d+:\d+/) }])
    expect(book.view.lastError).toMatch(/stater/)
  })

  it('forgets the mistake once it is mended', async () => {
    const book = await open()
    for (const tier of ['stater', 'starter']) {
      await writeFile(file, withTier(tier))
      await book.reload()
    }
    expect(book.view.lastError).toBeUndefined()
    expect(told()).toEqual(['rules.rejected'])
    expect(capacityOf(book.rules)).toBe(15)
  })

  it('of a file that did not change replaces nothing: no bucket is touched', async () => {
    const book = await open()
    const before = book.rules
    await writeFile(file, shipped)
    await book.reload()
    expect(book.rules).toBe(before)
    expect(events).toEqual([])
  })

  // A script that saves the file and then sends SIGHUP had every mistake in the log twice.
  it('by the date of the file does not tell anew what was told of the same text; one that was asked for does', async () => {
    await writeFile(file, shipped)
    const book = await watched()
    await put(withTier('stater'))
    await heard(1)
    await put(withTier('stater'))
    await sleep(1_500)
    expect(told()).toEqual(['rules.rejected'])
    await book.reload()
    expect(told()).toEqual(['rules.rejected', 'rules.rejected'])
  })

  it('of a file that is gone keeps the rules', async () => {
    const book = await open()
    await rm(file)
    await book.reload()
    expect(capacityOf(book.rules)).toBe(15)
    expect(book.view.lastError).toMatch(/ENOENT/)
  })

  it('ends with the newest rules, however many there are at once', async () => {
    const book = await open()
    const reloads: Promise<void>[] = []
    for (const tier of ['pro', 'intermediate', 'starter', 'pro']) {
      await writeFile(file, withTier(tier))
      reloads.push(book.reload())
    }
    await Promise.all(reloads)
    expect(book.rules.exchanges[0]?.buckets.find(({ name }) => name === 'private')).toMatchObject({ refill: 0.001 })
  })
})

describe('a watched file', { timeout: 30_000 }, () => {
  it('is read again when it is edited', async () => {
    const book = await watched()
    await writeFile(file, withTier('pro'))
    await expect.poll(() => capacityOf(book.rules), { timeout: PATIENCE_MS }).toBe(20)
    expect(told().at(-1)).toBe('rules.replaced')
  })

  it('is read again when another file takes its place, as editors do', async () => {
    const book = await watched()
    for (const [tier, capacity] of [
      ['pro', 20],
      ['starter', 15],
    ] as const) {
      await put(withTier(tier))
      await heard(capacity === 20 ? 1 : 2)
      expect(capacityOf(book.rules)).toBe(capacity)
    }
    expect(told()).toEqual(['rules.replaced', 'rules.replaced'])
  })

  it('may be removed and come back, the same or another', async () => {
    const book = await watched()
    await rm(file)
    await heard(1)
    expect(told()).toEqual(['rules.rejected'])
    expect(capacityOf(book.rules)).toBe(15)
    await put(shipped)
    for (let waited = 0; waited < PATIENCE_MS && book.view.lastError !== undefined; waited += 20) await sleep(20)
    expect(book.view.lastError).toBeUndefined()
    await rm(file)
    await heard(2)
    await put(withTier('pro'))
    await heard(3)
    expect(told().at(-1)).toBe('rules.replaced')
    expect(capacityOf(book.rules)).toBe(20)
  })

  it('is left alone after unwatch', async () => {
    const book = await watched()
    book.unwatch()
    await writeFile(file, withTier('pro'))
    await sleep(1_200)
    expect(events).toEqual([])
    expect(capacityOf(book.rules)).toBe(15)
  })
})
