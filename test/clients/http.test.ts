// HTTP and WebSocket clients, each as its users run it: under `weir exec`, which changes nothing of the bot, by the
// variables of the README, or with the exchanges' names led to weir. weir sees their calls, nothing goes past it, and what
// weir says arrives as the client's own users expect.

import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Way } from './isolated.ts'
import { openCommand, openGo, openPython } from './needs.ts'
import { expectServed, node, openSweep, program, type Sweep, type Wiring } from './sweep.ts'

const [python, oldPython, go, wget, php, java] = await Promise.all([
  openPython('./requirements.txt'),
  openPython('./requirements-coinbase.txt'),
  openGo('./programs/with-http.go'),
  openCommand(['wget', '--version'], ['wget']),
  openCommand(['php', '--ri', 'curl'], ['php-cli', 'php-curl']),
  openCommand(['javac', '--version'], ['default-jdk-headless']),
])
const PATIENCE_MS = 50_000

let sweep: Sweep

beforeAll(async () => {
  sweep = await openSweep()
  // Coinbase tells its time once an hour here, and this is it: the bots' own question is refused.
  const time = 'https://api.coinbase.com/api/v3/brokerage/time'
  await sweep.run('first', ['curl', '--silent', time], byHand(byBundle))
}, PATIENCE_MS)

afterAll(() => sweep?.[Symbol.asyncDispose]())

type Words = readonly string[]

/** An interpreter of Python that could not be had makes no command, and its row is skipped. */
const py = (interpreter: string | undefined, name: string, ...args: Words): Words =>
  interpreter === undefined ? [] : [interpreter, program(name), ...args]
const sh = (client: string): Words => ['sh', program('with-http.sh'), client]
const JAVA = java ? ['java', program('WithHttp.java')] : []
const PHP = php ? ['php', program('with-http.php')] : []
const GO = go === undefined ? [] : [go]

const REQUESTS = py(python, 'with_http.py', 'requests')
const AIOHTTP = py(python, 'with_http.py', 'aiohttp')
const HTTPX = py(python, 'with_http.py', 'httpx')
const URLLIB = py(python, 'with_http.py', 'urllib')

