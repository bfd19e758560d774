import { describe, expect, it } from 'vitest'
import { ERRORS, type ErrorCode, WeirError } from '../../src/core/errors.ts'
import { errorTable } from '../../src/rescue/error-table.ts'
import { type Listener, word } from '../../src/rescue/wording.ts'
import { HOSTS, sampleExchange } from '../observe/samples.ts'

const listener = (host: keyof typeof HOSTS, className: string): Listener => {
  const exchange = HOSTS[host]
  return { exchange, rule: exchange.classes.find(({ name }) => name === className), wallMs: 0 }
}

const say = (code: ErrorCode, host: keyof typeof HOSTS, className = 'private') =>
  word(new WeirError(code), listener(host, className))

describe('Kraken’s dialect', () => {
  it.each([
    ['private', 'EAPI:Rate limit exceeded'],
    ['public', 'EAPI:Rate limit exceeded'],
    ['orders', 'EOrder:Rate limit exceeded'],
    ['cancel', 'EOrder:Rate limit exceeded'],
  ])('tells a limit of class %s in a 200 as %s', (className, text) => {
    expect(say('limit_reached', 'api.kraken.com', className)).toEqual({ status: 200, fields: { error: [text] } })
  })

  it('tells a limit with the status that the operator wants', () => {
    const exchange = sampleExchange('kraken', 'kraken', 429)
    expect(word(new WeirError('queue_full'), { exchange, rule: undefined, wallMs: 0 }).status).toBe(429)
  })

  it('leaves statuses other than a limit’s to the table, whatever the operator wants for limits', () => {
    const exchange = sampleExchange('kraken', 'kraken', 429)
    expect(word(new WeirError('circuit_open'), { exchange, rule: undefined, wallMs: 0 }).status).toBe(503)
  })

  it('tells a nonce that came too late in a 200, as Kraken does', () => {
    expect(say('nonce_too_low', 'api.kraken.com')).toEqual({ status: 200, fields: { error: ['EAPI:Invalid nonce'] } })
  })

  it.each([
    ['circuit_open', 503],
    ['shutting_down', 503],
    ['upstream_unreachable', 502],
    ['upstream_timeout', 504],
  ] as const)('says EService:Unavailable with an honest status: %s', (code, status) => {
    expect(say(code, 'api.kraken.com')).toEqual({ status, fields: { error: ['EService:Unavailable'] } })
  })

  it('always has a list in `error`, never a bare string, which clients take apart letter by letter', () => {
    for (const code of Object.keys(ERRORS) as ErrorCode[]) {
      expect(say(code, 'api.kraken.com').fields).toEqual({ error: [expect.stringMatching(/^E[A-Z][A-Za-z]*:[A-Z]/)] })
    }
  })
})

describe('the dialect of Kraken Futures', () => {
  const wallMs = Date.UTC(2026, 10, 22, 12, 0, 5, 250)
  const futures = (code: ErrorCode, refusalStatus?: number) => {
    const exchange = sampleExchange('kraken_futures', 'kraken_futures', refusalStatus)
    return word(new WeirError(code), { exchange, rule: undefined, wallMs })
  }
  const fields = (error: string) => ({ result: 'error', serverTime: '2026-11-22T12:00:05.250Z', error })

  it('tells a limit in a 200, with the time, or with the status that the operator wants', () => {
    expect(futures('limit_reached')).toEqual({ status: 200, fields: fields('apiLimitExceeded') })
    expect(futures('limit_reached', 429)).toEqual({ status: 429, fields: fields('apiLimitExceeded') })
  })

  it.each([
    ['circuit_open', 503],
    ['upstream_unreachable', 502],
    ['upstream_timeout', 504],
  ] as const)('says Unavailable with an honest status: %s', (code, status) => {
    expect(futures(code, 429)).toEqual({ status, fields: fields('Unavailable') })
  })

  it('says nothing that is not in its closed list of errors', () => {
    const listed = ['apiLimitExceeded', 'authenticationError', 'invalidArgument', 'nonceBelowThreshold', 'Server Error']
    for (const code of Object.keys(ERRORS) as ErrorCode[]) {
      expect([...listed, 'Unavailable']).toContain(futures(code).fields.error)
    }
  })
})

describe('Coinbase’s dialects', () => {
  it('tells a limit of Advanced Trade in the fields that either of its APIs uses', () => {
    const { status, fields } = say('limit_reached', 'api.coinbase.com')
    expect(status).toBe(429)
    expect(fields).toMatchObject({ error: 'rate_limit_exceeded', errors: [{ id: 'rate_limit_exceeded' }] })
  })

  it('names no error that Coinbase does not know: clients take unknown names for final', () => {
    expect(say('circuit_open', 'api.coinbase.com').fields).toEqual({ message: ERRORS.circuit_open.when })
  })

  it('tells limits of Exchange in its documented sentences', () => {
    const host = 'api.exchange.coinbase.com'
    expect(say('limit_reached', host, 'private').fields).toEqual({ message: 'Private rate limit exceeded' })
    expect(say('limit_reached', host, 'public').fields).toEqual({ message: 'Public rate limit exceeded' })
  })
})

describe('the table of errors', () => {
  it('has a row for every code, with its status and Kraken’s words', () => {
    const rows = errorTable().trimEnd().split('\n').slice(2)
    expect(rows.map((row) => row.split('`')[1])).toEqual(Object.keys(ERRORS))
    expect(errorTable()).toContain('| `limit_reached` | 429 | 200 `EAPI:Rate limit exceeded` |')
  })
})
