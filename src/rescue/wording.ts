// Refusals and failures in the words of the exchange that the bot believes it talks to, so that its library raises the
// error it would raise for the exchange's own answer. Every body also says, under `weir`, who really spoke and why.

import { ERRORS, type ErrorCode, type WeirError } from '../core/errors.ts'
import type { Dialect, EndpointClass, ExchangeRule } from '../core/rules.ts'
import type { Millis } from '../core/units.ts'

/** What the wording depends on besides the error. Undefined members: the call was refused before they were known. */
export interface Listener {
  readonly exchange: Pick<ExchangeRule, 'dialect' | 'refusalStatus'> | undefined
  readonly rule: Pick<EndpointClass, 'kind' | 'costs'> | undefined
  /** What time it is, for those who tell it. */
  readonly wallMs: Millis
}

/** A status and the fields that stand beside `weir` in the JSON body. */
export interface Words {
  readonly status: number
  readonly fields: Readonly<Record<string, unknown>>
}

/** Says `error` as the exchange would. */
export const word = (error: WeirError, listener: Listener): Words =>
  DIALECTS[listener.exchange?.dialect ?? 'plain'](error, listener)

type Speaker = (error: WeirError, listener: Listener) => Words

const DIALECTS: Readonly<Record<Dialect, Speaker>> = {
  /** Kraken answers 200 whenever the API was reached, with a list of `<severity><category>:<text>` in `error`. */
  kraken: (error, { exchange, rule }) => {
    const { speaks } = ERRORS[error.code]
    const status = speaks === 'limit' ? (exchange?.refusalStatus ?? 200) : IN_200.has(speaks) ? 200 : error.status
    return { status, fields: { error: [krakenError(error.code, rule)] } }
  },

  /** Kraken Futures answers 200 with one name of a closed list in `error`. */
  kraken_futures: (error, { exchange, wallMs }) => {
    const { speaks } = ERRORS[error.code]
    const status = speaks === 'limit' ? (exchange?.refusalStatus ?? 200) : IN_200.has(speaks) ? 200 : error.status
    const serverTime = new Date(wallMs).toISOString()
    return { status, fields: { result: 'error', serverTime, error: futuresError(error.code) } }
  },

  /**
   * Advanced Trade names the error in `error`, App v2 in `errors[].id`; limits are told in both. Anything else has
   * neither: clients take an unknown name for a final error, and judge by the status when there is none.
   */
  coinbase: (error, { exchange }) => {
    const { message } = error
    const id = coinbaseError(error.code)
    const fields =
      id === undefined ? { message } : { error: id, error_details: message, message, errors: [{ id, message }] }
    return { status: limitStatus(error, exchange), fields }
  },

  /** One sentence in `message`; the documented one for limits is what clients compare with. */
  coinbase_exchange: (error, { exchange, rule }) => {
    const limited = ERRORS[error.code].speaks === 'limit'
    const message = limited ? `${isPublic(rule) ? 'Public' : 'Private'} rate limit exceeded` : error.message
    return { status: limitStatus(error, exchange), fields: { message } }
  },

  plain: (error, { exchange }) => ({ status: limitStatus(error, exchange), fields: { message: error.message } }),
}

/** What Kraken says in an answer of status 200. */
const IN_200: ReadonlySet<string> = new Set(['nonce', 'lockout'])

const limitStatus = (error: WeirError, exchange: Listener['exchange']): number =>
  (ERRORS[error.code].speaks === 'limit' ? exchange?.refusalStatus : undefined) ?? error.status

const krakenError = (code: ErrorCode, rule: Listener['rule']): string => {
  switch (ERRORS[code].speaks) {
    case 'limit':
      // On public calls Kraken itself says either this or "EGeneral:Too many requests"; every library knows this one.
      return rule?.kind === 'order' || rule?.kind === 'cancel'
        ? 'EOrder:Rate limit exceeded'
        : 'EAPI:Rate limit exceeded'
    case 'nonce':
      return 'EAPI:Invalid nonce'
    case 'lockout':
      return 'EGeneral:Temporary lockout'
    case 'unavailable':
      return 'EService:Unavailable'
    case 'weir':
      if (code === 'internal') return 'EGeneral:Internal error'
      return code === 'host_not_allowed' ? 'EGeneral:Permission denied' : 'EGeneral:Invalid arguments'
  }
}

/** Names of docs.kraken.com/api/docs/futures-api: clients may know no others. */
const futuresError = (code: ErrorCode): string => {
  switch (ERRORS[code].speaks) {
    case 'limit':
      return 'apiLimitExceeded'
    case 'nonce':
      return 'nonceBelowThreshold'
    case 'lockout':
      return 'authenticationError'
    case 'unavailable':
      return 'Unavailable'
    case 'weir':
      return code === 'internal' ? 'Server Error' : 'invalidArgument'
  }
}

const coinbaseError = (code: ErrorCode): string | undefined => {
  if (ERRORS[code].speaks === 'limit') return 'rate_limit_exceeded'
  return code === 'bad_request' || code === 'body_too_large' ? 'invalid_request' : undefined
}

/** A class that spends nobody's own budget, only that of the address. Unknown classes count as private. */
const isPublic = (rule: Listener['rule']): boolean =>
  rule?.costs.every(({ bucket }) => !bucket.scopes.includes('key') && !bucket.scopes.includes('account')) ?? false
