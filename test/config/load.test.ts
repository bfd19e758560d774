// From limits.yaml to rules. Each file in cases/ has one thing wrong with it; the text beside it is what a trader sees.

import { readdirSync, readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { formatIssues } from '../../src/config/issues.ts'
import { loadRules } from '../../src/config/load.ts'
import { limitsReference, limitsSchemaText, settingsReference } from '../../src/config/reference.ts'
import type { Rules } from '../../src/core/rules.ts'

const CASES = new URL('cases/', import.meta.url)
const SHIPPED = readFileSync(new URL('../../limits.yaml', import.meta.url), 'utf8')

/** `# env: NAME=VALUE …` in a case stands for the environment. */
const environmentOf = (text: string): Record<string, string> =>
  Object.fromEntries(
    (/^# env: (.*)$/m.exec(text)?.[1] ?? '')
      .split(' ')
      .filter((word) => word !== '')
      .map((word) => word.split('=') as [string, string]),
  )

const report = (text: string, env: Record<string, string> = environmentOf(text)): string => {
  const loaded = loadRules(text, 'limits.yaml', env)
  return loaded.ok ? 'no issues\n' : formatIssues(loaded.issues, text)
}

const shippedRules = (): Rules => {
  const loaded = loadRules(SHIPPED, 'limits.yaml', {})
  if (!loaded.ok) throw new Error(formatIssues(loaded.issues, SHIPPED))
  return loaded.rules
}

describe('a limits.yaml with a fault', () => {
  const files = readdirSync(CASES).filter((file) => file.endsWith('.yaml'))

  it.each(files)('%s is told as written beside it', (file) => {
    const expected = readFileSync(new URL(file.replace('.yaml', '.txt'), CASES), 'utf8')
    expect(report(readFileSync(new URL(file, CASES), 'utf8'))).toBe(expected)
  })

  it('has a text for every case, and no text without one', () => {
    const texts = readdirSync(CASES).filter((file) => file.endsWith('.txt'))
    expect(texts.map((file) => file.replace('.txt', '.yaml')).sort()).toEqual(files.sort())
  })

  it.each(files.filter((file) => file.includes('accounts')))('never shows a key id: %s', (file) => {
    const text = readFileSync(new URL(file, CASES), 'utf8')
    expect(text).toMatch(/AAA|SECRETKEY/)
    expect(report(text)).not.toMatch(/AAA|BBB|SECRETKEY/)
  })

  it('keeps what was probably meant apart from what is wrong, for programs that show it', () => {
    const loaded = loadRules(readFileSync(new URL('unknown-key-in-bucket.yaml', CASES), 'utf8'), 'limits.yaml', {})
    expect(loaded.ok ? [] : loaded.issues).toEqual([
      {
        file: 'limits.yaml',
        line: 8,
        column: 9,
        length: 7,
        path: 'exchanges.kraken.buckets.private',
        message: 'unknown key "capcity"',
        hint: 'did you mean "capacity"?',
      },
    ])
  })
})

describe('the limits.yaml that ships', () => {
  it('has no issues', () => {
    expect(report(SHIPPED)).toBe('no issues\n')
  })

  it('names its schema for editors in the first line, and that schema is up to date', () => {
    expect(SHIPPED.split('\n')[0]).toBe('# yaml-language-server: $schema=./limits.schema.json')
    expect(readFileSync(new URL('../../limits.schema.json', import.meta.url), 'utf8')).toBe(limitsSchemaText())
  })

  it.each([
    ['starter', 15, 0.33, 60, 1],
    ['intermediate', 20, 0.5, 125, 2.34],
    ['pro', 20, 1, 180, 3.75],
  ])('changes all of Kraken’s counters with one word: %s', (tier, capacity, refill, engine, decay) => {
    const loaded = loadRules(SHIPPED.replace('tier: starter', `tier: ${tier}`), 'limits.yaml', {})
    const kraken = loaded.ok ? loaded.rules.exchanges.find(({ name }) => name === 'kraken') : undefined
    const numbers = Object.fromEntries(kraken?.buckets.map((bucket) => [bucket.name, bucket]) ?? [])
    expect(numbers).toMatchObject({
      private: { kind: 'bucket', capacity, refill: refill / 1000 },
      engine: { kind: 'bucket', capacity: engine, refill: decay / 1000 },
    })
  })

  it('charges the documented costs instead of the conservative ones with one word', () => {
    const loaded = loadRules(SHIPPED.replaceAll('costs: conservative', 'costs: documented'), 'limits.yaml', {})
    const host = loaded.ok ? loaded.rules.hosts.get('api.kraken.com') : undefined
    expect(host?.classify('POST', '/0/private/Ledgers').costs.map(({ fixed }) => fixed)).toEqual([2])
    const exchange = loaded.ok ? loaded.rules.hosts.get('api.exchange.coinbase.com') : undefined
    expect(exchange?.classify('GET', '/fills').costs.map(({ bucket }) => bucket.name)).toEqual(['fills'])
  })

  it('writes the header values of every bucket beforehand', () => {
    const kraken = shippedRules().exchanges[0]?.buckets.find(({ name }) => name === 'private')
    expect(kraken).toMatchObject({ label: '"kraken-private"', policy: '"kraken-private";q=15;w=45' })
  })

  it('turns declared accounts round, from key id to account', () => {
    const text = SHIPPED.replace('accounts: {} ', 'accounts: { main: [KEY1, KEY2], other: [KEY3] } ')
    const loaded = loadRules(text, 'limits.yaml', {})
    const accounts = loaded.ok ? loaded.rules.exchanges[0]?.accounts : undefined
    expect([...(accounts ?? [])]).toEqual([
      ['KEY1', 'main'],
      ['KEY2', 'main'],
      ['KEY3', 'other'],
    ])
  })

  it('leaves the share unused that headroom says', () => {
    const text = SHIPPED.replace('public: { per: ip, capacity: 5', 'public: { headroom: 20%, per: ip, capacity: 5')
    const loaded = loadRules(text, 'limits.yaml', {})
    const found = loaded.ok ? loaded.rules.exchanges[0]?.buckets.find(({ name }) => name === 'public') : undefined
    expect(found).toMatchObject({ capacity: 4, refill: 0.0008 })
  })

  it('can not be changed once it is loaded', () => {
    const rules = shippedRules()
    const fallback = rules.exchanges[0]?.fallback
    expect(Object.isFrozen(rules) && Object.isFrozen(fallback) && Object.isFrozen(fallback?.costs[0])).toBe(true)
  })

  it('lets every exchange know when it is unwell, and asks only unsigned questions to find out', () => {
    const rules = shippedRules()
    for (const { probe, answers } of rules.exchanges) {
      expect(answers.some(({ means, status }) => means === 'failing' && status?.from === 500)).toBe(true)
      const found = rules.hosts.get(probe?.host ?? '')?.classify('GET', probe?.target ?? '')
      expect(found?.costs.every(({ bucket }) => bucket.scopes.join() === 'ip')).toBe(true)
    }
  })

  it('caches nothing that belongs to a key, no order, and no clock', () => {
    for (const { classes } of shippedRules().exchanges) {
      for (const found of classes.filter(({ cache }) => cache !== undefined)) {
        expect(found.kind).toBe('read')
        expect(found.costs.flatMap(({ bucket }) => bucket.scopes)).not.toContain('key')
        expect(found.costs.flatMap(({ bucket }) => bucket.scopes)).not.toContain('account')
        expect(found.patterns.join()).not.toMatch(/time/i)
      }
    }
  })
})

describe('the reference', () => {
  it('has a table for every section, with defaults as they are written', () => {
    const text = limitsReference()
    expect(text).toContain('| `max_wait` | duration | `6s` |')
    expect(text).toContain('| `capacity` | number, or one per tier | required |')
    for (const section of ['defaults', 'breaker', 'bucket', 'window', 'class', 'class.cache', 'cost', 'answer']) {
      expect(text).toContain(`#### \`${section}\``)
    }
  })

  it('has a row for every flag and variable', () => {
    const text = settingsReference()
    expect(text).toContain('| `--listen HOST:PORT` | `WEIR_LISTEN` | `127.0.0.1:8080` | Where bots connect.')
    expect(text).toContain('`KRAKEN_RATE_LIMIT_{CLASS}_{RPM\\|RPS\\|BURST}`')
    for (const name of ['WEIR_ADMIN_TOKEN', 'MAX_INBOX_SIZE', 'ALERT_DEBOUNCE_MIN'])
      expect(text).toContain(`\`${name}\``)
  })

  it('says something about every key', () => {
    const rows = limitsReference()
      .split('\n')
      .filter((line) => line.startsWith('| `'))
    expect(rows.length).toBeGreaterThan(60)
    for (const line of rows) expect(line).toMatch(/\| \S[^|]*\|$|\\\|.*\|$/)
  })
})
