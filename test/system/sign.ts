// Calls as signed bots make them, ready to send.

import type { Asked } from '../support/asked.ts'
import type { CoinbaseExchangeKey, CoinbaseKey, KrakenKey } from '../support/exchange/keys.ts'
import { coinbaseJwt, signCoinbaseExchange, signKraken } from '../support/exchange/keys.ts'

/** Makes a private call of Kraken with the next nonce. */
export type Post = (method: string, params?: Readonly<Record<string, string>>) => Asked & { readonly body: string }

/** All who use one poster draw rising nonces from one clock, as programs that share a key must. */
export function krakenPoster(key: KrakenKey, wall: () => number = Date.now): Post {
  let nonce = BigInt(wall()) * 1000n
  return (method, params) => {
    nonce += 1n
    const path = `/0/private/${method}`
    const { headers, body } = signKraken({ path, key, nonce, ...(params && { params }) })
    return { method: 'POST', path, headers, body }
  }
}

/** A GET of Coinbase Advanced Trade under a token of its own. */
export function advancedGet(key: CoinbaseKey, method: string, wall: () => number = Date.now): Asked {
  const path = `/api/v3/brokerage/${method}`
  const token = coinbaseJwt({ key, method: 'GET', host: 'api.coinbase.com', path, wallMs: wall() })
  return { host: 'api.coinbase.com', path, headers: { Authorization: `Bearer ${token}` } }
}

/** A signed GET of Coinbase Exchange. */
export function exchangeGet(key: CoinbaseExchangeKey, target: string, wall: () => number = Date.now): Asked {
  const headers = signCoinbaseExchange({ key, method: 'GET', target, wallMs: wall() })
  return { host: 'api.exchange.coinbase.com', path: target, headers }
}
