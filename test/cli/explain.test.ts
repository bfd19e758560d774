import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { explainByRules, matches } from '../../src/cli/explain.ts'
import { explanationText } from '../../src/cli/explanation.ts'
import { rulesText } from '../../src/cli/rules-text.ts'
import { loadRules } from '../../src/config/load.ts'
import type { Rules } from '../../src/core/rules.ts'
import { limitView } from '../admin/desk.ts'

const shipped = (): Rules => {
  const loaded = loadRules(readFileSync('limits.yaml', 'utf8'), 'limits.yaml', {})
  if (!loaded.ok) throw new Error(loaded.issues.map(({ message }) => message).join('\n'))
  return loaded.rules
}

const rules = shipped()
const explained = (method: string, url: string) => {
  const explanation = explainByRules(rules, method, new URL(url))
  if (explanation === undefined) throw new Error(`${url} is not explained`)
  return explanation
}

describe('weir explain', () => {
  it('tells class, reason, cost and manners of a call', () => {
    expect(explanationText(explained('GET', 'https://api.kraken.com/0/public/Ticker?pair=XBTUSD'))).toBe(
      [
        'GET https://api.kraken.com/0/public/Ticker',
        '',
        '  class    kraken.ticker: a read',
        '  because  it matches GET|POST /0/public/Ticker',
        '  costs    1 from kraken.public',
        '  waits    up to 6 s; what would take longer is refused at once',
        '  order    bots take turns',
        '  cache    fresh for 1 s; stale for 5 min more on: breaker open, error, queue',
        '  now      unknown, since no running weir was asked',
        '',
      ].join('\n'),
    )
  })

  it('prices an order of unknown age as the youngest, and says how the cost comes about', () => {
    const { costs } = explained('POST', 'https://api.kraken.com/0/private/AmendOrder')
    const note = '1 for the call, and up to 3 for each order younger than 15 s'
    expect(costs[0]).toEqual({ bucket: 'kraken.engine', cost: 4, note, level: undefined })
  })

  it.each([
    ['GET', 'derivatives/api/v3/fills', 2, '2 without lastFillTime, else 25'],
    ['GET', 'derivatives/api/v3/fills?lastFillTime=2026-11-22', 25, '2 without lastFillTime, else 25'],
    ['POST', 'derivatives/api/v3/batchorder', 10, '9 for the call, and 1 for each entry of batchOrder'],
    ['GET', 'derivatives/api/v3/unwindqueue', 200, undefined],
  ])('prices by what stands in the address, and says what else there could be: %s %s', (method, path, cost, note) => {
    const { costs } = explained(method, `https://futures.kraken.com/${path}`)
    expect(costs).toEqual([{ bucket: 'kraken_futures.derivatives', cost, note, level: undefined }])
  })

  it('says each step of a price by the value of a parameter', () => {
    const text = explanationText(explained('GET', 'https://futures.kraken.com/api/history/v3/account-log?count=26'))
    expect(text).toContain('costs    2 from kraken_futures.history (3 without count, 1 up to 25, 2 up to 50, ')
    expect(text).toContain('6 up to 5000, 10 up to 100000, else 10)\n')
  })

  it('says so when nothing matches and the default class answers', () => {
    const explanation = explained('POST', 'https://api.kraken.com/0/private/NobodyKnows')
    expect(explanation.pattern).toBeUndefined()
    expect(explanationText(explanation)).toContain('no pattern matches: the default class of kraken')
  })

  it('knows nothing of hosts that are none of an exchange’s', () => {
    expect(explainByRules(rules, 'GET', new URL('https://example.com/'))).toBeUndefined()
  })

  it('tells what a running weir adds: levels, the breaker, and what would happen now', () => {
    const explanation = explained('POST', 'https://api.kraken.com/0/private/Balance')
    const text = explanationText({
      ...explanation,
      costs: explanation.costs.map((cost) => ({ ...cost, level: limitView({ available: 0.25, closedForMs: 2000 }) })),
      breaker: 'closed',
      now: { decision: 'wait', waitMs: 2273, why: 'kraken.private has room then' },
    })
    expect(text).toContain('1 from kraken.private: 0.25 of 15 left, closed by the exchange for 2 s\n')
    expect(text).toContain('breaker  closed: the exchange answers\n')
    expect(text).toContain('now      waits its turn (2.3 s): kraken.private has room then\n')
  })

  it('names a pattern that the router would follow, for every literal path that limits.yaml knows', () => {
    const host = rules.hosts.get('api.kraken.com')
    const literal = rules.exchanges
      .filter(({ name }) => name === 'kraken')
      .flatMap(({ classes }) => classes.flatMap(({ patterns }) => patterns))
      .flatMap((pattern) => [...pattern.matchAll(/\b[A-Z][A-Za-z]+\b(?=[,}]|$)/g)].map(([name]) => name))
    expect(literal.length).toBeGreaterThan(40)
    for (const name of literal) {
      const path = `/0/private/${name}`
      const rule = host?.classify('POST', path)
      if (rule === undefined || rule === rule.exchange.fallback) continue
      expect(
        rule.patterns.some((pattern) => matches(pattern, 'POST', path)),
        path,
      ).toBe(true)
    }
  })
})

describe('a pattern', () => {
  it.each([
    ['GET /a/{b,c}', 'GET', '/a/c', true],
    ['GET /a/{b,c}', 'GET', '/a/d', false],
    ['GET /a', 'HEAD', '/a', true],
    ['GET /a', 'POST', '/a', false],
    ['* /a', 'DELETE', '/a', true],
    ['GET /a/*', 'GET', '/a/b', true],
    ['GET /a/*', 'GET', '/a/b/c', false],
    ['GET /a/**', 'GET', '/a', true],
    ['GET /a/**', 'GET', '/a/b/c', true],
    ['GET /a', 'GET', '/a/', true],
    ['GET /', 'GET', '/', true],
    ['not a pattern', 'GET', '/', false],
  ])('%s: %s %s → %s', (pattern, method, path, expected) => expect(matches(pattern, method, path)).toBe(expected))
})

describe('weir check', () => {
  it('shows the shipped rules at a glance', () => {
    const text = rulesText('limits.yaml', rules)
    expect(text).toMatch(/^limits\.yaml: no problems\. 6 exchanges, \d+ hosts, \d+ classes\.\n/)
    expect(text).toContain('kraken: api.kraken.com')
    expect(text).toContain('  private  15 at once, then 0.33 per second, per API key\n')
    expect(text).toContain('  private  10000 in any 1 h, per API key\n')
    expect(text).toContain('per account and pair\n')
  })
})
