import { describe, expect, it } from 'vitest'
import { classify } from '../../src/classify/layer.ts'
import { unlistedPairs } from '../../src/classify/pair.ts'
import type { ClassifiedCall } from '../../src/core/call.ts'
import { shippedRules } from '../rules/shipped.ts'
import { aCall, aReply, type CallChange } from '../support/build.ts'

const { hosts } = shippedRules()

const classified = async (change: CallChange): Promise<ClassifiedCall> => {
  const seen: ClassifiedCall[] = []
  const layer = classify({ host: (name) => hosts.get(name), pairsOf: unlistedPairs })((call) => {
    seen.push(call)
    return Promise.resolve(aReply())
  })
  await layer(aCall(change))
  const [call] = seen
  if (call === undefined) throw new Error('the call did not pass')
  return call
}

describe('the class of a call', () => {
  it('is found by host, method and path, and goes on record', async () => {
    const { rule, facts, record } = await classified({
      method: 'POST',
      path: '/0/private/AddOrder',
      body: 'nonce=5&pair=XXBTZUSD',
    })
    expect(rule.id).toBe('kraken.orders')
    expect(facts).toMatchObject({ nonce: 5n, pair: 'XBT/USD' })
    expect(record).toMatchObject({ exchange: 'kraken', class: 'kraken.orders' })
  })

  it('tells two exchanges on one host apart', async () => {
    const [trade, app] = await Promise.all(
      ['/api/v3/brokerage/accounts', '/v2/accounts'].map((path) => classified({ host: 'api.coinbase.com', path })),
    )
    expect(trade?.record.exchange).toBe('coinbase')
    expect(app?.record.exchange).toBe('coinbase_app')
  })

  it('is never missing: what nobody has heard of is limited like a write', async () => {
    const { rule } = await classified({ method: 'PATCH', path: '/0/private/Brand/New' })
    expect(rule).toMatchObject({ id: 'kraken.default', kind: 'write' })
    expect(rule.costs.length).toBeGreaterThan(0)
  })

  it('is not looked for at a host that nobody declared', async () => {
    await expect(classified({ host: 'example.com' })).rejects.toMatchObject({ code: 'host_not_allowed' })
  })
})
