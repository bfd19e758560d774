import { describe, expect, it } from 'vitest'
import type { IdentifiedCall } from '../../src/core/call.ts'
import type { HostRule } from '../../src/core/rules.ts'
import { Fingerprints } from '../../src/identify/credential.ts'
import { identify } from '../../src/identify/layer.ts'
import { shippedRules } from '../rules/shipped.ts'
import { aCall, aReply } from '../support/build.ts'

const fingerprints = new Fingerprints(Buffer.alloc(32, 1))
const rules = shippedRules()
const { hosts } = rules
/** Two keys of one trader, declared in limits.yaml. */
const declared = (name: string): HostRule | undefined => {
  const rule = hosts.get(name)
  const accounts = new Map([
    ['KEY-A', 'main'],
    ['KEY-B', 'main'],
  ])
  return rule === undefined ? undefined : { ...rule, exchange: { ...rule.exchange, accounts } }
}

const identified = async (headers: readonly string[], host = 'api.kraken.com'): Promise<IdentifiedCall> => {
  const seen: IdentifiedCall[] = []
  const layer = identify({ host: declared, fingerprints, rules: () => rules })((call) => {
    seen.push(call)
    return Promise.resolve(aReply())
  })
  await layer(aCall({ host, headers }))
  const [call] = seen
  if (call === undefined) throw new Error('the call did not pass')
  return call
}

describe('whose limits a call spends', () => {
  it('is nobody in particular without a key', async () => {
    const { identity, record } = await identified(['Host', 'api.kraken.com'])
    expect(identity).toEqual({ credential: undefined, account: undefined })
    expect(record.credential).toBeUndefined()
  })

  it('is the key, hashed, where no account is declared', async () => {
    const { identity, record } = await identified(['API-Key', 'KEY-C'])
    expect(identity.credential).toBe(fingerprints.of('KEY-C'))
    expect(identity.account).toBe(identity.credential)
    expect(record.credential).toBe(identity.credential)
  })

  it('is one account for keys declared to share one, and still a credential each', async () => {
    const [a, b] = await Promise.all([identified(['API-Key', 'KEY-A']), identified(['API-Key', 'KEY-B'])])
    expect(a.identity.account).toBe(b.identity.account)
    expect(a.identity.credential).not.toBe(b.identity.credential)
  })

  it('never carries the id of a key further', async () => {
    for (const key of ['KEY-A', 'KEY-C']) {
      const { identity, record } = await identified(['API-Key', key])
      expect(JSON.stringify([identity, { ...record }])).not.toContain(key)
    }
  })

  it('leaves the request as it came', async () => {
    const headers = ['API-Key', 'KEY-A', 'API-Sign', 'c2ln']
    expect((await identified(headers)).request.headers).toBe(headers)
  })

  it('is not asked for a host that nobody declared', async () => {
    await expect(identified([], 'example.com')).rejects.toMatchObject({ code: 'host_not_allowed' })
  })
})
