// The promises of buckets in memory, in virtual time.

import { MemoryStore } from '../../src/limit/memory.ts'
import { FakeClock } from '../support/fake-clock.ts'
import { keepsThePromises } from './store-contract.ts'

keepsThePromises('buckets in memory', 'test', async () => {
  const clock = new FakeClock()
  return { store: new MemoryStore(clock, () => 1), settled: async () => {}, pass: (ms) => clock.pass(ms) }
})
