// What a client program is sent to do, and what it brings back; both travel as JSON.

/** Three calls: one that is served, one that is signed and served, one that weir refuses. */
export interface Errand {
  readonly good: string
  readonly signed: { readonly url: string; readonly headers: Readonly<Record<string, string>>; readonly body: string }
  readonly refused: string
}

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

interface Answer {
  readonly status: number
  readonly decision: string | null
  readonly body: unknown
}

export interface Tour {
  readonly exchange: 'kraken' | 'coinbase' | 'coinbaseexchange'
  readonly credentials: Readonly<Record<string, string>>
  /** ccxt's own options that lead it to weir. */
  readonly wiring: Readonly<Record<string, string>>
  /** So many calls are more than the limits allow. */
  readonly tooMuch: number
}

export interface TourSeen {
  readonly markets: number
  readonly tickers: readonly string[]
  readonly btc: number | undefined
  /** X-Weir-Class and X-Weir-Decision of the balance. */
  readonly balance: { readonly class: string | undefined; readonly decision: string | undefined }
  readonly ordered: boolean
  readonly served: number
  /** Name of the error class that ccxt raised. */
  readonly refusal: string | undefined
}
