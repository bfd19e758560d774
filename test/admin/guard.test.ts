import { describe, expect, it } from 'vitest'
import { isLoopback } from '../../src/admin/guard.ts'
import { openDesk } from './desk.ts'

const TOKEN = 'correct-horse'
const basic = (password: string) => `Basic ${Buffer.from(`anyone:${password}`).toString('base64')}`
const RESET = '/v1/breakers/api.kraken.com/reset'

describe('the admin port without a token', () => {
  it.each(['127.0.0.1:9090', 'localhost:9090', 'localhost', '[::1]:9090', 'LOCALHOST'])(
    'is at home at %s',
    async (host) => {
      await using desk = await openDesk()
      expect((await desk.get('/v1/limits', { host })).status).toBe(200)
    },
  )

  it.each(['rebound.example:9090', 'localhost.evil.example', '127.0.0.1.nip.io', 'localhost:9090@evil.example'])(
    'knows nothing for a name that is not its own, whatever it resolves to: %s',
    async (host) => {
      await using desk = await openDesk()
      const got = await desk.get('/v1/limits', { host })
      expect(got.status).toBe(421)
      expect(got.body).not.toContain('kraken')
    },
  )

  it('does not start where strangers could reach it', async () => {
    await expect(openDesk({}, { host: '0.0.0.0' })).rejects.toThrow(/WEIR_ADMIN_TOKEN/)
    await expect(openDesk({}, { host: '::' })).rejects.toThrow(/WEIR_ADMIN_TOKEN/)
    await expect(openDesk({}, { host: '0.0.0.0', token: '' })).rejects.toThrow(/WEIR_ADMIN_TOKEN/)
  })
})

describe('a change of state', () => {
  it.each([
    { 'sec-fetch-site': 'cross-site' },
    { 'sec-fetch-site': 'same-site' },
    { origin: 'https://evil.example' },
    { origin: 'null' },
    { origin: 'http://localhost:3000', host: 'localhost:9090' },
  ])('is refused when another site’s page asks for it: %j', async (headers) => {
    const moves: string[] = []
    await using desk = await openDesk({ moveBreaker: (host, move) => moves.push(`${host} ${move}`) })
    expect((await desk.ask('POST', RESET, headers as Record<string, string>)).status).toBe(403)
    expect(moves).toEqual([])
  })

  it.each([
    {},
    { 'sec-fetch-site': 'same-origin', host: 'localhost:9090', origin: 'http://localhost:9090' },
    { 'sec-fetch-site': 'none' },
  ])('is made for the port’s own page and for programs: %j', async (headers) => {
    const moves: string[] = []
    await using desk = await openDesk({ moveBreaker: (host, move) => moves.push(`${host} ${move}`) })
    expect((await desk.ask('POST', RESET, headers as Record<string, string>)).status).toBe(200)
    expect(moves).toEqual(['api.kraken.com reset'])
  })
})

describe('the admin port with a token', () => {
  it('starts on any address', async () => {
    await using desk = await openDesk({}, { host: '0.0.0.0', token: TOKEN })
    expect((await desk.get('/v1/limits', { authorization: `Bearer ${TOKEN}` })).status).toBe(200)
  })

  it('takes it as bearer token, and as the password of Basic for browsers and scrapers', async () => {
    await using desk = await openDesk({}, { token: TOKEN })
    for (const authorization of [`Bearer ${TOKEN}`, `bearer ${TOKEN}`, basic(TOKEN)]) {
      expect((await desk.get('/metrics', { authorization, host: 'weir.internal:9090' })).status).toBe(200)
    }
  })

  it.each([undefined, 'Bearer wrong', `Digest ${TOKEN}`, TOKEN, basic('wrong'), 'Basic !!!', 'Bearer '])(
    'keeps everything from who has none: %s',
    async (authorization) => {
      await using desk = await openDesk({}, { token: TOKEN })
      const headers = authorization === undefined ? {} : { authorization }
      for (const path of ['/', '/metrics', '/v1/limits', '/health/detailed', '/ca.pem', '/nothing']) {
        const got = await desk.get(path, headers)
        expect([got.status, got.headers['www-authenticate']]).toEqual([401, 'Basic realm="weir", charset="UTF-8"'])
      }
      expect((await desk.ask('POST', RESET, headers)).status).toBe(401)
    },
  )

  it('lets orchestrators ask without one whether weir is well', async () => {
    await using desk = await openDesk({}, { token: TOKEN })
    for (const path of ['/live', '/ready', '/health']) expect((await desk.get(path)).status).toBe(200)
  })
})

describe('a loopback address', () => {
  it.each([
    ['127.0.0.1', true],
    ['127.8.9.1', true],
    ['::1', true],
    ['localhost', true],
    ['0.0.0.0', false],
    ['::', false],
    ['10.0.0.1', false],
    ['127.0.0.1.nip.io', false],
    ['weir', false],
  ])('%s: %s', (host, expected) => expect(isLoopback(host)).toBe(expected))
})
