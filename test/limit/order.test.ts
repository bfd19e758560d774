import { beforeEach, describe, expect, it } from 'vitest'
import { Presence } from '../../src/core/presence.ts'
import { Backlog } from '../../src/limit/backlog.ts'
import { Lane } from '../../src/limit/lane.ts'
import { MemoryStore } from '../../src/limit/memory.ts'
import { FairOrder } from '../../src/limit/order.ts'
import type { Ticket } from '../../src/limit/ticket.ts'
import { FakeClock } from '../support/fake-clock.ts'
import { bucketRule, takeFrom } from './rules.ts'
import { aTicket } from './ticket.ts'

let clock: FakeClock
let store: MemoryStore
let lane: Lane
let sent: string[]

beforeEach(() => {
  clock = new FakeClock()
  store = new MemoryStore(clock, () => 0)
  const backlog = new Backlog(
    () => 1e6,
    () => {},
  )
  lane = new Lane({ name: 'test.lane', order: new FairOrder(), store, clock, backlog })
  sent = []
})

/** A bucket that starts empty and lets one call go per second. */
const budget = bucketRule(1, 1)
const ask = (name: string, change: Partial<Ticket> = {}) =>
  void lane.enter(aTicket({ takes: [takeFrom(budget)], bot: name, maxWaitMs: 1e9, ...change }), 1e6).then(
    (pass) => {
      sent.push(name)
      pass.close('spent', true)
    },
    () => {},
  )
const count = (name: string): number => sent.filter((one) => one === name).length

describe('weights', () => {
  it('share the turns: a bot of weight 3 has three for each one of a bot of weight 1', async () => {
    for (let index = 0; index < 40; index += 1) {
      ask('heavy', { weight: 3 })
      ask('light')
    }
    await clock.pass(24_500)
    expect([count('heavy'), count('light')]).toEqual([18, 6])
  })

  it('give nothing away when nobody else asks', async () => {
    for (let index = 0; index < 5; index += 1) ask('light', { weight: 0.1 })
    await clock.pass(5_500)
    expect(count('light')).toBe(5)
  })
})

// A bot asked for forty calls at once, most of which were refused; for these its turn was put off as if they had gone, and
// while others kept asking it was not served again.
describe('a bot that was refused', () => {
  it('owes nothing for calls that never stood in line', async () => {
    for (let index = 0; index < 40; index += 1) ask('alice', { maxWaitMs: 4_500 })
    ask('bob')
    await clock.pass(6_500)
    sent = []
    for (let index = 0; index < 10; index += 1) {
      ask('alice')
      ask('bob')
    }
    await clock.pass(10_500)
    expect(Math.abs(count('alice') - count('bob'))).toBeLessThanOrEqual(1)
  })

  it('owes nothing for calls that left the line', async () => {
    ask('bob')
    const presence = new Presence()
    for (let index = 0; index < 20; index += 1) ask('alice', { presence })
    presence.leave()
    for (let index = 0; index < 10; index += 1) {
      ask('alice')
      ask('bob')
    }
    await clock.pass(10_500)
    expect(count('alice')).toBeGreaterThanOrEqual(4)
    expect(count('bob')).toBeGreaterThanOrEqual(4)
  })
})

describe('urgent calls', () => {
  /** A new one for each that goes, so that one always waits. */
  const flood = (rank: number): void => {
    ask('urgent', { rank })
    clock.after(500, () => flood(rank))
  }

  it('go first, but a lower one has its turn after eight of them', async () => {
    ask('low', { rank: 3 })
    flood(0)
    await clock.pass(9_500)
    expect(sent).toEqual([...Array(8).fill('urgent'), 'low'])
  })

  it('starve no rank: the one that was owed its turn the longest comes first', async () => {
    for (let index = 0; index < 30; index += 1) {
      ask('normal', { rank: 2 })
      ask('low', { rank: 3 })
    }
    flood(1)
    await clock.pass(60_000)
    expect(count('normal')).toBeGreaterThanOrEqual(3)
    expect(count('low')).toBeGreaterThanOrEqual(3)
    expect(count('urgent')).toBeGreaterThan(50)
  })

  it('of a class that reserves budget leave the reserve alone, and those it is for use all of it', async () => {
    const tokens = bucketRule(10, 1, 'reserved')
    store = new MemoryStore(clock, () => 1)
    const backlog = new Backlog(
      () => 1e6,
      () => {},
    )
    lane = new Lane({ name: 'test.lane', order: new FairOrder(), store, clock, backlog })
    for (let index = 0; index < 20; index += 1) ask('read', { takes: [{ ...takeFrom(tokens), keep: 3 }], maxWaitMs: 0 })
    await clock.pass(0)
    expect(count('read')).toBe(7)
    for (let index = 0; index < 20; index += 1) ask('order', { takes: [takeFrom(tokens)], maxWaitMs: 0 })
    await clock.pass(0)
    expect(count('order')).toBe(3)
    expect(store.level(takeFrom(tokens)).available).toBeCloseTo(0)
  })
})
