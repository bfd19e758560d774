import { describe, expect, it } from 'vitest'
import type { Reply } from '../../src/core/call.ts'
import { BotLeft } from '../../src/core/departure.ts'
import { ERRORS, type ErrorCode, WeirError } from '../../src/core/errors.ts'
import { errorReply, PROXY_STATUS, rescue } from '../../src/rescue/layer.ts'
import { SECRET, sampleCall, sampleClock, sampleRules } from '../observe/samples.ts'

const layer = rescue(() => sampleRules(), sampleClock())

const header = (reply: Reply, name: string): string | undefined => {
  const at = reply.headers.findIndex((text, index) => index % 2 === 0 && text.toLowerCase() === name)
  return at < 0 ? undefined : reply.headers[at + 1]
}

const rescued = async (thrown: unknown, call = sampleCall({ class: 'kraken.private' })) => {
  const reply = await layer(() => Promise.reject(thrown))(call)
  return { reply, call, body: JSON.parse(String(reply.body)) as Record<string, unknown> }
}

describe('rescue', () => {
  it('hands on what went well, untouched', async () => {
    const reply: Reply = { status: 200, statusText: 'OK', headers: [], body: Buffer.alloc(0), trailers: undefined }
    const call = sampleCall()
    expect(await layer(async () => reply)(call)).toBe(reply)
    expect(call.record.error).toBeUndefined()
  })

  it('writes the decision, the code and the error itself into the record', async () => {
    const thrown = new WeirError('circuit_open')
    const { call } = await rescued(thrown)
    expect(call.record).toMatchObject({ decision: 'refused', error: 'circuit_open', thrown })
    expect((await rescued(new WeirError('upstream_timeout'))).call.record.decision).toBe('failed')
  })

  it('says in every body, beside the exchange’s words, who really spoke', async () => {
    const { body, reply } = await rescued(new WeirError('limit_reached', { message: 'kraken.private is spent' }))
    const { advice } = ERRORS.limit_reached
    expect(body).toEqual({
      error: ['EAPI:Rate limit exceeded'],
      weir: { code: 'limit_reached', message: 'kraken.private is spent', advice, call: 'call-1' },
    })
    expect(header(reply, 'content-type')).toBe('application/json')
    expect(header(reply, 'content-length')).toBe(String((reply.body as Buffer).length))
    expect(header(reply, 'cache-control')).toBe('no-store')
  })

  it('words a refusal by the class of the call', async () => {
    const orders = await rescued(new WeirError('limit_reached'), sampleCall({ class: 'kraken.orders' }))
    expect(orders.body.error).toEqual(['EOrder:Rate limit exceeded'])
  })

  it('says when to come back in whole seconds, rounded up, and only when that is known', async () => {
    expect(header((await rescued(new WeirError('limit_reached', { retryAfterMs: 3001 }))).reply, 'retry-after')).toBe(
      '4',
    )
    expect(header((await rescued(new WeirError('limit_reached', { retryAfterMs: 0 }))).reply, 'retry-after')).toBe('1')
    expect(header((await rescued(new WeirError('limit_reached'))).reply, 'retry-after')).toBeUndefined()
  })

  it('never asks to come back after a failure: some clients repeat whatever has Retry-After, orders too', async () => {
    const { reply } = await rescued(new WeirError('upstream_timeout', { retryAfterMs: 1000 }))
    expect(header(reply, 'retry-after')).toBeUndefined()
  })

  it.each([new Error(SECRET), new TypeError(SECRET), SECRET, undefined, { secret: SECRET }])(
    'tells nothing of a bug but that there is one (%#)',
    async (thrown) => {
      const { reply, body, call } = await rescued(thrown)
      expect(reply.status).toBe(500)
      expect(body.weir).toMatchObject({ code: 'internal', message: ERRORS.internal.when })
      expect(JSON.stringify([reply, body])).not.toContain(SECRET)
      expect(call.record).toMatchObject({ decision: 'failed', error: 'internal', thrown })
    },
  )

  it('takes a bot that hung up for neither a refusal nor a failure', async () => {
    const call = sampleCall()
    const reply = await layer(() => Promise.reject(new BotLeft()))(call)
    expect(reply.status).toBe(499)
    expect(call.record).toMatchObject({ decision: 'left', error: undefined })
  })

  it('answers for a host that no rule knows, in plain JSON', async () => {
    const { reply, body } = await rescued(new WeirError('host_not_allowed'), sampleCall({}, 'unknown.example'))
    expect(reply.status).toBe(403)
    expect(body).toMatchObject({ message: ERRORS.host_not_allowed.when, weir: { code: 'host_not_allowed' } })
  })
})

describe('Proxy-Status', () => {
  it.each(Object.keys(ERRORS) as ErrorCode[])('is a structured field of static text: %s', (code) => {
    // RFC 9651 §3.3.3: a string is printable ASCII; quotes and backslashes would need escapes.
    expect(PROXY_STATUS[code]).toMatch(/^weir; error=[a-z_]+; details="[\x20\x21\x23-\x5b\x5d-\x7e]+"$/)
    const reply = errorReply(new WeirError(code), { exchange: undefined, rule: undefined, wallMs: 0 }, 'call-1')
    expect(header(reply, 'proxy-status')).toBe(PROXY_STATUS[code])
  })
})
