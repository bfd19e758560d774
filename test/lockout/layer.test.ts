import { beforeEach, describe, expect, it } from 'vitest'
import type { ClassifiedCall, Verdict } from '../../src/core/call.ts'
import { Keys } from '../../src/lockout/keys.ts'
import { lockout } from '../../src/lockout/layer.ts'
import { aCall, aClass, anExchange, aReply, aVerdict } from '../support/build.ts'
import { FakeClock } from '../support/fake-clock.ts'

const exchange = { ...anExchange, lockout: { failures: 5, pauseMs: 30_000 } }
let clock: FakeClock
let answers: Verdict[]
let sent: number

/** A call of that key through the layer; the exchange answers what comes next in `answers`, or ok. */
let ask: (credential?: string) => Promise<unknown>

beforeEach(() => {
  clock = new FakeClock()
  answers = []
  sent = 0
  const handle = lockout(new Keys(clock))(async (call: ClassifiedCall) => {
    sent += 1
    call.record.verdict = answers.shift() ?? aVerdict('ok')
    return aReply()
  })
  ask = (credential = 'key') =>
    handle({ ...aCall({ credential }), rule: aClass({ exchange }) }).catch((error: unknown) => error)
})

const refusals = (count: number): Verdict[] => Array.from({ length: count }, () => aVerdict('auth'))

describe('a key that the exchange keeps refusing', () => {
  it('rests after five refusals in a row, and twice as long with each further one', async () => {
    answers = refusals(7)
    for (let call = 0; call < 5; call += 1) await ask()
    expect(await ask()).toMatchObject({ code: 'key_stopped', retryAfterMs: 30_000 })
    expect(sent).toBe(5)
    clock.advance(30_000)
    await ask()
    expect(await ask()).toMatchObject({ code: 'key_stopped', retryAfterMs: 60_000 })
    expect(sent).toBe(6)
  })

  it('never rests longer than the lockout itself', async () => {
    answers = refusals(40)
    for (let call = 0; call < 30; call += 1) {
      await ask()
      clock.advance(15 * 60_000)
    }
    expect(sent).toBe(30)
  })

  it('is well again after one call that the exchange took', async () => {
    answers = [...refusals(4), aVerdict('ok'), ...refusals(4)]
    for (let call = 0; call < 10; call += 1) await ask()
    expect(sent).toBe(10)
  })

  it('does not count what is no fault of the key', async () => {
    answers = Array.from({ length: 10 }, (_, index) => aVerdict(index % 2 === 0 ? 'client' : 'throttled'))
    for (let call = 0; call < 10; call += 1) await ask()
    expect(sent).toBe(10)
  })

  it('silences no other key, and no call without one', async () => {
    answers = refusals(5)
    for (let call = 0; call < 6; call += 1) await ask()
    await ask('other')
    expect(sent).toBe(6)
  })

  it('rests at once, for as long as the exchange says, when it is locked out', async () => {
    answers = [{ ...aVerdict('banned'), pauseMs: 900_000 }]
    await ask()
    expect(await ask()).toMatchObject({ code: 'key_stopped', retryAfterMs: 900_000 })
  })
})
