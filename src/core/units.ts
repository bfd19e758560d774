// Units, as names. A number in weir says what it counts; nothing here exists at run time but the conversions.

/** Milliseconds, on the monotonic clock unless a name says `wall`. */
export type Millis = number
/** Budget units of a bucket, as the exchange counts them. */
export type Tokens = number
/** Tokens gained per millisecond. */
export type TokensPerMs = number
/** Octets. */
export type Bytes = number

/** Whole seconds, rounded up: what `Retry-After` carries (RFC 9110 §10.2.3). Never less than 1, so that nobody retries at once. */
export const retrySeconds = (ms: Millis): number => Math.max(1, Math.ceil(ms / 1000))
