import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { Names, numberOf } from '../../src/orders/names.ts'

describe('names', () => {
  it('agree with a plain map', () => {
    const name = fc.constantFrom('OQCLML-BW3P3-BUCMWZ', '7', '-7', 'mine', 'Mine', 'mine ', '')
    const account = fc.constantFrom('main', 'mai', 'n', '1f0c9a8b7c6d5e4f')
    const step = fc.record({ account, name, thing: fc.nat() })
    fc.assert(
      fc.property(fc.array(step), (steps) => {
        const subject = new Names<number>()
        const model = new Map<string, number>()
        for (const { account: whose, name: which, thing } of steps) {
          const key = JSON.stringify([whose, which])
          subject.give(numberOf(whose, which), thing)
          model.set(key, thing)
          for (const known of model.keys()) {
            const [account = '', name = ''] = JSON.parse(known) as string[]
            expect(subject.get(numberOf(account, name))).toBe(model.get(known))
          }
        }
        expect([...subject.things()].sort()).toEqual([...model.values()].sort())
      }),
    )
  })

  it('are told apart, though each is kept as one number', () => {
    const subject = new Names<number>()
    for (let index = 0; index < 50_000; index += 1) subject.give(numberOf('main', `OQCLML-BW3P3-${index}`), index)
    for (let index = 0; index < 50_000; index += 1)
      expect(subject.get(numberOf('main', `OQCLML-BW3P3-${index}`))).toBe(index)
    expect(subject.get(numberOf('other', 'OQCLML-BW3P3-1'))).toBeUndefined()
  })

  it('are forgotten when two generations have been given since', () => {
    const subject = new Names<number>(10)
    const heard = (last: number) =>
      Array.from({ length: last }, (_, index) => index).filter((index) => subject.get(index))
    for (let index = 1; index <= 20; index += 1) subject.give(index, index)
    expect(heard(21)).toHaveLength(20)
    subject.give(21, 21)
    expect(heard(22)).toEqual([11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21])
  })

  it('that are given again are as good as new', () => {
    const subject = new Names<number>(10)
    subject.give(-1, 1)
    for (let index = 0; index < 60; index += 1) {
      if (index % 5 === 0) subject.give(-1, 1)
      subject.give(index, index)
    }
    expect(subject.get(-1)).toBe(1)
  })
})
