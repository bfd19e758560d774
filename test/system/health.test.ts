// How weir looks after others: it asks a quiet exchange whether it is well, takes for that only what nobody could miss, and
// makes the checks of limits.yaml.

import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect, it, onTestFinished } from 'vitest'
import { shippedLimits, type Weir } from '../support/weir.ts'
import { openScene } from './scene.ts'
import { krakenPoster } from './sign.ts'

const TICKER = { path: '/0/public/Ticker?pair=XBTUSD' }
const PATIENCE_MS = 20_000

interface Service {
  readonly name: string
  readonly kind: string
  readonly status: string
  readonly message: string
  readonly response_time_ms?: number | null
  readonly last_ok_at?: string | null
}

const configWith = (health: string) => shippedLimits({ 'alerts: { debounce: 10m }': `health: ${health}` })

const service = async ({ admin }: Weir, name: string): Promise<Service | undefined> => {
  const { services } = (await (await fetch(`${admin}/health/detailed`)).json()) as { services: readonly Service[] }
  return services.find((one) => one.name === name)
}

const until = async (holds: () => Promise<boolean> | boolean): Promise<void> => {
  for (let waited = 0; waited < PATIENCE_MS; waited += 100) {
    if (await holds()) return
    await sleep(100)
  }
  throw new Error('it did not come about')
}

describe('an exchange that bots have called and call no more', { timeout: 60_000 }, () => {
  it('is asked in its own words, is found ill, and well again, without a bot', async () => {
    const { exchange, weir, bot } = await openScene({ config: await configWith('{ check_interval: 300ms }') })
    const probes = () => exchange.calls.filter((call) => call.bot === 'weir' && call.path === '/0/public/SystemStatus')
    await sleep(1000)
    expect(exchange.calls).toHaveLength(0)
    await bot.send(TICKER)
    await until(() => probes().length >= 2)
    expect(await service(weir, 'api.kraken.com')).toMatchObject({ status: 'healthy', kind: 'exchange' })
    exchange.fault({ kind: 'answer', status: 503, body: '', times: Number.POSITIVE_INFINITY })
    await until(async () => (await service(weir, 'api.kraken.com'))?.status === 'degraded')
    exchange.clearFaults()
    await until(async () => (await service(weir, 'api.kraken.com'))?.message === 'answers')
    expect(exchange.calls.filter((call) => call.bot !== 'weir')).toHaveLength(1)
    expect(exchange.violations).toEqual([])
  })

  it('is asked only from what is to spare: half of every budget stays for bots', async () => {
    const { exchange, weir, bot } = await openScene({ config: await configWith('{ check_interval: 100ms }') })
    await bot.send(TICKER)
    const levels: number[] = []
    for (let look = 0; look < 30; look += 1) {
      const { limits } = (await (await fetch(`${weir.admin}/v1/limits`)).json()) as {
        limits: readonly { bucket: string; available: number }[]
      }
      levels.push(...limits.flatMap(({ bucket, available }) => (bucket === 'kraken.public' ? [available] : [])))
      await sleep(100)
    }
    expect(exchange.calls.filter((call) => call.bot === 'weir').length).toBeGreaterThan(1)
    expect(levels.length).toBeGreaterThan(20)
    expect(Math.min(...levels)).toBeGreaterThanOrEqual(2.5)
    const answers = await Promise.all(
      ['ETHUSD', 'SOLUSD'].map((pair) => bot.send({ path: `/0/public/Depth?pair=${pair}` })),
    )
    expect(answers.map(({ headers }) => headers['x-weir-wait-ms'])).toEqual(['0', '0'])
  })
})

