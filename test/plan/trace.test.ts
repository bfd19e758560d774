import { readFileSync } from 'node:fs'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { priceAll } from '../../src/plan/price.ts'
import { shippedRules } from '../rules/shipped.ts'
import { read } from './trace-of.ts'

const rules = shippedRules()
const sample = (name: string): string => readFileSync(new URL(`samples/${name}`, import.meta.url), 'utf8')
const summary = async (chunks: readonly string[]) => {
  const { calls, elsewhere, broken, format } = await read(chunks, rules)
  return {
    format,
    broken,
    elsewhere: [...elsewhere],
    calls: calls.map(({ rule, atMs, tookMs }) => [rule.id, atMs, tookMs]),
  }
}
const START = Date.parse('2026-01-31T12:00:00Z')

describe('a HAR', () => {
  it('is read entry by entry: what was asked, when, and how long it took', async () => {
    const { format, calls, elsewhere, broken } = await summary([sample('session.har')])
    expect([format, broken]).toEqual(['HAR', []])
    expect(calls).toEqual([
      ['kraken.time', START, 80],
      ['kraken.ticker', START + 500, 80],
      ['kraken.ticker', START + 900, 80],
      ['kraken.private', START + 1200, 120],
      ['kraken.orders', START + 1500, 150],
    ])
    expect(elsewhere).toEqual([
      ['www.example.com', 1],
      ['wss://ws.kraken.com', 1],
    ])
  })

  it('is the same wherever the stream is cut, pretty or on one line', async () => {
    const pretty = sample('session.har')
    const whole = await summary([pretty])
    const texts = fc.constantFrom(pretty, JSON.stringify(JSON.parse(pretty)))
    await fc.assert(
      fc.asyncProperty(texts, fc.array(fc.nat({ max: 70_000 }), { maxLength: 20 }), async (text, cuts) => {
        // Telling the format takes the first 64 Ki characters: a file must be longer to be cut after them.
        const padded = text.replace(/"log"\s*:\s*\{/, (start) => start + ' '.repeat(66_000))
        const edges = [0, ...cuts.map((cut) => Math.min(cut, padded.length)).sort((a, b) => a - b), padded.length]
        const chunks = edges.slice(1).map((edge, index) => padded.slice(edges[index], edge))
        expect(await summary(chunks)).toEqual(whole)
      }),
      { numRuns: 40 },
    )
  })

  it('that breaks off is reported, and so is an entry that makes no sense', async () => {
    expect((await summary([sample('session.har').slice(0, 2000)])).broken).toEqual([
      { place: 'the end', message: 'the file breaks off in the middle' },
    ])
    const odd = {
      log: { entries: [{ request: { method: 'GET', url: '/relative' }, startedDateTime: '2026-01-31' }, {}] },
    }
    expect((await summary([JSON.stringify(odd)])).broken).toEqual([
      { place: 'entry 1', message: '"url" is not a URL with scheme and host' },
      { place: 'entry 2', message: 'has no request' },
    ])
  })

  it('gives a form as text or as its fields', async () => {
    const postData = { mimeType: 'application/x-www-form-urlencoded', params: [{ name: 'pair', value: 'XBT/USD' }] }
    const request = { method: 'POST', url: 'https://api.kraken.com/0/private/AddOrder', headers: [], postData }
    const { calls } = await read(
      [JSON.stringify({ log: { entries: [{ request, startedDateTime: '2026-01-31' }] } })],
      rules,
    )
    expect(calls[0]?.facts.pair).toBe('XBT/USD')
  })
})

describe('JSON lines', () => {
  it('need a url and nothing else; times are dates or milliseconds, blank lines are none', async () => {
    const url = 'https://api.kraken.com/0/public/Time'
    const lines = [{ url }, { url, at: 5 }, { url, at: '1970-01-01T00:00:00.007Z', method: 'get' }]
    const { calls, format } = await summary([`\uFEFF${lines.map((line) => JSON.stringify(line)).join('\r\n\r\n')}\n`])
    expect(format).toBe('JSON lines')
    expect(calls).toEqual([
      ['kraken.time', undefined, 0],
      ['kraken.time', 5, 0],
      ['kraken.time', 7, 0],
    ])
  })

  it('tell every mistake by its line, and quote none of it', async () => {
    const lines = [
      '{"url":"https://api.kraken.com/0/public/Time"}',
      'SECRET',
      '{"url":"SECRET"}',
      '{"url":"https://a.b/","method":"SECRET 1"}',
      '{"url":"https://a.b/","at":"SECRET"}',
      '{"url":"https://a.b/","headers":{"a":1}}',
      '["SECRET"]',
    ]
    const { broken } = await summary([lines.join('\n')])
    expect(broken).toEqual([
      { place: 'line 2', message: 'is not a JSON object; a call is one object on one line' },
      { place: 'line 3', message: '"url" is not a URL with scheme and host' },
      { place: 'line 4', message: '"method" is not a method such as GET' },
      { place: 'line 5', message: '"at" is neither a date nor milliseconds' },
      { place: 'line 6', message: '"headers" is not an object of texts' },
      { place: 'line 7', message: 'is not a JSON object; a call is one object on one line' },
    ])
  })

  it('take a body as text or as JSON', async () => {
    const url = 'https://api.kraken.com/0/private/AddOrder'
    const lines = [
      { method: 'POST', url, body: 'pair=XBTUSD' },
      { method: 'POST', url, body: { pair: 'XBTUSD' } },
    ]
    const { calls } = await read([lines.map((line) => JSON.stringify(line)).join('\n')], rules)
    expect(calls.map(({ facts }) => facts.pair)).toEqual(['XBT/USD', 'XBT/USD'])
  })

  it('tell keys apart by the places that the exchange has for them, and keep nothing of what signs a call', async () => {
    const token = (sub: string) => `e30.${Buffer.from(JSON.stringify({ sub })).toString('base64url')}.SIGNATURE`
    const lines = ['one', 'two', 'one'].map((sub, index) => ({
      url: 'https://api.coinbase.com/api/v3/brokerage/accounts',
      headers: { Authorization: `Bearer ${token(sub)}${index}` },
    }))
    const { calls } = await read([lines.map((line) => JSON.stringify(line)).join('\n')], rules)
    const [a, b, c] = calls.map(({ identity }) => identity.credential)
    expect([a === c, a === b, a?.length]).toEqual([true, false, 16])
    expect(calls.map(({ request }) => [request.headers, request.query, request.body])).toEqual(
      calls.map(() => [[], '', undefined]),
    )
  })
})

describe('a log of weir', () => {
  it('is read at its class and cost; what is no call, or never reached an exchange, is passed over', async () => {
    const { format, calls, answered, broken } = await read([sample('weir.log')], rules)
    expect([format, answered, broken]).toEqual(['weir log', 1, []])
    expect(calls.map(({ rule, bot, paid, tookMs }) => [rule.id, bot, paid, tookMs])).toEqual([
      ['kraken.ticker', 'chart', 1, 80.5],
      ['kraken.orders', 'grid', 1, 100],
      ['kraken.cancel', 'grid', 6, 100],
      ['kraken.history', 'tax', undefined, 0.3],
    ])
    expect(calls[0]?.atMs).toBe(START + 1080 - 80.5)
  })

  it('has no names of orders: a cancel costs what the log says, or what the youngest would', async () => {
    const line = (cost: number) => ({
      ...{ level: 'debug', time: '2026-01-31T12:00:00Z', msg: '', call: 'c-1', host: 'api.kraken.com', bot: 'grid' },
      ...{
        class: 'kraken.cancel',
        credential: 'a1b2c3d4e5f60718',
        decision: 'forwarded',
        sent: 'yes',
        took_ms: 1,
        cost,
      },
    })
    const { calls } = await read([[line(6), line(0)].map((text) => JSON.stringify(text)).join('\n')], rules)
    const priced = priceAll(calls, rules).map(({ takes, guessed }) => [
      takes.find(({ cost }) => cost > 0)?.cost,
      guessed,
    ])
    expect(priced).toEqual([
      [6, false],
      [8, true],
    ])
  })

  it('of other rules is reported where a class is gone', async () => {
    const line =
      sample('weir.log')
        .split('\n')
        .find((text) => text.includes('kraken.ticker')) ?? ''
    const { broken } = await read([line.replaceAll('kraken.ticker', 'kraken.gone')], rules)
    expect(broken).toEqual([{ place: 'line 1', message: 'is of a class that limits.yaml does not have' }])
  })
})
