import { describe, expect, it, vi } from 'vitest'

/** A fresh memory of families for each test. */
const fresh = async (): Promise<(agent: string | undefined) => string> => {
  vi.resetModules()
  const { unnamed } = await import('../../src/inbound/family.ts')
  return (agent) => unnamed('127.0.0.1', agent)
}

describe('a bot without a name', () => {
  it.each([
    [undefined, '127.0.0.1'],
    ['', '127.0.0.1'],
    ['/1.0', '127.0.0.1'],
    ['(weird) thing', '127.0.0.1'],
    ['krakenex/2.2.2 (+https://github.com/veox/python3-krakenex)', '127.0.0.1/krakenex'],
    ['Python/3.12 aiohttp/3.9.1', '127.0.0.1/python'],
    ['python-requests/2.32.3', '127.0.0.1/python-requests'],
    ['Kraken Javascript API Client', '127.0.0.1/kraken'],
    ['  ccxt/4.5', '127.0.0.1/ccxt'],
    ['ev"il\u0001<b>/1', '127.0.0.1/evilb'],
    [`${'x'.repeat(100)}/1`, `127.0.0.1/${'x'.repeat(24)}`],
  ])('is told by the family of its client: %j', async (agent, name) => {
    expect((await fresh())(agent)).toBe(name)
  })

  it('is one bot whatever the version of its client', async () => {
    const name = await fresh()
    expect(name('ccxt/4.5')).toBe(name('ccxt/4.6'))
  })

  it('can not be any number of bots: beyond 64 families the address counts', async () => {
    const name = await fresh()
    const names = new Set(Array.from({ length: 1_000 }, (_, index) => name(`bot${index}/1`)))
    expect(names.size).toBe(65)
    expect(name('bot3/2')).toBe('127.0.0.1/bot3')
    expect(name('late/1')).toBe('127.0.0.1')
  })
})
