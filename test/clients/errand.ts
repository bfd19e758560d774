// What the bots of `programs/` are told, in their environment, and what each of them prints.

import { coinbaseExchangeKey, coinbaseKey, type KrakenKey, krakenKey } from '../support/exchange/keys.ts'
import { krakenPoster } from '../system/sign.ts'

/** A bot of an HTTP client makes three calls: one that is served, one that is signed and served, one that weir refuses. */
export interface Seen {
  readonly good: Answer
  readonly signed: Answer
  readonly refused: {
    /** How the client's own error calls itself. */
    readonly error: string
    readonly status: number
    readonly code: string | null
    readonly retryAfter: string | null
  }
}

export interface Answer {
  readonly status: number
  /** X-Weir-Decision. */
  readonly decision: string | null
  readonly body: unknown
}

/** What a bot of ccxt saw. */
export interface TourSeen {
  readonly markets: number
  readonly btc: number | undefined
  /** X-Weir-Class and X-Weir-Decision of the balance. */
  readonly balance: { readonly class: string | undefined; readonly decision: string | undefined }
  readonly ordered: boolean
  readonly served: number
  /** Names of the error class that ccxt raised, and of those that it extends. */
  readonly refusal: readonly string[]
}

/** Keys that a bot may hold. */
export interface Credentials {
  readonly kraken: KrakenKey
  readonly coinbase: { readonly key: string; readonly secret: string }
  readonly coinbaseexchange: { readonly key: string; readonly secret: string; readonly passphrase: string }
}

/** The errand and the keys of the bot of that name. Not every language reads JSON without help, so it is in words. */
export function errand(name: string): Readonly<Record<string, string>> {
  const kraken = krakenKey(name)
  const coinbase = coinbaseKey(name)
  const { path, headers = {}, body } = krakenPoster(kraken)('Balance')
  const credentials: Credentials = {
    kraken,
    coinbase: { key: coinbase.name, secret: coinbase.pem },
    coinbaseexchange: coinbaseExchangeKey(name),
  }
  return {
    GOOD: 'https://api.kraken.com/0/public/Ticker?pair=XBTUSD',
    SIGNED: `https://api.kraken.com${path}`,
    API_KEY: headers['API-Key'] ?? '',
    API_SIGN: headers['API-Sign'] ?? '',
    BODY: body,
    REFUSED: 'https://api.coinbase.com/api/v3/brokerage/time',
    ECHO: 'wss://ws.kraken.com/v2',
    CREDENTIALS: JSON.stringify(credentials),
  }
}
