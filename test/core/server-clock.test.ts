import fc from 'fast-check'
import { expect, it } from 'vitest'
import { ServerClocks } from '../../src/core/server-clock.ts'
import { FakeClock } from '../support/fake-clock.ts'

const HOST = 'api.exchange.coinbase.com'

/** One answer of an exchange whose clock is `skewMs` ahead, made somewhere on its way. */
const answer = (clock: FakeClock, clocks: ServerClocks, skewMs: number, outMs: number, backMs: number): void => {
  clock.advance(outMs)
  const date = new Date(Math.floor((clock.wall() + skewMs) / 1000) * 1000).toUTCString()
  clock.advance(backMs)
  clocks.observe(HOST, date, outMs + backMs)
}

it('never believes it to be earlier at the exchange than it is, and comes near', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: -60_000, max: 60_000 }),
      fc.array(fc.tuple(fc.nat(2000), fc.nat(300), fc.nat(300)), { minLength: 40, maxLength: 40 }),
      (skewMs, answers) => {
        const clock = new FakeClock()
        const clocks = new ServerClocks(clock)
        for (const [pause, outMs, backMs] of answers) {
          clock.advance(pause)
          answer(clock, clocks, skewMs, outMs, backMs)
          expect(clocks.latest(HOST)).toBeGreaterThanOrEqual(clock.wall() + skewMs)
        }
        expect((clocks.latest(HOST) ?? 0) - (clock.wall() + skewMs)).toBeLessThan(1_000)
      },
    ),
  )
})

it('knows nothing before the first answer, and nothing from a date that is none', () => {
  const clocks = new ServerClocks(new FakeClock())
  clocks.observe(HOST, 'yesterday', 10)
  expect(clocks.latest(HOST)).toBeUndefined()
})

it('starts anew when a clock was set', () => {
  const clock = new FakeClock()
  const clocks = new ServerClocks(clock)
  answer(clock, clocks, 0, 10, 10)
  clock.advance(5000)
  answer(clock, clocks, 30_000, 10, 10)
  expect(clocks.latest(HOST)).toBeGreaterThanOrEqual(clock.wall() + 30_000)
})
