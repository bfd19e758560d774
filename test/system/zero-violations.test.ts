// The promise of weir, on trial with the real process: fifty bots that want more than there is, and an exchange that
// enforces its limits and counts who breaks them. Zero is the only passing number, also through a reload and a crash.

import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect, it, onTestFinished } from 'vitest'
import { type Exchange, startExchange } from '../support/exchange/exchange.ts'
import { shippedLimits, startWeir } from '../support/weir.ts'
import { setToWork, type Tally } from './bots.ts'
import { efficiency } from './efficiency.ts'

/** A link with some way to go and some jitter: calls reach the exchange out of step with how weir sent them. */
async function judge(): Promise<Exchange> {
  // weir charges single cancels but does not hold them: over the maximum Kraken is taken to accept them.
  const exchange = await startExchange({ latencyMs: 20, jitterMs: 30, kraken: { cancelOverMax: 'accept' } })
  onTestFinished(() => exchange.close())
  return exchange
}

function expectClean(exchange: Exchange, tally: Tally): void {
  expect(tally.complaints).toEqual([])
  expect(exchange.violations.map(({ counter, scope, cost, level }) => ({ counter, scope, cost, level }))).toEqual([])
  expect(exchange.report()).toMatchObject({ violations: 0, invalidNonces: 0, lockouts: 0 })
}

describe('fifty bots behind one weir', { timeout: 120_000 }, () => {
  it('break no limit from a cold start, and use nearly all of it', async () => {
    const exchange = await judge()
    await using weir = await startWeir({ exchange })
    const crew = setToWork(weir, exchange)
    await sleep(6_000)
    const used = efficiency(exchange)
    const tally = await crew.stop()
    expectClean(exchange, tally)
    process.stdout.write(`cold start: ${tally.calls} calls ${JSON.stringify(tally.decisions)}\n${used.table}\n`)
    // How near the fast limits are used depends on how busy the machine is; the slow ones leave it time.
    expect(used.of('kraken.private')).toBeGreaterThan(0.7)
    expect(used.of('kraken.public')).toBeGreaterThan(0.7)
  })

  it('break no limit while limits.yaml changes under them, and lose no call', async () => {
    const exchange = await judge()
    await using weir = await startWeir({ exchange })
    const crew = setToWork(weir, exchange)
    await sleep(1_000)
    await weir.reload(await shippedLimits({ 'capacity: 30, refill: 15/s': 'capacity: 20, refill: 5/s' }))
    await sleep(1_000)
    await weir.reload(await shippedLimits({ 'max_wait: 6s': 'max_wait: 2s' }))
    await sleep(1_000)
    await weir.reload(await shippedLimits())
    await sleep(1_000)
    expectClean(exchange, await crew.stop())
  })

  it('break no limit when weir is killed and started again on its state', async () => {
    const exchange = await judge()
    const first = await startWeir({ exchange })
    onTestFinished(() => first[Symbol.asyncDispose]())
    let down = false
    const crew = setToWork(first, exchange, () => down)
    await sleep(3_000)
    down = true
    await first.kill9()
    const { stateDir, port } = first
    await using second = await startWeir({ exchange, stateDir, port })
    await sleep(500)
    down = false
    await sleep(3_000)
    const tally = await crew.stop()
    expect(tally.unanswered).toBeGreaterThan(0)
    expect(second.pid).not.toBe(first.pid)
    expectClean(exchange, tally)
  })
})
