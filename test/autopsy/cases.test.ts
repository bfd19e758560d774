import { beforeEach, describe, expect, it } from 'vitest'
import { Cases } from '../../src/autopsy/cases.ts'
import type { Autopsy } from '../../src/core/autopsy.ts'
import { OK } from '../../src/core/call.ts'
import { callFinished, type WeirEvent } from '../../src/core/events.ts'
import { anAutopsy } from '../support/autopsy.ts'
import { aCall, aVerdict } from '../support/build.ts'
import { FakeClock } from '../support/fake-clock.ts'

const HOUR = 3_600_000
let clock: FakeClock
let cases: Cases
let told: WeirEvent[]

beforeEach(() => {
  clock = new FakeClock()
  told = []
  cases = new Cases(clock, (event) => void told.push(event))
})

const callOf = (id: string) => {
  const call = aCall({ credential: 'key' })
  Object.assign(call.record, { class: id, exchange: 'kraken', verdict: OK })
  return call
}
const violated = (autopsy: Partial<Autopsy> = {}, id = 'kraken.private') =>
  cases.observer({
    type: 'limit.violated',
    exchange: 'kraken',
    bucket: 'kraken.private',
    call: callOf(id),
    verdict: aVerdict('throttled'),
    autopsy: anAutopsy(autopsy),
  })
const outspent = () =>
  cases.observer({
    type: 'limit.outspent',
    exchange: 'coinbase',
    bucket: 'coinbase.private',
    call: callOf('coinbase.private'),
    tokens: 3,
  })
const passed = (id: string) => cases.observer(callFinished(callOf(id), 200, 1))
const types = () => told.map(({ type }) => type)

describe('refusals', () => {
  it('make a recommendation with the third, told once', () => {
    violated()
    violated()
    expect(cases.recommendations()).toEqual([])
    violated()
    violated()
    expect(cases.recommendations()).toMatchObject([{ advice: 'used_outside', bucket: 'kraken.private', count: 4 }])
    expect(types().filter((type) => type === 'advice.given')).toHaveLength(1)
  })

  it('raise the suspicion that traffic bypasses weir once that is what they say', () => {
    for (let count = 0; count < 5; count += 1) violated()
    expect(types().filter((type) => type === 'bypass.suspected')).toHaveLength(3)
    violated({ cause: 'echo' })
    expect(types().filter((type) => type === 'bypass.suspected')).toHaveLength(3)
  })

  it('spread over hours make none', () => {
    for (let count = 0; count < 4; count += 1) {
      violated()
      clock.advance(HOUR / 2 + 1)
    }
    expect(cases.recommendations()).toEqual([])
  })

  it('are told of again after an hour, when they go on, and forgotten a day after the last', () => {
    for (let count = 0; count < 8; count += 1) {
      violated()
      clock.advance(HOUR / 4)
    }
    expect(types().filter((type) => type === 'advice.given')).toHaveLength(2)
    clock.advance(23 * HOUR)
    expect(cases.recommendations()).toHaveLength(1)
    clock.advance(HOUR)
    expect(cases.recommendations()).toEqual([])
  })

  it('of one class while others pass blame its cost, until another class is refused as well', () => {
    const history = { cost: 2 }
    violated(history, 'kraken.history')
    for (let count = 0; count < 9; count += 1) passed('kraken.private')
    passed('kraken.history')
    passed('kraken.ticker')
    violated(history, 'kraken.history')
    violated(history, 'kraken.history')
    expect(cases.recommendations()).toMatchObject([{ advice: 'raise_cost', class: 'kraken.history' }])
    expect(cases.recommendations()[0]?.text).toContain('while 9 calls of other classes passed')
    violated()
    violated(history, 'kraken.history')
    expect(cases.recommendations()).toMatchObject([{ advice: 'used_outside' }])
  })
})

describe('answers that tell of less left than weir spent', () => {
  it('each raise the suspicion, and three the advice', () => {
    outspent()
    outspent()
    expect(types()).toEqual(['bypass.suspected', 'bypass.suspected'])
    outspent()
    expect(cases.recommendations()).toMatchObject([{ advice: 'used_outside', bucket: 'coinbase.private' }])
  })
})
