// What limits.yaml says of believing an exchange: fields of answers, adaptive rates, lower tiers, answers by page and by text.

import { describe, expect, it } from 'vitest'
import { loadRules } from '../../src/config/load.ts'
import type { BucketRule, ExchangeRule } from '../../src/core/rules.ts'
import { shippedLimits } from '../support/weir.ts'

const exchangeOf = async (name: string, changes: Readonly<Record<string, string>> = {}): Promise<ExchangeRule> => {
  const loaded = loadRules(await shippedLimits(changes), 'limits.yaml', {})
  if (!loaded.ok) throw new Error(loaded.issues.map(({ message }) => message).join('\n'))
  const found = loaded.rules.exchanges.find((exchange) => exchange.name === name)
  if (found === undefined) throw new Error(`no ${name}`)
  return found
}
const bucket = ({ buckets }: ExchangeRule, name: string): BucketRule | undefined =>
  buckets.find((rule) => rule.name === name)

describe('adaptive rates', () => {
  it('are on for every limit that has a rate', async () => {
    const kraken = await exchangeOf('kraken')
    const adaptive = kraken.buckets.filter((rule) => rule.adaptive).map(({ name }) => name)
    expect(adaptive).toEqual(['private', 'public', 'ohlc', 'trades', 'engine', 'custody'])
  })

  it('are off for an exchange, or for one limit of it', async () => {
    const off = await exchangeOf('kraken', { 'adaptive: true': 'adaptive: false' })
    expect(off.buckets.some((rule) => rule.adaptive)).toBe(false)
    const one = await exchangeOf('kraken', {
      'public: { per: ip, capacity: 5': 'public: { per: ip, adaptive: false, capacity: 5',
    })
    expect(bucket(one, 'public')?.adaptive).toBe(false)
    expect(bucket(one, 'private')?.adaptive).toBe(true)
  })
})

describe('lower tiers', () => {
  it('are those with less than the declared one, with headroom taken off', async () => {
    const kraken = await exchangeOf('kraken', { 'tier: starter': 'tier: pro' })
    expect(bucket(kraken, 'engine')).toMatchObject({
      lowerTiers: [
        { name: 'starter', capacity: 60, refill: 0.001 },
        { name: 'intermediate', capacity: 125, refill: 0.00234 },
      ],
    })
    // As much at once as pro, but half the rate.
    expect(bucket(kraken, 'private')).toMatchObject({
      lowerTiers: [
        { name: 'starter', capacity: 15 },
        { name: 'intermediate', capacity: 20, refill: 0.0005 },
      ],
    })
    expect(bucket(await exchangeOf('kraken'), 'engine')).toMatchObject({ lowerTiers: [] })
  })
})

describe('fields of answers', () => {
  it('are read from Coinbase Advanced, which alone has them', async () => {
    expect((await exchangeOf('coinbase')).headers).toEqual({
      limit: 'x-ratelimit-limit',
      remaining: 'x-ratelimit-remaining',
    })
    expect((await exchangeOf('kraken')).headers).toBeUndefined()
    expect((await exchangeOf('coinbase_exchange')).headers).toBeUndefined()
  })
})

describe('an answer by page or text', () => {
  it('does not hide one without, which comes after it', async () => {
    const { answers } = await exchangeOf('coinbase')
    expect(answers.filter(({ status }) => status?.from === 403)).toMatchObject([
      { page: true },
      { page: false, means: 'auth' },
    ])
  })

  it('is said to never apply after one that takes all', async () => {
    const twice =
      '{ status: 403, means: auth }\n      - { status: 403, page: true, means: throttled }\n      - { status: 403, says: x, means: throttled }'
    const loaded = loadRules(await shippedLimits({ '{ status: 403, means: auth }': twice }), 'limits.yaml', {})
    expect(loaded.ok ? [] : loaded.issues.map(({ message }) => message)).toContain(
      'never applies, because an earlier answer says the same or more',
    )
  })
})