/** A bot, what it calls a refusal (an error of its own, where it makes one), and what it calls itself. */
const UNDER_EXEC: readonly (readonly [name: string, command: Words, error: string, agent: RegExp, flags?: Words])[] = [
  // 22: the server said 400 or more; 8: the server issued an error response.
  ['curl', sh('curl'), 'exit 22', /^curl\//],
  ['wget', wget ? sh('wget') : [], 'exit 8', /^Wget\//],
  ['requests', REQUESTS, 'HTTPError', /^python-requests\//],
  ['requests with trust_env=False', py(python, 'with_http.py', 'requests, deaf'), 'HTTPError', /^python-requests\//],
  ['aiohttp with trust_env', AIOHTTP, 'ClientResponseError', /aiohttp\//],
  ['aiohttp', py(python, 'with_http.py', 'aiohttp, deaf'), 'ClientResponseError', /aiohttp\//],
  ['aiohttp that trusts certifi alone', py(python, 'with_http.py', 'aiohttp, certifi'), 'ClientResponseError', /aio/],
  ['httpx', HTTPX, 'HTTPStatusError', /^python-httpx\//],
  ['urllib', URLLIB, 'HTTPError', /^Python-urllib\//],
  ['fetch of Node', node('with-http.ts', 'fetch'), 'Response.ok is false', /^node$/],
  ['https of Node', node('with-http.ts', 'https'), '', /^$/],
  ['undici', node('with-http.ts', 'undici'), '', /^(undici)?$/],
  ['axios', node('with-http.ts', 'axios'), 'AxiosError ERR_BAD_REQUEST', /^axios\/1\.21/],
  ['axios 1.13', node('with-http.ts', 'axios-1.13'), 'AxiosError ERR_BAD_REQUEST', /^axios\/1\.13/],
  ['axios 0.27', node('with-http.ts', 'axios-old'), 'AxiosError ERR_BAD_REQUEST', /^axios\/0\.27/],
  ['got', node('with-http.ts', 'got'), 'HTTPError', /^got /],
  ['Go', GO, '', /^Go-http-client\//],
  ['curl of PHP', PHP, '', /^$/],
  ['HttpClient of Java', JAVA, '', /^Java-http-client\//, ['--java']],
]

const byBundle = ({ bundle }: Way) => ({ SSL_CERT_FILE: bundle })

/** The lines of the README's table. */
const BY_HAND: readonly (readonly [
  name: string,
  command: Words,
  error: string,
  trust: (weir: Way) => Readonly<Record<string, string>>,
])[] = [
  ['curl by hand', sh('curl'), 'exit 22', byBundle],
  ['requests by hand', REQUESTS, 'HTTPError', ({ bundle }) => ({ REQUESTS_CA_BUNDLE: bundle })],
  ['aiohttp by hand', AIOHTTP, 'ClientResponseError', byBundle],
  ['httpx by hand', HTTPX, 'HTTPStatusError', byBundle],
  ['urllib by hand', URLLIB, 'HTTPError', byBundle],
  ['fetch by hand', node('with-http.ts', 'fetch'), 'Response.ok is false', byNode],
  ['https of Node by hand', node('with-http.ts', 'https'), '', byNode],
  ['got by hand', node('with-http.ts', 'got'), 'HTTPError', byNode],
  [
    'axios by hand',
    node('with-http.ts', 'axios'),
    'AxiosError ERR_BAD_REQUEST',
    ({ caFile }) => ({ NODE_EXTRA_CA_CERTS: caFile }),
  ],
  [
    'axios 1.13 by hand',
    node('with-http.ts', 'axios-1.13'),
    'AxiosError ERR_BAD_REQUEST',
    ({ caFile }) => ({ NODE_EXTRA_CA_CERTS: caFile }),
  ],
  [
    'axios 0.27 by hand',
    node('with-http.ts', 'axios-old'),
    'AxiosError ERR_BAD_REQUEST',
    ({ caFile }) => ({ NODE_EXTRA_CA_CERTS: caFile }),
  ],
  ['Go by hand', GO, '', byBundle],
]

function byHand(trust: (weir: Way) => Readonly<Record<string, string>>): Wiring {
  return { set: (weir, proxy) => ({ HTTPS_PROXY: proxy, ...trust(weir) }) }
}

function byNode({ caFile }: Way) {
  return { NODE_USE_ENV_PROXY: '1', NODE_EXTRA_CA_CERTS: caFile }
}

describe('an HTTP client', { timeout: PATIENCE_MS }, () => {
  it('is seen when it goes past weir', async ({ skip }) => {
    skip(!sweep.isolated, 'no recorder')
    const { past, heard, reached } = await sweep.runLost(sh('curl'))
    expect({ past, heard, reached }).toEqual({ past: 3, heard: [], reached: [] })
  })

  for (const [name, command, error, agent, flags = []] of UNDER_EXEC) {
    it.skipIf(command.length === 0)(`(${name}) goes through weir under weir exec`, async () => {
      expectServed(await sweep.run(name, command, { exec: flags }), error, agent)
    })
  }

  for (const [name, command, error, trust] of BY_HAND) {
    it.skipIf(command.length === 0)(`(${name}) goes through weir by variables alone`, async () => {
      expectServed(await sweep.run(name, command, byHand(trust)), error, /^/)
    })
  }

  it.skipIf(go === undefined)(
    'with a transport that knows no proxy goes through weir by a hosts file',
    async ({ skip }) => {
      skip(!sweep.isolated, 'no namespaces')
      expectServed(await sweep.run('bare Go', [...GO, 'bare'], { mapped: byBundle }), '', /^Go-http-client\//)
    },
  )
})

describe('a WebSocket client', { timeout: PATIENCE_MS }, () => {
  const CLIENTS: readonly (readonly [string, Words])[] = [
    ['ws', node('with-websocket.ts', 'ws')],
    ['WebSocket of Node', node('with-websocket.ts', 'WebSocket')],
    ['websockets', py(python, 'with_websocket.py', 'websockets')],
    ['websockets, synchronous', py(python, 'with_websocket.py', 'websockets, synchronous')],
    ['websockets 13', py(oldPython, 'with_websocket.py', 'websockets')],
    ['websocket-client', py(python, 'with_websocket.py', 'websocket-client')],
    ['WebSocket of aiohttp', py(python, 'with_websocket.py', 'aiohttp')],
  ]
  for (const [name, command] of CLIENTS) {
    it.skipIf(command.length === 0)(`(${name}) goes through weir under weir exec`, async () => {
      const { stdout, reached } = await sweep.run(name, command, { exec: [] })
      expect({ stdout, reached }).toMatchObject({ stdout: 'hello', reached: [{ host: 'ws.kraken.com' }] })
    })
  }
})
