import { describe, expect, it } from 'vitest'
import { Breakers } from '../../src/breaker/breakers.ts'
import { breaker } from '../../src/breaker/layer.ts'
import type { ClassifiedCall, Reply, Verdict } from '../../src/core/call.ts'
import { BotLeft } from '../../src/core/departure.ts'
import { type ErrorCode, WeirError } from '../../src/core/errors.ts'
import { aBreakerRule, aCall, aReply, aVerdict, forwarded } from '../support/build.ts'
import { FakeClock } from '../support/fake-clock.ts'

const HOST = 'api.kraken.com'

/** The layer over a `next` that answers as told. */
const setUp = (next: (call: ClassifiedCall) => Promise<Reply>) => {
  const clock = new FakeClock()
  const hosts = new Map([[HOST, { breaker: aBreakerRule() }]])
  const breakers = new Breakers({ clock, chance: () => 0.5, observer: () => {}, hosts: () => hosts })
  const state = () => breakers.view()[0]?.state
  return { handle: breaker(breakers)(next), breakers, clock, state }
}

const answering =
  (verdict: Verdict, upstreamMs = 10) =>
  async (call: ClassifiedCall) => {
    forwarded(call.record, verdict, upstreamMs)
    return aReply()
  }

const throwing = (error: () => unknown) => async (): Promise<Reply> => {
  throw error()
}

const tenTimes = async (handle: (call: ClassifiedCall) => Promise<Reply>, call = () => aCall()): Promise<void> => {
  for (let i = 0; i < 10; i += 1) await handle(call()).catch(() => {})
}

describe('the breaker layer', () => {
  it('learns from the verdict, not from the status', async () => {
    const { handle, state } = setUp(answering(aVerdict('failing')))
    await tenTimes(handle)
    expect(state()).toBe('open')
    await expect(handle(aCall())).rejects.toMatchObject({ code: 'circuit_open', retryAfterMs: 30_000 })
  })

  it('learns slowness from the time that was measured upstream', async () => {
    const { handle, state } = setUp(answering(aVerdict('ok'), 9_000))
    await tenTimes(handle)
    expect(state()).toBe('open')
  })

  it('opens when the exchange can not be reached, or does not answer', async () => {
    for (const code of ['upstream_unreachable', 'upstream_timeout'] as const) {
      const { handle, state } = setUp(throwing(() => new WeirError(code)))
      await tenTimes(handle)
      expect(state()).toBe('open')
    }
  })

  it('blames the host for no refusal of weir, no hang-up and no bug', async () => {
    const codes: ErrorCode[] = ['limit_reached', 'queue_full', 'deadline_too_short', 'nonce_too_low', 'shutting_down']
    const errors = [...codes.map((code) => () => new WeirError(code)), () => new BotLeft(), () => new Error('a bug')]
    for (const error of errors) {
      const { handle, state } = setUp(throwing(error))
      await tenTimes(handle)
      expect(state()).toBe('closed')
    }
  })

  it('does not blame the host when the bot had left', async () => {
    const { handle, state } = setUp(throwing(() => new WeirError('upstream_unreachable')))
    await tenTimes(handle, () => {
      const call = aCall()
      call.presence.leave()
      return call
    })
    expect(state()).toBe('closed')
  })

  it('hands the permit of a half-open breaker back after a refusal further in', async () => {
    let refuse = false
    const { handle, clock, state, breakers } = setUp(async (call) => {
      if (refuse) throw new WeirError('queue_full')
      return answering(aVerdict('failing'))(call)
    })
    await tenTimes(handle)
    clock.advance(30_000)
    refuse = true
    await tenTimes(handle)
    expect(state()).toBe('half_open')
    expect(() => [1, 2, 3].map(() => breakers.admit(aCall()))).not.toThrow()
  })

  it('says "open" of a call that was sent away while it waited', async () => {
    const { handle } = setUp(throwing(() => new WeirError('circuit_open', { retryAfterMs: 30_000 })))
    const call = aCall()
    await expect(handle(call)).rejects.toMatchObject({ code: 'circuit_open' })
    expect(call.record.breaker).toBe('open')
  })
})

describe('a bot that gives up', () => {
  // Bots mostly give up after ten seconds, weir after thirty: a host that hung was never noticed.
  const givingUp =
    (afterMs: number) =>
    async (call: ClassifiedCall): Promise<Reply> => {
      call.record.sent = 'unknown'
      call.record.upstreamMs = afterMs
      call.presence.leave()
      throw new BotLeft()
    }

  it('counts against a host that let it wait for long', async () => {
    const { handle, state } = setUp(givingUp(aBreakerRule().slowCallMs))
    await tenTimes(handle)
    expect(state()).toBe('open')
  })

  it('is believed to be impatient when it waited for a moment only', async () => {
    const { handle, state } = setUp(givingUp(200))
    await tenTimes(handle)
    expect(state()).toBe('closed')
  })
})
