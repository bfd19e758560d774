// Limits that environment variables override, as operators of older set-ups know them.

import { describe, expect, it } from 'vitest'
import type { BucketRule } from '../../src/core/rules.ts'
import { shippedRules } from './shipped.ts'

const bucket = (env: Record<string, string>, id: string): BucketRule | undefined =>
  shippedRules(env)
    .exchanges.flatMap(({ buckets }) => buckets)
    .find((found) => found.id === id)

const costs = (env: Record<string, string>, host: string, method: string, path: string): readonly string[] =>
  shippedRules(env)
    .hosts.get(host)
    ?.classify(method, path)
    .costs.map(({ bucket: { name }, fixed }) => `${name} ${fixed}`) ?? []

describe('variables that override limits', () => {
  it('RPS sets the refill and BURST the capacity of the bucket of a class', () => {
    const env = { KRAKEN_RATE_LIMIT_PRIVATE_RPS: '0.5', KRAKEN_RATE_LIMIT_PRIVATE_BURST: '20' }
    expect(bucket(env, 'kraken.private')).toMatchObject({
      kind: 'bucket',
      capacity: 20,
      refill: 0.0005,
      policy: '"kraken-private";q=20;w=40',
    })
  })

  it('all classes that share the bucket see its new numbers', () => {
    const rules = shippedRules({ KRAKEN_RATE_LIMIT_TICKER_RPS: '0.5' })
    const kraken = rules.hosts.get('api.kraken.com')
    const [ticker, assets] = ['Ticker', 'Assets'].map(
      (name) => kraken?.classify('GET', `/0/public/${name}`).costs[0]?.bucket,
    )
    expect(ticker).toMatchObject({ refill: 0.0005 })
    expect(assets).toBe(ticker)
  })

  it('the strictest holds when several speak of one bucket', () => {
    const env = { KRAKEN_RATE_LIMIT_TICKER_RPS: '0.8', KRAKEN_RATE_LIMIT_ASSETS_RPS: '0.4' }
    expect(bucket(env, 'kraken.public')).toMatchObject({ refill: 0.0004 })
  })

  it('RPM adds a window to the class, and to no other', () => {
    const env = { KRAKEN_RATE_LIMIT_TICKER_RPM: '45' }
    expect(costs(env, 'api.kraken.com', 'GET', '/0/public/Ticker')).toEqual(['public 1', 'ticker_rpm 1'])
    expect(costs(env, 'api.kraken.com', 'GET', '/0/public/Assets')).toEqual(['public 1'])
    expect(bucket(env, 'kraken.ticker_rpm')).toMatchObject({
      kind: 'window',
      limit: 45,
      everyMs: 60_000,
      scopes: ['ip'],
      label: '"kraken-ticker-rpm"',
    })
  })

  it('where Coinbase states a window, RPS changes it, and BURST puts a bucket beside it', () => {
    const env = { COINBASE_RATE_LIMIT_PRIVATE_RPS: '20', COINBASE_RATE_LIMIT_PRIVATE_BURST: '5' }
    expect(bucket(env, 'coinbase.private')).toMatchObject({ kind: 'window', limit: 20, everyMs: 1000 })
    expect(bucket(env, 'coinbase.private_burst')).toMatchObject({ kind: 'bucket', capacity: 5, refill: 0.02 })
    expect(costs(env, 'api.coinbase.com', 'GET', '/api/v3/brokerage/accounts')).toEqual([
      'private 1',
      'private_burst 1',
    ])
  })

  it('each exchange of Coinbase has its own', () => {
    const env = { COINBASE_EXCHANGE_RATE_LIMIT_FILLS_RPS: '5', COINBASE_APP_RATE_LIMIT_PRIVATE_RPS: '1' }
    expect(bucket(env, 'coinbase_exchange.fills')).toMatchObject({ refill: 0.005 })
    expect(bucket(env, 'coinbase_app.private')).toMatchObject({ limit: 3600 })
    expect(bucket(env, 'coinbase.private')).toMatchObject({ limit: 30 })
  })

  it('the class of unknown paths can be named too', () => {
    const env = { KRAKEN_RATE_LIMIT_DEFAULT_RPM: '6' }
    expect(costs(env, 'api.kraken.com', 'POST', '/0/private/Unknown')).toEqual(['private 1', 'default_rpm 1'])
  })

  it('breakers and queues follow theirs on every host and class', () => {
    const rules = shippedRules({ RATE_LIMIT_CB_VIOLATIONS: '3', RATE_LIMIT_CB_SECONDS: '120', MAX_INBOX_SIZE: '50' })
    for (const { breaker } of rules.hosts.values()) {
      expect(breaker).toMatchObject({ violations: 3, violationOpenMs: 120_000 })
    }
    expect(new Set(rules.exchanges.flatMap(({ classes }) => classes.map(({ maxQueue }) => maxQueue)))).toEqual(
      new Set([50]),
    )
  })

  it('an empty variable says nothing, and those of other programs are none of ours', () => {
    const env = {
      KRAKEN_RATE_LIMIT_PRIVATE_RPS: '',
      BINANCE_RATE_LIMIT_ORDERS_RPS: '10',
      RATE_LIMIT_CHECK_INTERVAL: '5',
    }
    expect(bucket(env, 'kraken.private')).toMatchObject({ refill: 0.00033 })
  })
})
