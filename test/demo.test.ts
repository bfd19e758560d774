import { describe, expect, it } from 'vitest'
import { BOTS } from '../demo/bots.ts'
import { compare, explain, type Outcome } from '../demo/report.ts'
import { directRoad } from '../demo/roads.ts'
import { runBots } from '../demo/stage.ts'

describe('the demo', () => {
  it.concurrent.each(BOTS.filter(({ name }) => name !== 'quoter'))(
    'rigs nothing: $name alone breaks no rate limit',
    async (bot) => {
      const alone = await runBots([bot], directRoad)
      expect(alone).toMatchObject({ rateLimit: 0, tooMany: 0, status429: 0 })
    },
    40_000,
  )

  it('fits a terminal of 80 columns', () => {
    const lines = `${compare(anOutcome, anOutcome)}\n${explain(anOutcome, anOutcome)}`.split('\n')
    expect(Math.max(...lines.map(({ length }) => length))).toBeLessThanOrEqual(80)
  })

  it('says that the exchange refused calls when it did, with or without weir', () => {
    expect(explain(anOutcome, anOutcome)).toMatch(/said no 99000\s+times.*said no 99000\s+times/s)
  })
})

const anOutcome: Outcome = {
  bots: { jobs: 1000, failed: 10, calls: 100_000, waited: 10, waitedMs: 100, cached: 1, refusedByWeir: 2 },
  seconds: 100,
  arrived: 100_000,
  served: 1000,
  rateLimit: 10,
  tooMany: 10,
  status429: 10,
  invalidNonce: 10,
  lockedOut: 10,
  lockouts: 1,
}
