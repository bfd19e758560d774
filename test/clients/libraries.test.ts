// Libraries that bots are made with, each as its users run it: ccxt in its four wirings, and those made for one exchange.
// They trade, then ask for too much, and raise the error that they raise for the exchange's own refusal.

import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { TourSeen } from './errand.ts'
import type { Way } from './isolated.ts'
import { openPython } from './needs.ts'
import { CCXT_WIRINGS, kitRows } from './rows.ts'
import { node, openSweep, program, type Sweep, type Wiring } from './sweep.ts'

const [python, coinbasePython] = await Promise.all([
  openPython('./requirements.txt'),
  openPython('./requirements-coinbase.txt'),
])
/** Ten times what a row takes on a quiet machine. */
const PATIENCE_MS = 100_000
const UNDER_EXEC: Wiring = { exec: [] }

let sweep: Sweep

beforeAll(async () => {
  sweep = await openSweep()
  // Coinbase tells its time once an hour here, and this is it.
  const time = 'https://api.coinbase.com/api/v3/brokerage/time'
  await sweep.run('first', ['curl', '--silent', time], UNDER_EXEC)
}, PATIENCE_MS)

afterAll(() => sweep?.[Symbol.asyncDispose]())

const CLASSES = {
  kraken: 'kraken.private',
  // ccxt reads balances from the older API on the same host.
  coinbase: 'coinbase_app.private',
  coinbaseexchange: 'coinbase_exchange.private',
}

/** The classes of ccxt's errors, most special first. Network errors are those that its users try again. */
const ERRORS = {
  kraken: ['DDoSProtection', 'NetworkError', 'OperationFailed', 'BaseError'],
  coinbase: ['RateLimitExceeded', 'NetworkError', 'OperationFailed', 'BaseError'],
  coinbaseexchange: ['RateLimitExceeded', 'NetworkError', 'OperationFailed', 'BaseError'],
}

function expectToured(stdout: string, id: keyof typeof CLASSES): void {
  const seen = JSON.parse(stdout) as TourSeen
  expect(seen).toEqual({
    markets: expect.any(Number),
    btc: 15.625,
    balance: { class: CLASSES[id], decision: 'forwarded' },
    ordered: true,
    served: expect.any(Number),
    refusal: ERRORS[id],
  })
  expect(seen.served).toBeGreaterThan(0)
}

describe('ccxt for JavaScript', { timeout: PATIENCE_MS }, () => {
  const EXCHANGES = ['kraken', 'coinbase', 'coinbaseexchange'] as const

  for (const [name, [options, wiring]] of Object.entries(CCXT_WIRINGS)) {
    it.for(EXCHANGES)(`trades at %s by ${name}, and is told when it asks for too much`, async (id, { skip }) => {
      skip('mapped' in wiring && !sweep.isolated, 'no namespaces')
      const command = node('with-ccxt.ts', id, JSON.stringify(options(sweep.weir)))
      const { stdout } = await sweep.run(`${id} by ${name}`, command, wiring)
      expectToured(stdout, id)
    })
  }

  it('may run twice on one key of Kraken, and nonces arrive in order', async () => {
    const [interpreter = '', bot = ''] = node('ccxt-pair.ts')
    const both = `"${interpreter}" "${bot}" & "${interpreter}" "${bot}" & wait`
    const { stdout, reached } = await sweep.run('pair', ['sh', '-c', both], UNDER_EXEC)
    expect(stdout).toBe('6\n6\n')
    const nonces = reached
      .filter(({ key }) => key !== '')
      .map(({ body }) => Number(new URLSearchParams(body).get('nonce')))
    expect(nonces.length).toBe(12)
    expect(nonces).toEqual([...new Set(nonces)].sort((a, b) => a - b))
  })
})

describe.skipIf(python === undefined)('ccxt for Python', { timeout: PATIENCE_MS }, () => {
  const bot = (half: string, options: object = {}) => [
    String(python),
    program('with_ccxt.py'),
    half,
    JSON.stringify(options),
  ]

  it.each(['sync', 'async'])('(%s) trades under weir exec, and is told when it asks for too much', async (half) => {
    const { stdout } = await sweep.run(`ccxt ${half}`, bot(half), UNDER_EXEC)
    // freqtrade waits, longer each time, after this one class of all that ccxt has.
    expectToured(stdout, 'kraken')
  })

  it.each(['sync', 'async'])('(%s) is led by its options and variables', async (half) => {
    const { bundle } = sweep.weir
    const options = { requests_trust_env: true, aiohttp_trust_env: true, cafile: bundle }
    const set = (_: Way, proxy: string) => ({ HTTPS_PROXY: proxy, REQUESTS_CA_BUNDLE: bundle })
    const { stdout } = await sweep.run(`ccxt ${half} by hand`, bot(half, options), { set })
    expectToured(stdout, 'kraken')
  })
})

describe('a library made for one exchange', { timeout: PATIENCE_MS }, () => {
  for (const { name, command, result, refusal } of kitRows({ python, coinbasePython })) {
    it.skipIf(command.length === 0)(`(${name}) goes through weir under weir exec`, async () => {
      const { stdout } = await sweep.run(name, command, UNDER_EXEC)
      expect(JSON.parse(stdout)).toMatchObject({ result, refusal })
    })
  }
})
