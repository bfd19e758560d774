// `weir plan` as people run it: a file or standard input, one screen or JSON, every mistake at once.

import { execFile } from 'node:child_process'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, it, onTestFinished } from 'vitest'

const MAIN = fileURLToPath(new URL('../../src/main.ts', import.meta.url))
const SAMPLES = fileURLToPath(new URL('../plan/samples/', import.meta.url))
const LONGEST_MS = 30_000

const LIMITS = `
exchanges:
  venue:
    hosts: [api.venue.test]
    dialect: plain
    tier: small
    credential: [{ header: X-Key }]
    buckets:
      own: { per: key, capacity: { small: 15, large: 20 }, refill: { small: 0.33/s, large: 1/s } }
      all: { per: ip, capacity: 5, refill: 1/s }
    classes:
      price: { match: 'GET /price', cost: { all: 1 }, cache: { fresh: 1s } }
      report: { match: 'GET /report', cost: { own: 4 } }
      balance: { match: 'GET /balance', cost: { own: 1 } }
    default: { cost: { own: 1 } }
`

interface Ended {
  readonly status: number | null
  readonly stdout: string
  readonly stderr: string
}

const weir = (args: readonly string[], input = ''): Promise<Ended> =>
  new Promise((resolve) => {
    const child = execFile(process.execPath, [MAIN, ...args], { timeout: LONGEST_MS }, (_error, stdout, stderr) =>
      resolve({ status: child.exitCode, stdout, stderr }),
    )
    child.stdin?.on('error', () => {})
    child.stdin?.end(input)
  })

const files = async (texts: Readonly<Record<string, string>>): Promise<(name: string) => string> => {
  const directory = await mkdtemp(join(tmpdir(), 'weir-plan-'))
  onTestFinished(() => rm(directory, { recursive: true, force: true }))
  for (const [name, text] of Object.entries(texts)) await writeFile(join(directory, name), text)
  return (name) => join(directory, name)
}

const calls = (): string => {
  const lines: object[] = []
  const headers = { 'X-Key': 'SECRET-KEY' }
  for (let n = 0; n < 20; n += 1) {
    lines.push({ url: 'https://api.venue.test/price?of=x', at: n * 500 })
    lines.push({ url: 'https://api.venue.test/balance', at: n * 500 + 10, headers })
    if (n < 10) lines.push({ url: 'https://api.venue.test/report', at: n * 500 + 20, headers })
  }
  lines.push({ url: 'https://example.test/', at: 0 })
  return lines.map((line) => `${JSON.stringify(line)}\n`).join('')
}

