// The simulated Kraken Futures must count as Kraken's page says (docs.kraken.com/exchange/guides/futures/ratelimits), for it
// judges weir: what goes over is refused and written down, what does not is served.

import { beforeEach, describe, expect, it, onTestFinished } from 'vitest'
import { ask } from './exchange/ask.ts'
import { type Exchange, startExchange } from './exchange/exchange.ts'
import { signFutures } from './exchange/futures-auth.ts'
import type { KrakenKey } from './exchange/keys.ts'

const host = 'futures.kraken.com'
const V3 = '/derivatives/api/v3'
let exchange: Exchange
let key: KrakenKey

beforeEach(async () => {
  exchange = await startExchange({ plain: true })
  onTestFinished(() => exchange.close())
  key = exchange.futuresKey('bot')
})

const call = async (method: string, target: string, body = '', nonce = ''): Promise<Record<string, unknown>> => {
  const [path = '', query = ''] = target.split('?')
  const headers = signFutures({ key, path, said: body === '' ? query : body, nonce })
  const answer = await ask(exchange, { host, method, path: target, headers, ...(body !== '' && { body }) })
  expect(answer.status).toBe(200)
  return answer.json as Record<string, unknown>
}
const ORDER = `${V3}/sendorder?orderType=lmt&symbol=PF_XBTUSD&side=buy&size=1&limitPrice=100`
const spent = async (): Promise<number> => {
  // What is left of 500 is told by how many calls of 1 still pass.
  for (let passed = 0; passed <= 500; passed += 1) {
    if ((await call('POST', `${V3}/orders/status`)).error === 'apiLimitExceeded') return 500 - passed
  }
  return 0
}

describe('the simulated Kraken Futures', () => {
  it('serves 50 orders in 10 seconds and refuses the next, which it writes down', async () => {
    for (let order = 0; order < 50; order += 1) expect((await call('POST', ORDER)).result).toBe('success')
    expect(await call('POST', ORDER)).toMatchObject({ result: 'error', error: 'apiLimitExceeded' })
    expect(exchange.report()).toMatchObject({ violations: 1, byCounter: { 'futures.derivatives': 1 } })
    expect(exchange.violations[0]).toMatchObject({ counter: 'futures.derivatives', scope: key.key, cost: 10 })
  })

  it('counts each key by itself', async () => {
    for (let order = 0; order < 51; order += 1) await call('POST', ORDER)
    key = exchange.futuresKey('other')
    expect((await call('POST', ORDER)).result).toBe('success')
  })

  it.each([
    [200, 'GET', `${V3}/unwindqueue`, ''],
    [100, 'POST', `${V3}/withdrawal`, ''],
    [25, 'POST', `${V3}/cancelallorders`, ''],
    [25, 'GET', `${V3}/fills?lastFillTime=2026-11-22T00%3A00%3A00.000Z`, ''],
    [2, 'GET', `${V3}/fills`, ''],
    [2, 'GET', `${V3}/openpositions`, ''],
    [12, 'POST', `${V3}/batchorder`, `json=${JSON.stringify({ batchOrder: [{}, {}, {}] })}`],
    [0, 'GET', `${V3}/tickers`, ''],
  ])('charges %d for %s %s %s', async (cost, method, target, body) => {
    await call(method, target, body)
    expect(await spent()).toBe(cost)
  })

  it.each([
    [1, 'count=25', 101],
    [2, 'count=50', 51],
    [6, 'count=5000', 17],
    [10, 'count=100000', 11],
  ])('charges %d of the history for an account log of %s: of 100 all but call %d pass', async (_, query, calls) => {
    for (let passed = 1; passed < calls; passed += 1) {
      expect((await call('GET', `/api/history/v3/account-log?${query}`)).result).toBe('success')
    }
    expect((await call('GET', `/api/history/v3/account-log?${query}`)).error).toBe('apiLimitExceeded')
  })

  it('knows its callers: an unknown key, a wrong signature, a nonce twice', async () => {
    const stranger = { key: 'nobody', secret: key.secret }
    const path = `${V3}/accounts`
    const error = async (headers: Record<string, string>): Promise<unknown> =>
      ((await ask(exchange, { host, path, headers })).json as { error?: string }).error
    expect(await error(signFutures({ key: stranger, path }))).toBe('authenticationError')
    expect(await error({ ...signFutures({ key, path }), Authent: 'AAAA' })).toBe('authenticationError')
    expect(await error(signFutures({ key, path, nonce: '5' }))).toBeUndefined()
    expect(await error(signFutures({ key, path, nonce: '4' }))).toBeUndefined()
    expect(await error(signFutures({ key, path, nonce: '5' }))).toBe('nonceDuplicate')
    expect(exchange.report().violations).toBe(0)
  })
})
