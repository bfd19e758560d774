import { realClock } from '../../src/core/clock.ts'
import { MemoryStore } from '../../src/limit/memory.ts'
import { keepsThePromises } from './store-contract.ts'

keepsThePromises('buckets in memory', 'test', async () => ({
  store: new MemoryStore(realClock, () => 1),
  settled: async () => {},
}))
