// The promise of a fleet, on trial with real processes: whatever happens to Redis, to a weir or to the wire between them, no
// call breaks the limit; and while all is well, nearly all of the limit is used.

import { describe, expect, it, onTestFinished } from 'vitest'
import { LONG, leastOf, openFleet, percent, say, verdictOn } from './fleet.ts'
import { layWire } from './relay.ts'
import { startRedis } from './server.ts'

/** Share of what comes in that is used at least: while the weirs share, and while some live on their shares or are gone. */
const TOGETHER = 0.5
const APART = 0.3

const seconds = (short: number, long: number): number => (LONG ? long : short)

describe('three weirs with twenty bots each on one limit', { timeout: LONG ? 600_000 : 240_000 }, () => {
  it('never break it, whatever becomes of Redis, of a weir and of the wire', async () => {
    const redis = await startRedis()
    onTestFinished(() => redis[Symbol.asyncDispose]())
    const wire = await layWire(redis.port)
    onTestFinished(() => wire[Symbol.asyncDispose]())
    const fleet = await openFleet([redis.url, redis.url, `redis://127.0.0.1:${wire.port}`])
    const told: string[] = []
    const phase = async (name: string, forSeconds: number, least: number): Promise<void> => {
      const used = await fleet.work(forSeconds)
      told.push(`  ${name.padEnd(34)}${percent(used)} of what came in`)
      expect({ name, ...verdictOn(fleet) }).toEqual({ name, violations: [], invalidNonces: 0 })
      expect(used, name).toBeGreaterThan(leastOf(least))
    }

    await phase('all is well, from a full bucket', seconds(12, 60), TOGETHER)
    const efficiency = fleet.efficiency()

    redis.signal('SIGSTOP')
    await phase('Redis stands still', seconds(5, 10), APART)
    redis.signal('SIGCONT')
    await phase('and goes on', 3, TOGETHER)

    await redis.kill()
    await phase('Redis is killed', seconds(5, 20), APART)
    await redis.start()
    await phase('and starts empty', 4, TOGETHER)

    redis.cli('FLUSHALL')
    await phase('Redis is emptied', 4, TOGETHER)

    wire.cut()
    await phase('one weir is cut off', seconds(5, 15), APART)
    wire.mend()
    await phase('and found again', 4, TOGETHER)

    const restarted = fleet.restart(1, 1500)
    await phase('one weir is killed', seconds(6, 15), APART)
    await restarted
    await phase('and started again', 4, TOGETHER)

    say(`three weirs, 60 bots: ${percent(efficiency)} of the limit, 0 violations\n${told.join('\n')}`)
    // How near hangs on how busy the machine is: a weir that is not run for 50 ms takes Redis to be away.
    expect(efficiency).toBeGreaterThan(leastOf(LONG ? 0.98 : 0.7))
  })
})
