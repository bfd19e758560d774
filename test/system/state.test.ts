// The state directory over restarts: one weir at a time, and never more budget than is known to be there.

import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { describe, expect, it, onTestFinished } from 'vitest'
import { runCli } from '../launch/launch.ts'
import type { Weir } from '../support/weir.ts'
import { left, openScene, openWeir } from './scene.ts'
import { krakenPoster } from './sign.ts'

const PER_SECOND = 0.33
const SOON = { timeout: 10_000, interval: 50 }

const refilledSince = (at: number): number => ((performance.now() - at) / 1000) * PER_SECOND
const stateOf = async ({ admin }: Weir): Promise<{ status: string; message: string } | undefined> => {
  const page = (await (await fetch(`${admin}/health/detailed`)).json()) as {
    services: { name: string; status: string; message: string }[]
  }
  return page.services.find(({ name }) => name === 'state')
}
const alertsOf = async ({ admin }: Weir): Promise<readonly string[]> =>
  ((await (await fetch(`${admin}/v1/alerts`)).json()) as { alerts: { rule: string }[] }).alerts.map(({ rule }) => rule)

describe('a state directory', { timeout: 120_000 }, () => {
  // A service and an `npm start` with other ports, or an `exec --own` beside a serve, started without a word. Both read the same
  // levels, each spent all of what was left, and the exchange refused every second call.
  it('is held by one weir: a second one says who holds it, and does not start', async () => {
    const { weir } = await openScene()
    const flags = ['--state-dir', weir.stateDir, '--config', weir.config, '--admin', '127.0.0.1:0']
    const served = await runCli(['serve', ...flags, '--listen', '127.0.0.1:0'])
    expect(served.stderr).toContain(`weir can not start: another weir (process ${weir.pid} at ${weir.proxy}) counts in`)
    expect(served.stderr).toContain('--state-dir')
    expect(served.status).toBe(1)
    const own = await runCli(['exec', '--own', ...flags, '--', 'echo', 'started'])
    expect(own).toMatchObject({ status: 1, stdout: '' })
    expect(own.stderr).toContain(`another weir (process ${weir.pid} at ${weir.proxy})`)
    expect(own.stderr).toContain('leave out --own')
  })

  it('is left to the next weir by one that stops, once its calls are done', async () => {
    const { exchange, weir, bot } = await openScene()
    // Longer than one that does not stop is waited for.
    exchange.fault({ kind: 'delay', ms: 9_000 })
    const underWay = bot.send(krakenPoster(exchange.krakenKey('slow'))('Balance'))
    await expect.poll(() => exchange.calls.length, SOON).toBe(1)
    const ended = weir.stop()
    await weir.logged(/^stopping/)
    const second = await openWeir({ exchange, stateDir: weir.stateDir })
    await second.weir.logged(/^another weir is leaving/)
    expect(await underWay).toMatchObject({ status: 200 })
    expect(await ended).toBe(0)
    expect(await stateOf(second.weir)).toMatchObject({ status: 'healthy' })
  })
})

describe('budgets', { timeout: 120_000 }, () => {
  // A file that was damaged was set aside without a word, and every budget was taken to be full: the exchange, which had counted
  // what was spent before the crash, refused the first calls.
  it('begin empty when the state file is broken, and weir says so', async () => {
    const { exchange, weir, bot } = await openScene()
    const post = krakenPoster(exchange.krakenKey('broken'))
    for (let call = 0; call < 3; call += 1) await bot.send(post('Ledgers'))
    await weir.kill9()
    const from = performance.now()
    for (const part of ['', '-wal']) await writeFile(join(weir.stateDir, `weir.db${part}`), 'x'.repeat(8_192))
    const second = await openWeir({ exchange, stateDir: weir.stateDir })
    const said = await second.weir.logged(/broken/)
    expect(said).toMatchObject({ level: 'error', aside: join(weir.stateDir, 'weir.db.broken') })
    expect(said).not.toHaveProperty('stack')
    expect(await stateOf(second.weir)).toMatchObject({ status: 'healthy', message: expect.stringContaining('broken') })
    expect(left(await second.bot.send(post('Balance')))).toBeLessThanOrEqual(refilledSince(from))
    expect(exchange.violations).toEqual([])
    await second.weir.kill9()
    // The emptiness is on record itself: another crash, and a key that was not yet called again, change nothing.
    const third = await openWeir({ exchange, stateDir: weir.stateDir })
    const other = krakenPoster(exchange.krakenKey('other'))
    expect(left(await third.bot.send(other('Balance')))).toBeLessThanOrEqual(refilledSince(from))
  })

  // A disk that was full was told in one line of the log with a stack, and nowhere else. After a crash the last levels that had been
  // written were believed, and what was spent since was spent again.
  it('begin empty when weir died while it could not write them, and are believed when it could again', async () => {
    const { exchange, weir, bot } = await openScene()
    const post = krakenPoster(exchange.krakenKey('unwritten'))
    await bot.send(post('Balance'))
    const blocker = lockOn(weir)
    await bot.send(post('Ledgers'))
    await expect.poll(() => stateOf(weir), SOON).toMatchObject({ status: 'degraded', message: /locked/ })
    await expect.poll(() => alertsOf(weir), SOON).toContain('state_unwritten')
    const said = await weir.logged(/^the state file can not be written/)
    expect(said).toMatchObject({ level: 'error', cause: 'database is locked' })
    expect(said).not.toHaveProperty('stack')
    blocker.release()
    await weir.logged(/^the state file is written again/)
    expect(await stateOf(weir)).toMatchObject({ status: 'healthy' })
    await weir.kill9()

    const second = await openWeir({ exchange, stateDir: weir.stateDir })
    expect(left(await second.bot.send(post('Balance')))).toBeGreaterThanOrEqual(8)
    const again = lockOn(second.weir)
    for (let call = 0; call < 2; call += 1) await second.bot.send(post('Ledgers'))
    await expect.poll(() => stateOf(second.weir), SOON).toMatchObject({ status: 'degraded' })
    await second.weir.kill9()
    const from = performance.now()
    again.release()
    const third = await openWeir({ exchange, stateDir: weir.stateDir })
    await third.weir.logged(/what is spent could not be written/)
    expect(left(await third.bot.send(post('Balance')))).toBeLessThanOrEqual(refilledSince(from))
    expect(exchange.violations).toEqual([])
  })
})

/** Another program that writes to the file and does not end. */
const lockOn = ({ stateDir }: Weir): { release(): void } => {
  const other = new DatabaseSync(join(stateDir, 'weir.db'), { timeout: 5_000 })
  onTestFinished(() => {
    if (other.isOpen) other.close()
  })
  other.exec('BEGIN IMMEDIATE')
  return {
    release: () => {
      other.exec('ROLLBACK')
      other.close()
    },
  }
}
