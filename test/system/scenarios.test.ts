// Bots with habits, all at once, behind the real process: an exchange whose clock is wrong by three seconds and that stalls
// for three keeps their counters and finds no limit broken, no nonce that falls, no signature that has expired.

import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect, it, onTestFinished } from 'vitest'
import { realClock } from '../../src/core/clock.ts'
import { REAL_CLOCK } from '../support/exchange/clock.ts'
import { startExchange } from '../support/exchange/exchange.ts'
import { usesOf } from '../support/virtual/exchange.ts'
import { startWeir } from '../support/weir.ts'
import { auditors, candleWatchers, marketMaker, sharers } from './habits.ts'

const LASTS_MS = 12_000
const STALLS_AFTER_MS = 5_000

describe('market maker, shared key, candle close and auditors behind one weir', { timeout: 120_000 }, () => {
  it('break no limit at an exchange whose clock is 3 s ahead, through a stall of 3 s', async () => {
    const exchange = await startExchange({
      clock: { ...REAL_CLOCK, wall: () => Date.now() + 3000 },
      ...{ latencyMs: 40, jitterMs: 50 },
      kraken: { cancelOverMax: 'charge' },
    })
    onTestFinished(() => exchange.close())
    await using weir = await startWeir({ exchange })
    const startedMs = realClock.now()
    const site = { weir, exchange, untilMs: startedMs + LASTS_MS }
    const bots = Promise.all([marketMaker(site), sharers(site), candleWatchers(site), auditors(site)])
    await sleep(STALLS_AFTER_MS)
    exchange.stall(3000)
    await bots
    expect(exchange.violations.map(({ counter, scope, level }) => ({ counter, scope, level }))).toEqual([])
    expect(exchange.report()).toMatchObject({ violations: 0, invalidNonces: 0, lockouts: 0 })
    expect(exchange.calls.filter(({ verdict }) => verdict === 'rejected').map(({ reason }) => reason)).toEqual([])
    const uses = usesOf(exchange.ledger(), 'starter', startedMs).filter(({ leastMs }) => leastMs > 0)
    const words = uses.map(({ counter, efficiency }) => `${counter} ${(100 * efficiency).toFixed(1)} %`)
    process.stdout.write(`${words.join(', ')}\n`)
    // The slow counter leaves a busy machine the time to use it; how near the fast ones are used, and whether the bots press on
    // them at all, depends on the machine.
    const floors: Readonly<Record<string, number>> = { 'kraken.private': 0.9, 'kraken.public': 0.1 }
    expect(uses.map(({ counter }) => counter)).toContain('kraken.private')
    expect(uses.filter(({ counter, efficiency }) => efficiency < (floors[counter] ?? 0.5))).toEqual([])
  })
})
