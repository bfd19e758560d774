import { describe, expect, it } from 'vitest'
import type { BotRule, ClientRule } from '../../src/core/rules.ts'
import { mannersBy } from '../../src/identify/manners.ts'
import { shippedRules } from '../rules/shipped.ts'
import { aCall } from '../support/build.ts'

const agent = (text: string) => aCall({ headers: ['Host', 'api.kraken.com', 'User-Agent', text] })

describe('what is said of a bot', () => {
  const rule: BotRule = { weight: 3, maxWaitMs: 2_000, priority: 'high' }
  const rules = { bots: new Map([['mm-1', rule]]), clients: [] }

  it('is its own entry, by name', () => {
    expect(mannersBy(() => rules)(aCall({ bot: 'mm-1' }))).toEqual({ manners: rule, patienceMs: undefined })
    expect(mannersBy(() => rules)(aCall({ bot: 'mm-2' }))).toEqual({ manners: undefined, patienceMs: undefined })
  })
})

describe('the patience of a client', () => {
  const clients: readonly ClientRule[] = [
    { agent: 'grid/2', maxWaitMs: 1_000 },
    { agent: 'grid', maxWaitMs: 2_000 },
  ]

  it('is that of the first entry that its User-Agent begins with, whatever the case', () => {
    const mannersOf = mannersBy(() => ({ bots: new Map(), clients }))
    const patience = ['Grid/2.1', 'grid/3', 'my grid/2', 'Grid/2.1'].map((text) => mannersOf(agent(text)).patienceMs)
    expect(patience).toEqual([1_000, 2_000, undefined, 1_000])
  })

  it('follows rules that were replaced', () => {
    let current = { bots: new Map(), clients }
    const mannersOf = mannersBy(() => current)
    expect(mannersOf(agent('grid/3')).patienceMs).toBe(2_000)
    current = { bots: new Map(), clients: [{ agent: 'grid', maxWaitMs: 9_000 }] }
    expect(mannersOf(agent('grid/3')).patienceMs).toBe(9_000)
  })

  // What these clients were seen to send.
  it.each([
    ['node-kraken-api/2.2.2', 500],
    ['Kraken Javascript API Client', 3_000],
    ['python-httpx/0.28.1', 3_000],
    ['kraken-cli/0.2.0 (direct)', 20_000],
    ['krakenex/2.2.2 (+https://github.com/veox/python3-krakenex)', 30_000],
    ['coinbase-advanced-py/1.8.4', 30_000],
    ['cbnode/1.2.6', 30_000],
    ['python-requests/2.32.3', undefined],
    ['Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 Chrome/62.0 Safari/537.36', undefined],
    ['btschwertfeger/python-kraken-sdk', undefined],
    ['Go-http-client/1.1', undefined],
  ])('as shipped: %s', (text, expected) => {
    const rules = shippedRules()
    expect(mannersBy(() => rules)(agent(text)).patienceMs).toBe(expected)
  })
})