describe('weir plan', { timeout: 2 * LONGEST_MS }, () => {
  it('answers in one screen: how long, what binds, who takes what, what would help', async () => {
    const at = await files({ 'limits.yaml': LIMITS, 'calls.jsonl': calls() })
    const { stdout, stderr, status } = await weir(['plan', at('calls.jsonl'), '--config', at('limits.yaml')])
    expect(stderr).toBe('')
    expect(status).toBe(0)
    expect(stdout.split('\n')).toEqual(SCREEN.map((line) => line.replace('FILE', at('calls.jsonl'))))
  })

  it('gives the same as JSON, times in milliseconds, from standard input', async () => {
    const at = await files({ 'limits.yaml': LIMITS })
    const { stdout, stderr, status } = await weir(['plan', '--json', '--config', at('limits.yaml'), '-'], calls())
    expect([status, stderr]).toEqual([0, ''])
    expect(JSON.parse(stdout)).toMatchObject({
      format: 'JSON lines',
      calls: 50,
      keys: 1,
      elsewhere: [{ host: 'example.test', calls: 1 }],
      // 60 tokens of 15, and 0.33 per second; 2 ms for the grain of clocks.
      total_ms: 136_365.636,
      exchanges: [
        {
          exchange: 'venue',
          calls: 50,
          total_ms: 136_365.636,
          binds: { bucket: 'venue.own', scope: 'key 1' },
          tiers: [{ tier: 'large', total_ms: 40_002 }],
        },
      ],
    })
  })

  it.each(['bots.jsonl', 'session.har', 'weir.log'])(
    'reads %s with the limits that ship, and tells no secret',
    async (name) => {
      const { stdout, stderr, status } = await weir(['plan', '--json', join(SAMPLES, name)])
      expect([status, stderr]).toEqual([0, ''])
      expect(JSON.parse(stdout)).toMatchObject({
        format: { jsonl: 'JSON lines', har: 'HAR', log: 'weir log' }[name.split('.')[1] ?? ''],
      })
      expect(await readFile(join(SAMPLES, name), 'utf8')).toMatch(/KEY-OF|SIGNATURE|credential/)
      expect(stdout).not.toMatch(/KEY-OF|SIGNATURE|nonce=|a1b2c3d4e5f60718/)
    },
  )

  it('plans nothing when the file has mistakes, and tells the first ten by their lines', async () => {
    const lines = ['{"url":"https://api.kraken.com/0/public/Time"}', ...Array.from({ length: 12 }, () => 'SECRET')]
    const { stdout, stderr, status } = await weir(['plan', '-'], lines.join('\n'))
    expect([status, stdout]).toEqual([1, ''])
    const told = stderr.trimEnd().split('\n')
    expect(told[0]).toBe('-, line 2: is not a JSON object; a call is one object on one line')
    expect(told.slice(10)).toEqual(['and 2 more', '12 problems. Nothing was planned.'])
    expect(stderr).not.toContain('SECRET')
  })

  it('says how it is used when no file is named, and what can not be read', async () => {
    expect(await weir(['plan'])).toMatchObject({ status: 2, stderr: expect.stringContaining('Usage: weir plan') })
    const missing = await weir(['plan', '/nowhere/at/all.jsonl'])
    expect(missing).toMatchObject({
      status: 1,
      stderr: expect.stringContaining('/nowhere/at/all.jsonl  can not be read (ENOENT)'),
    })
    const rules = await weir(['plan', '-', '--config', '/nowhere/limits.yaml'])
    expect(rules).toMatchObject({
      status: 1,
      stderr: expect.stringContaining('/nowhere/limits.yaml  can not be read (ENOENT)'),
    })
  })
})

const SCREEN: readonly string[] = [
  'FILE (JSON lines): 50 calls to exchanges, 1 key',
  "  none of weir's, left out: example.test 1",
  '',
  'All at once, at the limits (round trips not counted)',
  '  venue: 2 min 16 s for 50 calls; venue.own key 1 binds',
  '    with tier large: 40 s instead of 2 min 16 s',
  '',
  'As it was asked',
  '  took     9.5 s; through weir 15.2 s',
  '  sent     21 calls; 10 more answered from the cache, as limits.yaml has it',
  '  waits    5 calls; mean 1.1 s, p99 5.7 s, longest 5.7 s',
  '  refused  19: 12 venue.balance limit_reached, 7 venue.report limit_reached',
  '',
  'Buckets, in 9.5 s',
  '  venue.own key 1  30 calls  cost 60  331 % used  2 min 16 s alone, binds',
  '  venue.all ip     20 calls  cost 20  138 % used  15 s alone',
  '',
  'Classes',
  '  venue.price    20 calls  20 from venue.all (100 %)',
  '  venue.balance  20 calls  20 from venue.own (33 %)',
  '  venue.report   10 calls  40 from venue.own (67 %)',
  '',
  'Cache',
  '  of 1 s saves 10 of 20 public GETs (50 %)',
  '  of 5 s saves 18 of 20 public GETs (90 %)',
  '  of 60 s saves 19 of 20 public GETs (95 %)',
  '  as limits.yaml has it saves 10 of 20 public GETs (50 %)',
  '',
  'Advice',
  '  venue.report takes 67 % of venue.own with 10 calls: ask less often, or with another key, which has a counter of its own',
  '  12 of 19 refusals are of venue.balance, which waits 6 s at most: spread these calls, or raise its max_wait',
  '',
]
