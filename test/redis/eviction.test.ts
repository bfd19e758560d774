// What a weir says of a Redis that drops keys, while it runs.

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, it, onTestFinished } from 'vitest'
import { joinFleet } from '../../src/app/fleet.ts'
import { loadRules } from '../../src/config/load.ts'
import { realClock } from '../../src/core/clock.ts'
import { createLog } from '../../src/observe/log.ts'
import { Database } from '../../src/state/database.ts'
import { shippedLimits } from '../support/weir.ts'
import { startRedis } from './server.ts'

// The verdict was renewed only when Redis had been away: who had done as it says was told to do it again until then.
it('health goes bad once Redis is set to drop keys, and comes good once the operator has done as it says', {
  timeout: 30_000,
}, async () => {
  const redis = await startRedis(['--maxmemory-policy', 'volatile-lru'])
  onTestFinished(() => redis[Symbol.asyncDispose]())
  const directory = mkdtempSync(join(tmpdir(), 'weir-eviction-'))
  onTestFinished(() => rmSync(directory, { recursive: true }))
  const loaded = loadRules(await shippedLimits(), 'limits.yaml', {})
  if (!loaded.ok) throw new Error('limits.yaml has mistakes')
  const database = new Database(directory, realClock)
  onTestFinished(() => database.close())
  const log = createLog('silent')
  const fleet = await joinFleet({
    url: redis.url,
    clock: realClock,
    database,
    rules: () => loaded.rules,
    log,
    evictionEveryMs: 100,
  })
  onTestFinished(() => fleet.close())
  const verdict = () => {
    const { healthy, message } = fleet.part()
    return [healthy, /may drop keys|drops keys/.exec(message)?.[0]]
  }
  const soon = { timeout: 10_000 }
  await expect.poll(verdict, soon).toEqual([true, 'may drop keys'])
  redis.cli('CONFIG', 'SET', 'maxmemory', '100mb')
  await expect.poll(verdict, soon).toEqual([false, 'drops keys'])
  redis.cli('CONFIG', 'SET', 'maxmemory-policy', 'noeviction')
  await expect.poll(verdict, soon).toEqual([true, undefined])
})
