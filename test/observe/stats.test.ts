import { describe, expect, it } from 'vitest'
import type { CallRecord } from '../../src/core/call.ts'
import { callFinished } from '../../src/core/events.ts'
import { Stats } from '../../src/observe/stats.ts'
import { sampleCall, sampleClock } from './samples.ts'

const statsWith = () => {
  const clock = sampleClock()
  const stats = new Stats(clock)
  const call = (bot: string, record: Partial<CallRecord> = {}) =>
    stats.observer(
      callFinished({ ...sampleCall({ exchange: 'kraken', class: 'kraken.private', ...record }), bot }, 200, 5),
    )
  return { clock, stats, call }
}

describe('the statistics', () => {
  it('tell what became of the calls of each bot and class', () => {
    const { stats, call } = statsWith()
    call('grid', { decision: 'forwarded', cost: 2, waitedMs: 100 })
    call('grid', { decision: 'refused', error: 'limit_reached' })
    call('grid', { decision: 'refused', error: 'circuit_open' })
    call('grid', { decision: 'failed', error: 'upstream_timeout', cost: 1 })
    call('grid', { class: 'kraken.ticker', decision: 'cached', cache: 'hit' })
    call('mm', { decision: 'forwarded', cost: 1 })
    const [grid, mm] = stats.view().bots
    expect(grid).toMatchObject({
      ...{ bot: 'grid', calls: 5, forwarded: 1, refused: 2, limited: 1, rejectionRate: 0.2, failed: 1, saved: 1 },
      ...{ waitMeanMs: 20, waitP99Ms: 100 },
    })
    expect(grid?.classes.map((use) => [use.class, use.calls, use.cost, use.budgetShare])).toEqual([
      ['kraken.private', 4, 3, 0.75],
      ['kraken.ticker', 1, 0, 0],
    ])
    expect(mm).toMatchObject({ bot: 'mm', calls: 1, rejectionRate: 0 })
    expect(stats.view().classes[0]).toMatchObject({ class: 'kraken.private', calls: 5, cost: 4, budgetShare: 1 })
  })

  it('share out the budget of each exchange by itself', () => {
    const { stats, call } = statsWith()
    call('a', { cost: 30 })
    call('b', { cost: 10 })
    call('b', { exchange: 'coinbase', class: 'coinbase.public', cost: 1 })
    const shares = stats.view().bots.flatMap(({ bot, classes }) => classes.map((use) => [bot, use.budgetShare]))
    expect(shares).toEqual([
      ['b', 0.25],
      ['b', 1],
      ['a', 0.75],
    ])
  })

  it('pass over what belongs to no exchange', () => {
    const { stats, call } = statsWith()
    call('stranger', { exchange: undefined, class: undefined })
    expect(stats.view().bots).toEqual([])
  })

  it('tell 199 bots apart and no more: names come from outside', () => {
    const { stats, call } = statsWith()
    for (let bot = 0; bot < 1000; bot += 1) call(`bot-${bot}`)
    const { bots } = stats.view()
    expect(bots).toHaveLength(200)
    expect(bots[0]).toMatchObject({ bot: 'other', calls: 801 })
  })

  it('give the place of a bot that has been silent for an hour to a newcomer', () => {
    const { stats, call, clock } = statsWith()
    for (let bot = 0; bot < 200; bot += 1) call(`old-${bot}`)
    clock.at = 3_700_000
    call('new')
    expect(stats.view().bots.map(({ bot }) => bot)).toEqual(['new'])
  })

  it('remember when a bot came and when it was last heard', () => {
    const { stats, call, clock } = statsWith()
    call('grid')
    clock.at = 5000
    call('grid')
    const wallMs = clock.wall()
    expect(stats.seen()).toEqual([{ bot: 'grid', firstAtWallMs: wallMs - 5000, lastAtWallMs: wallMs }])
  })
})
