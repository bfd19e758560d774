import { describe, expect, it } from 'vitest'
import type { CallRecord } from '../../src/core/call.ts'
import { callFinished } from '../../src/core/events.ts'
import { spendingViews } from '../../src/limit/view.ts'
import { Spenders } from '../../src/observe/spenders.ts'
import { FakeClock } from '../support/fake-clock.ts'
import { sampleCall } from './samples.ts'

const KEY = '{kraken}private:a1b2'

const stage = () => {
  const clock = new FakeClock()
  const spenders = new Spenders(clock)
  const spend = (bot: string, cost: number, record: Partial<CallRecord> = {}, key = KEY) =>
    spenders.observer(callFinished({ ...sampleCall({ spent: [{ key, cost }], sent: 'yes', ...record }), bot }, 200, 1))
  return { clock, spenders, spend }
}

describe('who spent it', () => {
  it('is told by bucket, scope and bot, the greatest share first', () => {
    const { spenders, spend } = stage()
    spend('grid', 1)
    spend('maker', 2)
    spend('maker', 1)
    spend('maker', 5, {}, '{kraken}engine:a1b2:XBT/USD')
    expect(spendingViews(spenders.sums())).toEqual([
      { bucket: 'kraken.private', scope: 'a1b2', bot: 'maker', tokens: 3, share: 0.75 },
      { bucket: 'kraken.private', scope: 'a1b2', bot: 'grid', tokens: 1, share: 0.25 },
      { bucket: 'kraken.engine', scope: 'a1b2/XBT/USD', bot: 'maker', tokens: 5, share: 1 },
    ])
  })

  it('counts what may have arrived, and nothing that never left', () => {
    const { spenders, spend } = stage()
    spend('refused', 1, { sent: 'no' })
    spend('lost', 1, { sent: 'unknown' })
    expect(spenders.sums().get(KEY)).toEqual(new Map([['lost', 1]]))
  })

  it('forgets after fifteen minutes', () => {
    const { clock, spenders, spend } = stage()
    spend('early', 1)
    clock.advance(10 * 60_000)
    spend('late', 1)
    expect([...(spenders.sums().get(KEY)?.keys() ?? [])].sort()).toEqual(['early', 'late'])
    clock.advance(5 * 60_000)
    expect([...(spenders.sums().get(KEY)?.keys() ?? [])]).toEqual(['late'])
    clock.advance(60 * 60_000)
    expect(spenders.sums().size).toBe(0)
  })

  it('is bounded, whatever bots call themselves and however many keys there are', () => {
    const { spenders, spend } = stage()
    for (let bot = 0; bot < 1000; bot += 1) spend(`bot-${bot}`, 1)
    for (let key = 0; key < 2000; key += 1) spend('many', 1, {}, `{kraken}private:${key}`)
    const sums = spenders.sums()
    expect(sums.size).toBe(512)
    expect(sums.get(KEY)?.size).toBe(51)
    expect(sums.get(KEY)?.get('other')).toBe(950)
  })
})
