// The rows of the sweep: every client that the README promises, how it is started, and what its users see. Data only; a row
// whose tools are missing has no command, and is skipped.

import { expect } from 'vitest'
import type { Way } from './isolated.ts'
import { node, program, type Wiring } from './sweep.ts'

type Words = readonly string[]

/** What rows are run with; undefined or false where it can not be had. */
export interface Tools {
  readonly python?: string | undefined
  /** A Python with the websockets that coinbase-advanced-py wants, 13. */
  readonly coinbasePython?: string | undefined
  /** A Python whose websockets is of 2022. */
  readonly oldPython?: string | undefined
  readonly go?: string | undefined
  readonly wget?: boolean
  readonly php?: boolean
  readonly java?: boolean
}

/** A bot of an HTTP client. */
export interface HttpRow {
  readonly name: string
  readonly command: Words
  /** What the client calls a refusal: an error of its own, where it makes one. */
  readonly error: string
  /** What it calls itself. */
  readonly agent: RegExp
  /** Flags of `weir exec`. */
  readonly flags?: Words
  /** Variables by which it trusts weir without `weir exec`; undefined where that is not tried. */
  readonly trust?: (weir: Way) => Readonly<Record<string, string>>
}

/** What a user of a library made for one exchange sees. */
export interface KitRow {
  readonly name: string
  readonly command: Words
  readonly result: unknown
  readonly refusal: unknown
}

export const byBundle = ({ bundle }: Way) => ({ SSL_CERT_FILE: bundle })
export const byNode = ({ caFile }: Way) => ({ NODE_EXTRA_CA_CERTS: caFile })
const byRequests = ({ bundle }: Way) => ({ REQUESTS_CA_BUNDLE: bundle })
const byNodeEnv = (weir: Way) => ({ NODE_USE_ENV_PROXY: '1', ...byNode(weir) })

const py = (interpreter: string | undefined, name: string, ...args: Words): Words =>
  interpreter === undefined ? [] : [interpreter, program(name), ...args]
const sh = (client: string): Words => ['sh', program('with-http.sh'), client]

const BAD = 'AxiosError ERR_BAD_REQUEST'

