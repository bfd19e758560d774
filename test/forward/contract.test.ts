// The contract with the exchanges as their documents word it: scripted answers go through the real connection pool and
// the real handler, and come out as verdicts. Nothing here may leave the machine.

import nock from 'nock'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import type { ClassifiedCall } from '../../src/core/call.ts'
import { callOf, senderTo } from './origin.ts'

beforeAll(() => nock.disableNetConnect())
afterEach(() => nock.cleanAll())
afterAll(() => {
  nock.enableNetConnect()
  nock.restore()
})

const send = async (call: ClassifiedCall): Promise<ClassifiedCall> => {
  // The pool believes in its own address, so that nock finds the host by name.
  const reply = await senderTo({ port: 443, caPem: '' }, {}, call.request.host)(call)
  if (!Buffer.isBuffer(reply.body)) reply.body.cancel()
  return call
}

describe('Kraken', () => {
  it.each([
    ['/0/private/Balance', 'EAPI:Rate limit exceeded', 'throttled'],
    ['/0/private/AddOrder', 'EOrder:Rate limit exceeded', 'throttled'],
    ['/0/private/Balance', 'EGeneral:Temporary lockout', 'banned'],
    ['/0/private/Balance', 'EAPI:Invalid nonce', 'auth'],
    ['/0/private/Balance', 'EService:Unavailable', 'failing'],
    ['/0/private/AddOrder', 'EOrder:Insufficient funds', 'client'],
  ])('on %s says %s with status 200, which is %s', async (path, error, kind) => {
    const asked = nock('https://api.kraken.com', { reqheaders: { 'api-key': 'k', 'api-sign': 's' } })
      .post(path, 'nonce=1')
      .reply(200, { error: [error] })
    const headers = ['Host', 'api.kraken.com', 'API-Key', 'k', 'API-Sign', 's']
    const { record } = await send(callOf({ method: 'POST', path, headers, body: 'nonce=1', credential: 'k' }))
    expect(record.verdict).toMatchObject({ kind })
    expect(record).toMatchObject({ decision: 'forwarded', sent: 'yes' })
    expect(asked.isDone()).toBe(true)
  })

  it('has an edge in front that says 520 in HTML, which is failing', async () => {
    nock('https://api.kraken.com').get('/0/public/Ticker').reply(520, '<html></html>', { Server: 'cloudflare' })
    expect((await send(callOf())).record.verdict).toMatchObject({ kind: 'failing', reason: 'http 520' })
  })
})

describe('Coinbase', () => {
  it.each([
    ['api.coinbase.com', '/api/v3/brokerage/accounts', 429, { error: 'rate_limit_exceeded' }, 'throttled'],
    ['api.coinbase.com', '/api/v3/brokerage/accounts', 401, 'Unauthorized', 'auth'],
    ['api.coinbase.com', '/v2/accounts', 429, { errors: [{ id: 'rate_limit_exceeded' }] }, 'throttled'],
    ['api.exchange.coinbase.com', '/fills', 429, { message: 'Private rate limit exceeded' }, 'throttled'],
    ['api.exchange.coinbase.com', '/accounts', 500, { message: 'Internal server error' }, 'failing'],
    ['api.exchange.coinbase.com', '/accounts', 200, [], 'ok'],
  ])('%s%s with %i %j is %s', async (host, path, status, body, kind) => {
    nock(`https://${host}`).get(path).reply(status, body, { 'Retry-After': '3' })
    const { record } = await send(callOf({ host, path, headers: ['Host', host], credential: 'k' }))
    expect(record.verdict).toMatchObject({ kind })
    if (kind === 'throttled') expect(record.verdict?.pauseMs).toBe(3_000)
  })
})
