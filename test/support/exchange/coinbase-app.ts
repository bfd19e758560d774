// The simulated Coinbase App API (api.coinbase.com/v2): 10,000 calls an hour per key, per address without a key.

import { ASSETS, coinbaseMarket, quoteAt } from './catalogue.ts'
import type { JwtAuth } from './coinbase-auth.ts'
import { wallets } from './coinbase-market.ts'
import { PerScope, SlidingLog } from './counters.ts'
import type { Call } from './journal.ts'
import { uuid } from './keys.ts'
import { type Answer, type Ground, header, judged, Refusal, type Venue } from './venue.ts'

export interface CoinbaseAppOptions {
  readonly perHour?: number
}

const PUBLIC = /^\/v2\/(time|currencies|exchange-rates|prices)(\/|$)/

export class CoinbaseAppVenue implements Venue {
  readonly #ground: Ground
  readonly #auth: JwtAuth
  readonly #hour: PerScope<SlidingLog>

  constructor(ground: Ground, auth: JwtAuth, options: CoinbaseAppOptions) {
    this.#ground = ground
    this.#auth = auth
    this.#hour = new PerScope(() => new SlidingLog({ max: options.perHour ?? 10_000, windowMs: 3_600_000 }))
  }

  answer(call: Call): Answer {
    return judged(this.#ground.journal, call, () => {
      const anonymous = PUBLIC.test(call.path) && header(call, 'authorization') === ''
      const caller = anonymous ? { key: call.ip, user: '' } : this.#auth.caller(call)
      if ('problem' in caller) throw refusal(401, 'authentication_error', caller.problem)
      const ruling = this.#hour.of(caller.key).arrive(1, call.timeMs)
      if (!this.#ground.journal.allow('coinbase-app.hour', caller.key, 1, ruling, call)) {
        throw refusal(429, 'rate_limit_exceeded', 'Too many requests', true)
      }
      return { status: 200, body: { ...page(call), data: data(call, caller.user) } }
    })
  }
}

function page(call: Call): object {
  const pagination = { ending_before: null, starting_after: null, limit: 100, order: 'desc', next_uri: null }
  return call.path === '/v2/accounts' ? { pagination } : {}
}

function data(call: Call, user: string): unknown {
  const [, , group, id, part] = call.path.split('/')
  switch (group) {
    case 'time':
      return { iso: new Date(call.wallMs).toISOString(), epoch: Math.floor(call.wallMs / 1000) }
    case 'currencies':
      return id === 'crypto'
        ? ASSETS.filter((asset) => !asset.fiat).map(crypto)
        : ASSETS.filter((asset) => asset.fiat).map(fiat)
    case 'exchange-rates': {
      const currency = call.query.get('currency') ?? 'USD'
      const base = ASSETS.find((asset) => asset.code === currency)?.usd ?? 1
      return { currency, rates: Object.fromEntries(ASSETS.map((asset) => [asset.code, String(base / asset.usd)])) }
    }
    case 'prices': {
      const market = coinbaseMarket(id ?? '')
      if (!market) throw refusal(404, 'not_found', 'Invalid base currency')
      const { bid, ask, last } = quoteAt(market, call.wallMs)
      return { amount: part === 'buy' ? ask : part === 'sell' ? bid : last, base: market.base, currency: market.quote }
    }
    case 'user':
      return { id: uuid(user), name: user, resource: 'user' }
    case 'accounts':
      return wallets(user).map((wallet) => account(wallet))
    default:
      throw refusal(404, 'not_found', 'Not found')
  }
}

function crypto(asset: (typeof ASSETS)[number], index: number): object {
  const { code, name } = asset
  return {
    asset_id: uuid(code),
    code,
    name,
    color: '#0433FF',
    sort_index: index,
    exponent: 8,
    type: 'crypto',
    address_regex: '',
  }
}

function fiat(asset: (typeof ASSETS)[number]): object {
  return { id: asset.code, name: asset.name, min_size: '0.01' }
}

function account({ asset, id, amount }: ReturnType<typeof wallets>[number]): object {
  return {
    id,
    name: `${asset.code} Wallet`,
    primary: false,
    type: asset.fiat ? 'fiat' : 'wallet',
    currency: { code: asset.code, name: asset.name, type: asset.fiat ? 'fiat' : 'crypto' },
    balance: { amount, currency: asset.code },
    created_at: '2024-01-01T00:00:00Z',
    updated_at: '2024-01-01T00:00:00Z',
    resource: 'account',
    resource_path: `/v2/accounts/${id}`,
  }
}

function refusal(status: number, id: string, message: string, limit = false): Refusal {
  return new Refusal(id, { status, body: { errors: [{ id, message }] } }, limit)
}
