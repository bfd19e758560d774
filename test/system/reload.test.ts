// limits.yaml may be edited while bots trade: new numbers apply to the next call, no connection and no spent budget is
// lost, and a file with mistakes changes nothing but the log.

import { writeFile } from 'node:fs/promises'
import { describe, expect, it } from 'vitest'
import { shippedLimits } from '../support/weir.ts'
import { left, openScene } from './scene.ts'
import { krakenPoster } from './sign.ts'

interface Health {
  readonly overall_status: string
  readonly config: { readonly last_error: string | null }
}

const health = async (admin: string): Promise<Health> =>
  (await (await fetch(`${admin}/health/detailed`)).json()) as Health

describe('a reload', { timeout: 90_000 }, () => {
  it('applies new limits without dropping a connection or giving spent budget back', async () => {
    const { exchange, weir, bot } = await openScene()
    const post = krakenPoster(exchange.krakenKey('reload'))
    const startedAt = performance.now()
    await bot.send(post('Ledgers'))
    await bot.send(post('Ledgers'))
    exchange.fault({ kind: 'delay', ms: 1_500, path: /Balance/ })
    const underWay = bot.send(post('Balance'))
    const line = await weir.reload(await shippedLimits({ 'tier: starter ': 'tier: pro ' }))
    expect(line.msg).toMatch(/are in force$/)
    expect(await underWay).toMatchObject({ status: 200, decision: 'forwarded', reused: true })
    const answer = await bot.send(post('Balance'))
    expect(answer.reused).toBe(true)
    expect(answer.headers['ratelimit-policy']).toBe('"kraken-private";q=20;w=20')
    // Ten of twenty are spent, and one comes back per second at the most.
    expect(left(answer)).toBeGreaterThanOrEqual(20 - 10)
    expect(left(answer)).toBeLessThanOrEqual(20 - 10 + (performance.now() - startedAt) / 1000)
    expect(exchange.connections.opened).toBe(1)
    expect((await health(weir.admin)).config.last_error).toBeNull()
  })

  it('lowers a limit from the next call on', async () => {
    const { exchange, weir, bot } = await openScene()
    const post = krakenPoster(exchange.krakenKey('reload'))
    await bot.send(post('Ledgers'))
    await weir.reload(await shippedLimits({ 'starter: 15': 'starter: 5' }))
    const answer = await bot.send(post('Ledgers'))
    expect(answer).toMatchObject({ decision: 'refused', json: { error: ['EAPI:Rate limit exceeded'] } })
    expect(exchange.calls).toHaveLength(1)
  })

  it('needs no signal: an edit is noticed', async () => {
    const { weir } = await openScene()
    await writeFile(weir.config, await shippedLimits({ 'tier: starter ': 'tier: pro ' }))
    await expect(weir.logged(/are in force$/)).resolves.toMatchObject({ source: weir.config })
  })

  it('of a file with mistakes changes nothing, and says where the mistake is', async () => {
    const { exchange, weir, bot } = await openScene()
    const post = krakenPoster(exchange.krakenKey('reload'))
    const before = await bot.send(post('Balance'))
    const wrong = await weir.reload(await shippedLimits({ 'tier: starter ': 'tier: professional ' }))
    expect(wrong.level).toBe('error')
    expect(String(wrong.report)).toMatch(/limits\.yaml:\d+:\d+ .*professional/)
    const after = await bot.send(post('Balance'))
    expect(after.headers['ratelimit-policy']).toBe(before.headers['ratelimit-policy'])
    const { overall_status, config } = await health(weir.admin)
    expect(overall_status).toBe('degraded')
    expect(config.last_error).toBe(wrong.report)
    await weir.reload(`${await shippedLimits()}\n`)
    expect((await health(weir.admin)).config.last_error).toBeNull()
  })
})
