// Bots told apart, their manners, and shadow mode, as they show in a real weir: in headers, pages, metrics and the log.

import { describe, expect, it } from 'vitest'
import { shippedLimits } from '../support/weir.ts'
import { openClient } from './client.ts'
import { openScene } from './scene.ts'
import { krakenPoster } from './sign.ts'

const page = async <Page>(admin: string, path: string): Promise<Page> =>
  (await (await fetch(admin + path)).json()) as Page
/** Nothing comes in while a test looks, however busy the machine is. */
const SLOW = { 'public: { per: ip, capacity: 5, refill: 1/s }': 'public: { per: ip, capacity: 5, refill: 0.2/s }' }
const TICKER = { path: '/0/public/Ticker?pair=XBTUSD', headers: { 'X-Weir-Cache': 'skip' } }

describe('shadow mode for all', { timeout: 90_000 }, () => {
  it('holds nothing, and tells what would have been done in headers, pages, metrics and the log', async () => {
    const { exchange, weir, bot } = await openScene({
      config: (await shippedLimits(SLOW)).replace(/^enforce: on/m, 'enforce: shadow'),
      exchange: { enforce: false },
    })
    const answers = []
    for (let index = 0; index < 14; index += 1) answers.push(await bot.send(TICKER))
    expect(answers.map(({ decision }) => decision)).toEqual(Array(14).fill('forwarded'))
    expect(answers.map(({ headers }) => headers['x-weir-wait-ms'])).toEqual(Array(14).fill('0'))
    const said = answers.map(({ headers }) => headers['x-weir-shadow'])
    expect(said.slice(0, 5)).toEqual(Array(5).fill(undefined))
    expect(said[5]).toMatch(/^wait;ms=\d+$/)
    expect(said[13]).toBe('refuse;code=limit_reached')
    expect(exchange.calls).toHaveLength(14)
    const { calls } = await page<{ calls: readonly { shadow?: string }[] }>(weir.admin, '/v1/recent')
    expect(calls.map(({ shadow }) => shadow)).toEqual(said)
    const metrics = await (await fetch(`${weir.admin}/metrics`)).text()
    expect(metrics).toMatch(/^weir_shadow_total\{exchange="kraken",class="ticker",would="send"\} 5$/m)
    expect(metrics).toMatch(/^weir_shadow_total\{exchange="kraken",class="ticker",would="refuse"\} [1-9]$/m)
    await weir.stop()
    expect(weir.lines().filter(({ shadow }) => shadow === 'refuse;code=limit_reached').length).toBeGreaterThan(0)
  })
})

describe('bots of one machine', { timeout: 90_000 }, () => {
  it('are told apart by their clients, and warned when their nonces do not go together', async () => {
    const { exchange, weir, bot } = await openScene()
    const key = exchange.krakenKey('shared')
    const as = (agent: string, wall: () => number) => {
      const call = krakenPoster(key, wall)('Balance')
      return { ...call, headers: { ...call.headers, 'User-Agent': agent } }
    }
    const small = as('krakenex/2.2.2', () => Math.floor(Date.now() / 1000))
    const again = as('krakenex/2.2.2', () => Math.floor(Date.now() / 1000) + 5)
    expect((await bot.send(small)).decision).toBe('forwarded')
    expect((await bot.send(as('kraken-cli/0.2.0 (direct)', Date.now))).decision).toBe('forwarded')
    expect(await bot.send(again)).toMatchObject({ decision: 'refused', json: { error: ['EAPI:Invalid nonce'] } })
    const line = await weir.logged(/sign with one key/)
    expect(line.msg).toMatch(/^127\.0\.0\.1\/kraken-cli and 127\.0\.0\.1\/krakenex sign with one key/)
    expect(line.credential).toMatch(/^[0-9a-f]{16}$/)
    const { queues } = await page<{ queues: unknown }>(weir.admin, '/v1/queues')
    expect(queues).toMatchObject([
      {
        exchange: 'kraken',
        lane: line.credential,
        mixed_nonces: [
          { larger: { bot: '127.0.0.1/kraken-cli', digits: 16 }, smaller: { bot: '127.0.0.1/krakenex', digits: 13 } },
        ],
      },
    ])
    expect(weir.logs()).not.toContain(key.key)
  })
})

describe('the manners of a bot', { timeout: 90_000 }, () => {
  it('are its own by name, and those of its client where it has none', async () => {
    const bots = 'bots: { hasty: { max_wait: 100ms } }'
    const config = (await shippedLimits(SLOW)).replace(/^bots: \{\}.*$/m, bots)
    const { weir, bot } = await openScene({ config, exchange: { latencyMs: 200 } })
    const spend = Array.from({ length: 5 }, () => bot.send(TICKER))
    await Promise.all(spend)
    const hasty = openClient(weir, { name: 'hasty' })
    const refused = await hasty.send(TICKER)
    hasty.close()
    expect(refused.headers['x-weir-error']).toBe('limit_reached')
    const agent = { ...TICKER, headers: { ...TICKER.headers, 'User-Agent': 'node-kraken-api/2.2.2' } }
    const patience = await Promise.all([bot.send(TICKER), bot.send(agent)])
    expect(patience.map(({ decision }) => decision)).toEqual(['forwarded', 'refused'])
  })
})
