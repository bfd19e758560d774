import { beforeEach, describe, expect, it } from 'vitest'
import type { ClassifiedCall, Verdict } from '../../src/core/call.ts'
import { Keys } from '../../src/lockout/keys.ts'
import { lockout } from '../../src/lockout/layer.ts'
import { aCall, aClass, anExchange, aReply, aVerdict } from '../support/build.ts'
import { krakenKey } from '../support/exchange/keys.ts'
import { FakeClock } from '../support/fake-clock.ts'
import { openScene } from '../support/virtual/scene.ts'
import { shippedBut } from '../support/virtual/settings.ts'
import { krakenPoster } from '../system/sign.ts'

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

  // Of two calls under way, one was told of the lockout and the other was served: the key was taken for well again.
  it('rests on when a call that left before the lockout ends well', async () => {
    const keys = new Keys(clock)
    keys.report('key', { ...aVerdict('banned'), pauseMs: 900_000 }, exchange.lockout)
    keys.report('key', aVerdict('ok'), exchange.lockout)
    keys.report('key', aVerdict('auth'), exchange.lockout)
    expect(keys.resting()).toEqual([{ credential: 'key', reason: 'banned', restsForMs: 900_000 }])
  })

  it('counts the refusals that come while it rests', async () => {
    const keys = new Keys(clock)
    for (const verdict of refusals(8)) keys.report('key', verdict, exchange.lockout)
    expect(keys.resting()).toMatchObject([{ restsForMs: 240_000 }])
    keys.report('key', { ...aVerdict('banned'), pauseMs: 900_000 }, exchange.lockout)
    // Five and these two; the next is the eighth, and costs eight times the pause.
    for (const verdict of refusals(2)) keys.report('key', verdict, exchange.lockout)
    expect(keys.resting()).toEqual([{ credential: 'key', reason: 'banned', restsForMs: 900_000 }])
    clock.advance(900_000)
    keys.report('key', aVerdict('auth'), exchange.lockout)
    expect(keys.resting()).toMatchObject([{ reason: 'auth', restsForMs: 240_000 }])
  })

  // Calls that stood in line when the lockout came went on to the exchange one after the other, and each prolonged it.
  it('sends nothing more of what waited when it was locked out', async () => {
    const kraken = { lockout: { after: 3, forMs: 900_000 } }
    const scene = openScene({ config: shippedBut('kraken', '6s'), exchange: { kraken } })
    const key = scene.exchange.krakenKey('locked')
    const signedWith = (secret: string) => krakenPoster({ ...key, secret }, () => scene.clock.wall())
    const [post, forge] = [signedWith(key.secret), signedWith(krakenKey('another').secret)]
    for (let call = 0; call < 3; call += 1) await scene.clock.until(scene.way(forge('Balance'), 'bot'))
    const order = { pair: 'XBTUSD', type: 'buy', ordertype: 'limit', volume: '1', price: '1000' }
    const told = await scene.clock.until(Promise.all([1, 2, 3].map(() => scene.way(post('AddOrder', order), 'bot'))))
    for (const { json } of told) expect(json).toMatchObject({ error: ['EGeneral:Temporary lockout'] })
    expect(told.map(({ error }) => error)).toEqual([undefined, 'key_stopped', 'key_stopped'])
    expect(scene.exchange.journal.calls).toHaveLength(4)
  })
})

describe('rests that are written down', () => {
  let text: string | undefined
  const journal = {
    load: () => text,
    save: (written: string) => {
      text = written
    },
  }
  const restart = (): Keys => new Keys(clock, journal)
  beforeEach(() => {
    text = undefined
  })

  // A weir that was started anew sent the orders of a key that Kraken had locked out.
  it('go on over a restart for what is left of them', () => {
    const keys = restart()
    keys.report('locked', { ...aVerdict('banned'), pauseMs: 900_000 }, exchange.lockout)
    clock.advance(60_000)
    for (const verdict of refusals(5)) keys.report('refused', verdict, exchange.lockout)
    clock.advance(10_000)
    const second = restart()
    expect(second.resting()).toEqual([
      { credential: 'locked', reason: 'banned', restsForMs: 830_000 },
      { credential: 'refused', reason: 'auth', restsForMs: 20_000 },
    ])
    expect(() => second.admit('locked')).toThrow('banned')
    clock.advance(830_000)
    expect(restart().resting()).toEqual([])
  })

  // A weir that found the rests of another version did not start.
  it.each([
    '',
    'null',
    '[]',
    '{"resting":{}}',
    '{"atWallMs":"now","resting":[]}',
    '{"atWallMs":9e15,"resting":[null]}',
    '{"atWallMs":9e15,"resting":[{"credential":"key","leftMs":900000}]}',
  ])('are none where another version wrote %s', (written) => {
    text = written
    expect(restart().resting()).toEqual([])
  })

  it('are forgotten when they end before their time', () => {
    const keys = restart()
    for (const verdict of refusals(5)) keys.report('key', verdict, exchange.lockout)
    expect(restart().resting()).toHaveLength(1)
    keys.report('key', aVerdict('ok'), exchange.lockout)
    expect(restart().resting()).toEqual([])
  })

  it('last no longer for a date that was set back', () => {
    restart().report('key', { ...aVerdict('banned'), pauseMs: 900_000 }, exchange.lockout)
    clock.setWall(clock.wall() - 24 * 3_600_000)
    expect(restart().resting()).toMatchObject([{ restsForMs: 900_000 }])
  })
})
