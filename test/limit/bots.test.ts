import { beforeEach, describe, expect, it } from 'vitest'
import { Bots } from '../../src/limit/bots.ts'
import { FakeClock } from '../support/fake-clock.ts'

const SECOND = 1_000

let clock: FakeClock
let bots: Bots

beforeEach(() => {
  clock = new FakeClock()
  bots = new Bots(clock)
})

describe('the bots of late', () => {
  it('are counted once each, and for each exchange', () => {
    for (const bot of ['a', 'b', 'a']) bots.seen('kraken', bot)
    bots.seen('coinbase', 'a')
    expect(['kraken', 'coinbase', 'other'].map((exchange) => bots.count(exchange))).toEqual([2, 1, 0])
  })

  it('count for a quarter of a minute at least, and for half a minute at most', () => {
    bots.seen('kraken', 'early')
    clock.advance(14 * SECOND)
    bots.seen('kraken', 'late')
    clock.advance(2 * SECOND)
    expect(bots.count('kraken')).toBe(2)
    clock.advance(13 * SECOND)
    expect(bots.count('kraken')).toBe(2)
    clock.advance(2 * SECOND)
    expect(bots.count('kraken')).toBe(0)
  })

  it('are counted once however long they call', () => {
    for (const bot of ['a', 'b']) bots.seen('kraken', bot)
    clock.advance(20 * SECOND)
    for (const bot of ['a', 'c', 'a']) bots.seen('kraken', bot)
    expect(bots.count('kraken')).toBe(3)
    clock.advance(15 * SECOND)
    expect(bots.count('kraken')).toBe(2)
    bots.seen('kraken', 'a')
    expect(bots.count('kraken')).toBe(2)
    clock.advance(15 * SECOND)
    expect(bots.count('kraken')).toBe(1)
  })

  it('are forgotten after a long silence', () => {
    bots.seen('kraken', 'a')
    clock.advance(300 * SECOND)
    bots.seen('kraken', 'b')
    expect(bots.count('kraken')).toBe(1)
  })

  it('are no more than a thousand, whatever names are made up', () => {
    for (let name = 0; name < 5000; name += 1) bots.seen('kraken', `${name}`)
    expect(bots.count('kraken')).toBe(1000)
  })
})
