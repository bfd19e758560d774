// A fleet on a Redis Cluster, before, while and after the master of its keys dies and a replica takes over.

import { describe, expect, it, onTestFinished } from 'vitest'
import { startCluster } from './cluster.ts'
import { LONG, leastOf, openFleet, percent, say, verdictOn } from './fleet.ts'

describe('three weirs on a Redis Cluster', { timeout: 180_000 }, () => {
  it('break no limit while the master of their counters dies and its replica takes over', async () => {
    const cluster = await startCluster()
    onTestFinished(() => cluster[Symbol.asyncDispose]())
    const fleet = await openFleet([cluster.url, cluster.url, cluster.url])
    const before = await fleet.work(LONG ? 20 : 6)
    await cluster.masterOf('rl:{coinbase_exchange}members').kill()
    await fleet.workUntilShared(0)
    // They find the new master: each has all of the limit again, and not a share.
    const away = await fleet.workUntilShared(3)
    const after = await fleet.work(LONG ? 20 : 6)
    expect(verdictOn(fleet)).toEqual({ violations: [], invalidNonces: 0 })
    say(
      `Redis Cluster: ${percent(before)} of what came in, ${percent(away)} in a fail-over, ${percent(after)} after it`,
    )
    for (const used of [before, after]) expect(used).toBeGreaterThan(leastOf(0.5))
  })
})
