// What limits.yaml says of bots, of clients, of reserves and of shadow, once linked.

import { describe, expect, it } from 'vitest'
import { formatIssues } from '../../src/config/issues.ts'
import { loadRules } from '../../src/config/load.ts'
import type { Rules } from '../../src/core/rules.ts'

const file = (top: string, bucket = '', exchange = ''): string => `
${top}
exchanges:
  venue:
    hosts: [api.venue.test]
    dialect: plain
    ${exchange}
    buckets:
      private: { per: account, capacity: 20, refill: 1/s${bucket} }
    classes:
      reads: { match: 'GET /reads', cost: { private: 1 } }
      polite: { match: 'GET /polite', max_wait: 4s, enforce: on, cost: { private: 2 } }
      urgent: { match: 'GET /urgent', priority: critical, cost: { private: 1 } }
      orders: { match: 'POST /orders', kind: order, priority: high, cost: { private: 1 } }
      cancels: { match: 'DELETE /orders', kind: cancel, cost: { private: 1 } }
    default: { cost: { private: 1 } }
`

const load = (text: string): Rules => {
  const loaded = loadRules(text, 'limits.yaml', {})
  if (!loaded.ok) throw new Error(formatIssues(loaded.issues, text))
  return loaded.rules
}
const classes = (text: string) =>
  Object.fromEntries(load(text).exchanges.flatMap((exchange) => exchange.classes.map((one) => [one.name, one])))

describe('bots', () => {
  it('have a weight of 1 and no manners of their own unless said', () => {
    const { bots } = load(file('bots: { mm-1: { weight: 3, max_wait: 2s, priority: high }, 127.0.0.1/ccxt: {} }'))
    expect([...bots]).toEqual([
      ['mm-1', { weight: 3, maxWaitMs: 2_000, priority: 'high' }],
      ['127.0.0.1/ccxt', { weight: 1, maxWaitMs: undefined, priority: undefined }],
    ])
  })

  it.each([
    ['bots: { mm-1: { weigth: 3 } }', 'did you mean "weight"?'],
    ['bots: { mm-1: { weight: 0 } }', 'bots.mm-1.weight'],
    ['bots: { mm-1: { priority: urgent } }', 'bots.mm-1.priority'],
    ['clients: [{ agent: ccxt }]', 'clients[0]'],
  ])('and clients that are said wrong are told: %s', (top, words) => {
    expect(() => load(file(top))).toThrow(words)
  })
})

describe('the longest wait of a class', () => {
  const longest = (text: string) =>
    Object.entries(classes(text)).map(([name, { longestWaitMs }]) => [name, longestWaitMs])

  it('is what the class says; a default that was not made smaller bounds no client', () => {
    expect(longest(file('defaults: { max_wait: 6s }'))).toContainEqual(['reads', Number.POSITIVE_INFINITY])
    expect(longest(file(''))).toContainEqual(['polite', 4_000])
  })

  it('is the default where that was made smaller', () => {
    expect(longest(file('defaults: { max_wait: 5s }'))).toContainEqual(['reads', 5_000])
    expect(longest(file('defaults: { max_wait: 3s }'))).toContainEqual(['polite', 4_000])
  })
})

describe('a reserve', () => {
  const keeps = (reserve: string) =>
    Object.fromEntries(
      Object.entries(classes(file('', `, reserve: ${reserve}`))).map(([name, { keeps: kept }]) => [
        name,
        kept === undefined ? 0 : Math.round([...kept.values()].reduce((sum, one) => sum + one, 0) * 1e6) / 1e6,
      ]),
    )

  it('for trading is left by all but orders; cancels are not held at all', () => {
    expect(keeps('{ trading: 20% }')).toEqual({ reads: 4, polite: 4, urgent: 4, orders: 0, cancels: 0, default: 4 })
  })

  it('for priorities is left by those below, and shares add up', () => {
    expect(keeps('{ critical: 10%, high: 20% }')).toEqual({
      reads: 6,
      polite: 6,
      urgent: 0,
      orders: 2,
      cancels: 0,
      default: 6,
    })
  })

  it('is of what headroom and margin leave', () => {
    const of = (bucket: string) => [...(classes(file('', bucket)).reads?.keeps?.values() ?? [])][0]
    expect(of(', headroom: 50%, reserve: { trading: 50% }')).toBeCloseTo(5)
    expect(of(', margin: 10, reserve: { trading: 50% }')).toBeCloseTo(5)
  })

  it('that leaves a class less than one call costs is told', () => {
    expect(() => keeps('{ trading: 95% }')).toThrow('costs 2, but the reserve of venue.private leaves this class 1')
  })
})

describe('shadow', () => {
  const enforced = (top: string) => Object.values(classes(file(top))).map(({ enforce }) => enforce)

  it('at the top is for every class, whatever it says', () => {
    expect(new Set(enforced('enforce: shadow'))).toEqual(new Set(['shadow']))
  })

  it('as a default is for those that say nothing', () => {
    expect(enforced('defaults: { enforce: shadow }')).toEqual(['shadow', 'on', 'shadow', 'shadow', 'shadow', 'shadow'])
  })
})

it('the order of nonces is strict unless said', () => {
  expect(load(file('')).exchanges[0]?.nonceOrder).toBe('strict')
  expect(load(file('', '', 'order: spaced')).exchanges[0]?.nonceOrder).toBe('spaced')
})
