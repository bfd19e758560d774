// Real HTTP clients, each led to weir as its manual says: every call is routed, trusted, signed to the byte, and a
// refusal of weir is the client's own error. Most machines of a project can reach the exchanges; that the simulated one
// has seen the calls, and that weir's headers came back, proves that none went past weir.

import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Exchange, startExchange } from '../support/exchange/exchange.ts'
import { shippedLimits, startWeir, type Weir } from '../support/weir.ts'
import { openClient } from '../system/client.ts'
import { krakenPoster, type Post } from '../system/sign.ts'
import type { Errand, Seen } from './errand.ts'
import { openPython } from './python.ts'

const run = promisify(execFile)
const PATIENCE_MS = 30_000
const GOOD = 'https://api.kraken.com/0/public/Ticker?pair=XBTUSD'
const REFUSED = 'https://api.coinbase.com/api/v3/brokerage/time'
const python = await openPython()

let exchange: Exchange
let weir: Weir
let post: Post

beforeAll(async () => {
  exchange = await startExchange()
  // One public call of Coinbase per hour, and it is made here: the clients' own are refused.
  const config = await shippedLimits({ '{ per: ip, limit: 10, every: 1s, recovery: 1s }': ONCE })
  weir = await startWeir({ exchange, config })
  post = krakenPoster(exchange.krakenKey('clients'))
  const first = openClient(weir)
  const { host, pathname } = new URL(REFUSED)
  expect(await first.send({ host, path: pathname })).toMatchObject({ status: 200 })
  first.close()
}, PATIENCE_MS)

const ONCE = '{ per: ip, limit: 1, every: 1h, recovery: 1s }'

afterAll(async () => {
  await weir[Symbol.asyncDispose]()
  await exchange.close()
})

/** Runs a client's program with the environment that its manual asks for, and nothing else. */
async function send(command: string, args: readonly string[], env: Readonly<Record<string, string>>): Promise<Seen> {
  const { stdout } = await run(command, args, {
    env: { PATH: process.env.PATH ?? '', HTTPS_PROXY: weir.proxy, ...env, ERRAND: JSON.stringify(errand()) },
    timeout: PATIENCE_MS,
  })
  return JSON.parse(stdout) as Seen
}

function errand(): Errand {
  const { path, headers = {}, body } = post('Balance')
  return { good: GOOD, signed: { url: `https://api.kraken.com${path}`, headers, body }, refused: REFUSED }
}

const program = (name: string): string => fileURLToPath(new URL(`./programs/${name}`, import.meta.url))

function expectServed(seen: Seen, error: string): void {
  expect(seen.good).toMatchObject({ status: 200, body: { error: [], result: { XXBTZUSD: {} } } })
  expect(seen.good.decision).toMatch(/^(forwarded|cached)$/)
  expect(seen.signed).toMatchObject({ status: 200, decision: 'forwarded', body: { error: [] } })
  expect(seen.refused).toMatchObject({ error, status: 429, code: 'limit_reached' })
  expect(Number(seen.refused.retryAfter)).toBeGreaterThan(60)
  expect(exchange.report()).toMatchObject({ violations: 0, byVerdict: { served: exchange.report().calls } })
}

describe('a client that honours HTTPS_PROXY', { timeout: PATIENCE_MS + 5_000 }, () => {
  it('fetch of Node works', async () => {
    const env = { NODE_USE_ENV_PROXY: '1', NODE_EXTRA_CA_CERTS: weir.caFile }
    expectServed(await send(process.execPath, [program('with-fetch.ts')], env), 'Response.ok is false')
    expect(exchange.calls.at(-1)?.bot).toBe('node')
  })

  it.each([
    ['axios', 'AxiosError ERR_BAD_REQUEST'],
    ['axios-old', 'AxiosError ERR_BAD_REQUEST'],
  ])('%s works', async (version, error) => {
    const env = { NODE_EXTRA_CA_CERTS: weir.caFile }
    expectServed(await send(process.execPath, [program('with-axios.ts'), version], env), error)
    expect(exchange.calls.at(-1)?.bot).toMatch(/^axios\//)
  })

  it.skipIf(python === undefined)('Python requests works', async () => {
    const env = { REQUESTS_CA_BUNDLE: weir.bundle }
    expectServed(await send(String(python), [program('with_requests.py')], env), 'HTTPError')
    expect(exchange.calls.at(-1)?.bot).toMatch(/^python-requests\//)
  })

  it.skipIf(python === undefined)('Python aiohttp works, with trust_env', async () => {
    const env = { SSL_CERT_FILE: weir.bundle }
    expectServed(await send(String(python), [program('with_aiohttp.py')], env), 'ClientResponseError')
    expect(exchange.calls.at(-1)?.bot).toMatch(/aiohttp\//)
  })

  it('curl works', async () => {
    const curl = async (...args: string[]) => {
      const env = { PATH: process.env.PATH ?? '', HTTPS_PROXY: weir.proxy, SSL_CERT_FILE: weir.bundle }
      const format = ['--write-out', '\\n%{http_code} %header{x-weir-decision} %header{retry-after}']
      const outcome = await run('curl', ['--silent', '--show-error', ...format, ...args], { env }).catch(
        (error: { code: number; stdout: string }) => error,
      )
      const [body = '', told = ''] = outcome.stdout.split(/\n(?=[^\n]*$)/)
      return { exit: 'code' in outcome ? outcome.code : 0, body, told }
    }
    const { signed } = errand()
    const headers = Object.entries(signed.headers).flatMap(([name, value]) => ['--header', `${name}: ${value}`])
    expect(await curl(GOOD)).toMatchObject({ exit: 0, told: expect.stringMatching(/^200 (forwarded|cached) $/) })
    expect(await curl(signed.url, ...headers, '--data', signed.body)).toMatchObject({ exit: 0, told: '200 forwarded ' })
    expect(exchange.calls.at(-1)?.bot).toMatch(/^curl\//)
    const refused = await curl('--fail', REFUSED)
    // 22: the server said 400 or more.
    expect(refused).toMatchObject({ exit: 22, told: expect.stringMatching(/^429 refused \d+$/) })
  })
})
