// The README's table of clients promises what the sweep has tried: each of its lines is tied to rows here, and a line that is
// added, or a row that is dropped, shows.

import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { readReadme } from '../../scripts/readme.ts'
import { CCXT_WIRINGS, httpRows, kitRows, mappedWebSocketRows, webSocketRows } from './rows.ts'

/** Every row that runs, by name, and how each finds weir. Tests that are no rows of a list are known by words of their names. */
const ROWS: ReadonlySet<string> = new Set([
  ...httpRows({}).flatMap(({ name, trust }) => [`exec: ${name}`, ...(trust === undefined ? [] : [`hand: ${name}`])]),
  ...webSocketRows({}).map(([name]) => `exec: ${name}`),
  ...mappedWebSocketRows({}).map(([name]) => `hosts: ${name}`),
  ...kitRows({}).map(({ name }) => `exec: ${name}`),
  ...Object.keys(CCXT_WIRINGS).map((name) => `ccxt: ${name}`),
  ...tests('libraries.test.ts', /'\((%s)\) (trades under weir exec|is led by its options)/g).map(
    ([, , says = '']) => `${says.startsWith('trades') ? 'exec' : 'hand'}: ccxt for Python`,
  ),
  ...tests('freqtrade.test.ts', /'\((freqtrade)\) trades/g).map(([, name = '']) => `exec: ${name}`),
  ...tests('http.test.ts', /transport that knows no proxy goes through weir by a hosts file/g).map(() => 'hosts: Go'),
])

const exec = (...names: readonly string[]) => names.map((name) => `exec: ${name}`)
const both = (...names: readonly string[]) => names.flatMap((name) => [`exec: ${name}`, `hand: ${name}`])

/** The rows that stand behind a line, by its first column. */
const BEHIND: Readonly<Record<string, readonly string[]>> = {
  curl: both('curl'),
  wget: exec('wget'),
  'Python requests, krakenex, python-kraken-sdk, coinbase-advanced-py': [
    ...both('requests'),
    ...exec('krakenex', 'python-kraken-sdk', 'coinbase-advanced-py'),
  ],
  'aiohttp, python-kraken-sdk (asynchronous)': [
    ...both('aiohttp with trust_env'),
    ...exec('aiohttp', 'python-kraken-sdk, asynchronous'),
  ],
  'httpx, urllib': both('httpx', 'urllib'),
  'websockets 10, 13 and 17, websocket-client': exec(
    'websockets 10',
    'websockets',
    'websockets 13',
    'websocket-client',
  ),
  'ccxt, Python, both halves': both('ccxt for Python'),
  freqtrade: exec('freqtrade'),
  'Node `fetch` and `https`, got, node-kraken-api': [
    ...both('fetch of Node', 'https of Node', 'got'),
    ...exec('node-kraken-api'),
  ],
  'undici, ws': exec('undici', 'ws'),
  'axios 0.27, 1.13, 1.21; coinbase-api': [...both('axios 0.27', 'axios 1.13', 'axios'), ...exec('coinbase-api')],
  'ccxt, JavaScript': ['ccxt: weir exec', 'ccxt: proxyUrl', 'ccxt: httpsProxy'],
  'Go `net/http`': both('Go'),
  'Go with a transport of its own (ccxt for Go)': ['hosts: Go'],
  'Rust (reqwest)': [],
  "PHP's curl": exec('curl of PHP'),
  'Java `HttpClient`': exec('HttpClient of Java'),
  'anything else': ['hosts: Go', 'ccxt: a hosts file', 'hosts: websockets 13', 'hosts: websockets 10'],
}

const lines = [...readReadme().matchAll(/^\| ([^|]+?) +\| (?:yes|no|`--java`|) *\|[^|]*\| ([^|]+) \|$/gm)].map(
  ([, client = '', tested = '']) => ({ client, tested }),
)

describe('the clients of the README', () => {
  it('are those that are known here', () => {
    expect(lines.map(({ client }) => client)).toEqual(Object.keys(BEHIND))
  })

  it.each(lines)('$client: has the rows that stand behind "$tested"', ({ client, tested }) => {
    const rows = BEHIND[client] ?? []
    expect(rows.filter((row) => !ROWS.has(row))).toEqual([])
    // What was not tried must not say that it was.
    if (rows.length === 0) expect(tested).toBe('from its manual')
    if (/^both/.test(tested)) expect(new Set(rows.map((row) => row.slice(0, 4)))).toEqual(new Set(['exec', 'hand']))
  })
})

/** Names of the tests of a file of this folder that match. */
function tests(file: string, pattern: RegExp): readonly RegExpMatchArray[] {
  return [...readFileSync(new URL(file, import.meta.url), 'utf8').matchAll(pattern)]
}
