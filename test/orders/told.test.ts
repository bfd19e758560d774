import { describe, expect, it } from 'vitest'
import { type OrderNews, Orders } from '../../src/orders/ages.ts'
import { FakeClock } from '../support/fake-clock.ts'

/** Orders of one weir, and all that it tells. */
const weir = (clock: FakeClock) => {
  const said: OrderNews[] = []
  return {
    said,
    orders: new Orders(
      clock,
      () => 300_000,
      (news) => said.push(news),
    ),
  }
}

describe('what one weir learned of orders', () => {
  it('makes another know the same, and tells nobody their names', () => {
    const clock = new FakeClock()
    const [one, other] = [weir(clock), weir(clock)]
    one.orders.placed('main', 'XBT/USD', ['TX', 'mine'], 4_000)
    one.orders.placed('main', 'XBT/USD', ['TY', 'mine'])
    one.orders.amended('main', 'TX', ['NEW'])
    one.orders.placed('main', 'ETHW/USD', ['TZ'])
    one.orders.renamed(new Map([['ETHW/USD', 'ETH/USD']]))
    one.orders.gone('main', 'TY')
    expect(JSON.stringify(one.said)).not.toMatch(/TX|TY|TZ|NEW|mine/)
    for (const news of one.said) other.orders.hear(JSON.parse(JSON.stringify(news)))
    clock.advance(1_000)
    for (const name of ['TX', 'TY', 'TZ', 'NEW', 'mine']) {
      expect(other.orders.find('main', name)).toEqual(one.orders.find('main', name))
    }
    expect(other.orders.open('main')).toEqual(one.orders.open('main'))
    expect(other.orders.pairs('main')).toEqual(['XBT/USD', 'ETH/USD'])
    one.orders.allGone('main')
    other.orders.hear({ type: 'all_gone', account: 'main' })
    expect(other.orders.open('main')).toEqual([])
    expect(other.said).toEqual([])
  })

  it('is one order, however often it is told', () => {
    const clock = new FakeClock()
    const [one, other] = [weir(clock), weir(clock)]
    one.orders.placed('main', 'XBT/USD', ['TX', '7'])
    one.orders.placed('main', 'XBT/USD', ['TY', '7'])
    for (const news of [...one.said, ...one.said]) other.orders.hear(news)
    expect(other.orders.find('main', '7')).toHaveLength(2)
    expect(other.orders.open('main')).toHaveLength(2)
  })

  it('is one order, young again, when it may have been placed once more', () => {
    const clock = new FakeClock()
    const [one, other] = [weir(clock), weir(clock)]
    for (const ms of [1_000, 0]) {
      one.orders.supposed('main', 'XBT/USD', ['mine'])
      for (const news of one.said.splice(0)) other.orders.hear(news)
      clock.advance(ms)
    }
    expect(other.orders.open('main')).toEqual([{ pair: 'XBT/USD', ageMs: 0 }])
    clock.advance(300_000)
    expect(other.orders.old('main')).toBe(0)
  })
})
