// The real redis-server that tests are given is the one that was started for them.

import { expect, it, onTestFinished } from 'vitest'
import { startRedis } from './server.ts'

// Where a port was taken, whoever had it answered in place of the server that could not start.
it('a server that can not have its port says so at once, and another is not taken for it', async () => {
  const redis = await startRedis()
  onTestFinished(() => redis[Symbol.asyncDispose]())
  await expect(startRedis([], redis.port)).rejects.toThrow(`redis-server did not start on port ${redis.port}`)
})

it('a server that can not start is not waited for', { timeout: 9_000 }, async () => {
  await expect(startRedis(['--maxmemory-policy', 'no-such'])).rejects.toThrow('redis-server did not start')
})