// Kraken answered weir's question with 200 and the word "maintenance", and weir took it for well.
describe('an exchange that says of itself how it is', { timeout: 60_000 }, () => {
  const SAYS = /\/0\/public\/SystemStatus/
  const saying = (status: string) => ({
    kind: 'answer' as const,
    status: 200,
    path: SAYS,
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify({ error: [], result: { status, timestamp: '2026-01-01T00:00:00Z' } }),
    times: Number.POSITIVE_INFINITY,
  })

  it('is as well as it says, and well again once it is online', async () => {
    const { exchange, weir, bot } = await openScene({ config: await configWith('{ check_interval: 300ms }') })
    exchange.fault(saying('maintenance'))
    await bot.send(TICKER)
    await until(async () => (await service(weir, 'api.kraken.com'))?.status === 'degraded')
    expect((await service(weir, 'api.kraken.com'))?.message).toMatch(/says maintenance$/)
    exchange.clearFaults()
    await until(async () => (await service(weir, 'api.kraken.com'))?.status === 'healthy')
    expect(exchange.violations).toEqual([])
  })

  it('keeps its breaker open in maintenance, though orders wait for it to be probed', async () => {
    const { exchange, weir, bot } = await openScene({ config: await configWith('{ check_interval: 1h }') })
    exchange.fault(saying('maintenance'))
    const failing = { kind: 'answer' as const, status: 503, body: '', times: 5, path: /Ticker/ }
    exchange.fault(failing)
    await until(async () => (await bot.send(TICKER)).headers['x-weir-breaker'] !== 'closed')
    const probes = () => exchange.calls.filter(({ bot: who, path }) => who === 'weir' && SAYS.test(path)).length
    const post = krakenPoster(exchange.krakenKey('probing'))
    const order = { pair: 'XBTUSD', type: 'buy', ordertype: 'limit', price: '0.01', volume: '1' }
    const asked = async () => (await bot.send(post('AddOrder', order))).headers['x-weir-breaker']
    await until(async () => {
      expect(await asked()).not.toBe('closed')
      return probes() >= 2
    })
    const told = async () => (await fetch(`${weir.admin}/v1/breakers`)).text()
    await until(async () => (await told()).includes('says maintenance'))
    exchange.clearFaults()
    await until(async () => (await asked()) === 'closed')
  })

  it('that takes cancels only is degraded, and none of its breakers opens', async () => {
    const { exchange, weir, bot } = await openScene({ config: await configWith('{ check_interval: 100ms }') })
    exchange.fault(saying('cancel_only'))
    await bot.send(TICKER)
    await until(async () =>
      /^(?:[6-9]|\d{2,}) failures in a row, last: says cancel_only$/.test(
        (await service(weir, 'api.kraken.com'))?.message ?? '',
      ),
    )
    const page = (await (await fetch(`${weir.admin}/v1/breakers`)).json()) as { breakers: readonly { state: string }[] }
    expect(new Set(page.breakers.map(({ state }) => state))).toEqual(new Set(['closed']))
  })

  it('Coinbase is asked for its time', async () => {
    const { exchange, weir, bot } = await openScene({ config: await configWith('{ check_interval: 300ms }') })
    await bot.send({ host: 'api.coinbase.com', path: '/api/v3/brokerage/market/products' })
    const asked = () => exchange.calls.filter(({ bot: who }) => who === 'weir').map(({ host, path }) => host + path)
    await until(() => asked().length > 0)
    expect(asked()[0]).toBe('api.coinbase.com/api/v3/brokerage/time')
    expect(await service(weir, 'api.coinbase.com')).toMatchObject({ status: 'healthy', message: 'answers' })
    expect(exchange.violations).toEqual([])
  })
})

describe('a check of limits.yaml', { timeout: 60_000 }, () => {
  it('is made from the start, called degraded after three failures, and told as an alert', async () => {
    let status = 200
    const server = createServer((_request, response) => response.writeHead(status).end())
    await new Promise<void>((resolve) => {
      server.listen(0, '127.0.0.1', resolve)
    })
    onTestFinished(() => void server.close())
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/well`
    const { weir } = await openScene({
      config: await configWith(`{ check_interval: 200ms, checks: { desk: { url: '${url}', timeout: 1s } } }`),
    })
    await until(async () => (await service(weir, 'desk'))?.status === 'healthy')
    expect((await service(weir, 'desk'))?.response_time_ms).toBeGreaterThan(0)
    status = 500
    await until(async () => (await service(weir, 'desk'))?.status === 'degraded')
    expect((await service(weir, 'desk'))?.message).toMatch(/^\d+ failures in a row, last: http 500$/)
    expect((await weir.logged(/^The check desk fails: http 500\.$/)).level).toBe('warn')
    expect((await fetch(`${weir.admin}/health`)).status).toBe(200)
    status = 200
    await until(async () => (await service(weir, 'desk'))?.status === 'healthy')
    await weir.logged(/^over: The check desk fails/)
  })

  it('of an exchange’s own host goes through its limits', async () => {
    const checks = "{ check_interval: 200ms, checks: { clock: { url: 'https://api.kraken.com/0/public/Time' } } }"
    const { exchange, weir } = await openScene({ config: await configWith(checks) })
    await until(async () => (await service(weir, 'clock'))?.status === 'healthy')
    await until(() => exchange.calls.some(({ path }) => path === '/0/public/Time'))
    const { limits } = (await (await fetch(`${weir.admin}/v1/limits`)).json()) as { limits: { bucket: string }[] }
    expect(limits.map(({ bucket }) => bucket)).toContain('kraken.public')
    expect(exchange.violations).toEqual([])
  })
})