/** HTTP clients; under `weir exec` all of them, by variables those that say whom they trust. */
export const httpRows = ({ python, go, wget, php, java }: Tools): readonly HttpRow[] => {
  const http = (client: string): Words => py(python, 'with_http.py', client)
  const js = (client: string): Words => node('with-http.ts', client)
  return [
    // 22: the server said 400 or more; 8: the server issued an error response.
    { name: 'curl', command: sh('curl'), error: 'exit 22', agent: /^curl\//, trust: byBundle },
    { name: 'wget', command: wget ? sh('wget') : [], error: 'exit 8', agent: /^Wget\// },
    { name: 'requests', command: http('requests'), error: 'HTTPError', agent: /^python-requests\//, trust: byRequests },
    {
      name: 'requests with trust_env=False',
      command: http('requests, deaf'),
      error: 'HTTPError',
      agent: /^python-requests\//,
    },
    {
      name: 'aiohttp with trust_env',
      command: http('aiohttp'),
      error: 'ClientResponseError',
      agent: /aiohttp\//,
      trust: byBundle,
    },
    { name: 'aiohttp', command: http('aiohttp, deaf'), error: 'ClientResponseError', agent: /aiohttp\// },
    {
      name: 'aiohttp that trusts certifi alone',
      command: http('aiohttp, certifi'),
      error: 'ClientResponseError',
      agent: /aiohttp\//,
    },
    { name: 'httpx', command: http('httpx'), error: 'HTTPStatusError', agent: /^python-httpx\//, trust: byBundle },
    { name: 'urllib', command: http('urllib'), error: 'HTTPError', agent: /^Python-urllib\//, trust: byBundle },
    {
      name: 'fetch of Node',
      command: js('fetch'),
      error: 'Response.ok is false',
      agent: /^node$/,
      trust: byNodeEnv,
    },
    { name: 'https of Node', command: js('https'), error: '', agent: /^$/, trust: byNodeEnv },
    { name: 'undici', command: js('undici'), error: '', agent: /^(undici)?$/ },
    { name: 'axios', command: js('axios'), error: BAD, agent: /^axios\/1\.21/, trust: byNode },
    { name: 'axios 1.13', command: js('axios-1.13'), error: BAD, agent: /^axios\/1\.13/, trust: byNode },
    { name: 'axios 0.27', command: js('axios-old'), error: BAD, agent: /^axios\/0\.27/, trust: byNode },
    { name: 'got', command: js('got'), error: 'HTTPError', agent: /^got /, trust: byNodeEnv },
    { name: 'Go', command: go === undefined ? [] : [go], error: '', agent: /^Go-http-client\//, trust: byBundle },
    { name: 'curl of PHP', command: php ? ['php', program('with-http.php')] : [], error: '', agent: /^$/ },
    {
      name: 'HttpClient of Java',
      command: java ? ['java', program('WithHttp.java')] : [],
      error: '',
      agent: /^Java-http-client\//,
      flags: ['--java'],
    },
  ]
}

/** WebSocket clients, under `weir exec`. */
export const webSocketRows = ({ python, coinbasePython, oldPython }: Tools): readonly (readonly [string, Words])[] => [
  ['ws', node('with-websocket.ts', 'ws')],
  ['WebSocket of Node', node('with-websocket.ts', 'WebSocket')],
  ['websockets', py(python, 'with_websocket.py', 'websockets')],
  ['websockets, synchronous', py(python, 'with_websocket.py', 'websockets, synchronous')],
  ['websockets 13', py(coinbasePython, 'with_websocket.py', 'websockets')],
  ['websockets 10', py(oldPython, 'with_websocket.py', 'websockets')],
  ['websocket-client', py(python, 'with_websocket.py', 'websocket-client')],
  ['WebSocket of aiohttp', py(python, 'with_websocket.py', 'aiohttp')],
]

/** Those that know no proxy, where the exchanges' names lead to weir. */
export const mappedWebSocketRows = ({ coinbasePython, oldPython }: Tools): readonly (readonly [string, Words])[] => [
  ['websockets 13', py(coinbasePython, 'with_websocket.py', 'websockets')],
  ['websockets 10', py(oldPython, 'with_websocket.py', 'websockets')],
]

/** ccxt for JavaScript: options, and what leads and tells it otherwise. */
export const CCXT_WIRINGS: Readonly<Record<string, readonly [(weir: Way) => object, Wiring]>> = {
  'weir exec': [() => ({}), { exec: [] }],
  httpsProxy: [({ proxy }) => ({ httpsProxy: proxy }), { own: byNode }],
  proxyUrl: [({ proxy }) => ({ proxyUrl: `${proxy}/` }), { own: () => ({}) }],
  'a hosts file': [() => ({}), { mapped: byNode }],
}

/** What the simulated exchange gives to every account. */
const AT_KRAKEN = { XXBT: '15.6250', ZUSD: '1000000.0000' }
const AT_COINBASE = {
  accounts: expect.arrayContaining([
    expect.objectContaining({ currency: 'BTC', available_balance: { value: '15.62500000', currency: 'BTC' } }),
  ]),
}

/** Libraries made for one exchange, under `weir exec`: a balance, and what they raise when they ask for too much. */
export const kitRows = ({ python, coinbasePython }: Tools): readonly KitRow[] => {
  const limited = { result: AT_KRAKEN, refusal: 'KrakenApiLimitExceededError' }
  const kit = (interpreter: string | undefined, name: string) => ({
    name,
    command: py(interpreter, 'with_kits.py', name),
  })
  const js = (name: string) => ({ name, command: node('with-kits.ts', name) })
  return [
    { ...js('node-kraken-api'), result: AT_KRAKEN, refusal: 'RESTAPIError: ["EAPI:Rate limit exceeded"]' },
    { ...js('coinbase-api'), result: AT_COINBASE, refusal: { code: 429, reason: 'limit_reached' } },
    { ...kit(python, 'krakenex'), result: AT_KRAKEN, refusal: 'EAPI:Rate limit exceeded' },
    { ...kit(python, 'python-kraken-sdk'), ...limited },
    { ...kit(python, 'python-kraken-sdk, asynchronous'), ...limited },
    { ...kit(coinbasePython, 'coinbase-advanced-py'), result: AT_COINBASE, refusal: 'HTTPError 429' },
    // The exchange of the tests sends back what it is told.
    { ...kit(coinbasePython, 'coinbase-advanced-py, WebSocket'), result: 'heartbeats', refusal: '' },
  ]
}
