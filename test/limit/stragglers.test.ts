import { describe, expect, it } from 'vitest'
import type { MeterSnapshot } from '../../src/limit/meter.ts'
import { stragglers } from '../../src/limit/stragglers.ts'

const level = (key: string, inFlight: number, elapsedMs: number) => {
  const snapshot: MeterSnapshot = { spent: [], inFlight, tokens: 10, capacity: 15, closedForMs: 0 }
  return { key, snapshot, elapsedMs }
}

describe('calls that a dead process left on the way', () => {
  it('are told by key or account, with the longest time they may still take', () => {
    const found = stragglers([
      level('{kraken}private:aa', 1, 4_000),
      level('{kraken}engine:aa:XBT/USD', 1, 1_000),
      level('{kraken}engine:main:ETH/USD', 8, 4_500),
    ])
    expect([...found]).toEqual([
      ['kraken aa', 4_000],
      ['kraken main', 500],
    ])
  })

  it('are none where nothing was in flight, or too long ago, or no key was meant', () => {
    const found = stragglers([
      level('{kraken}private:aa', 0, 100),
      level('{kraken}private:bb', 1, 5_000),
      level('{kraken}public', 1, 100),
    ])
    expect(found.size).toBe(0)
  })
})
