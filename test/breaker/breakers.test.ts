import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type BreakerPorts, Breakers } from '../../src/breaker/breakers.ts'
import type { BreakerSnapshot } from '../../src/breaker/snapshot.ts'
import { OK } from '../../src/core/call.ts'
import { WeirError } from '../../src/core/errors.ts'
import type { WeirEvent } from '../../src/core/events.ts'
import type { BreakerRule } from '../../src/core/host-rules.ts'
import { aBreakerRule, aCall, aVerdict } from '../support/build.ts'
import { FakeClock, settled } from '../support/fake-clock.ts'

const HOST = 'api.kraken.com'
const OTHER = 'api.coinbase.com'
const FAILING = aVerdict('failing', { reason: 'http 502' })

/** Breakers of two hosts, and what they told. */
const setUp = (change: Partial<BreakerPorts> = {}, rule: Partial<BreakerRule> = {}) => {
  const clock = change.clock instanceof FakeClock ? change.clock : new FakeClock()
  const events: WeirEvent[] = []
  const hosts = new Map([HOST, OTHER].map((host) => [host, { breaker: aBreakerRule(rule) }]))
  const ports = { clock, chance: () => 0.5, observer: (event: WeirEvent) => events.push(event), hosts: () => hosts }
  const breakers = new Breakers({ ...ports, ...change })
  const trip = (): void => {
    for (let i = 0; i < 5; i += 1) breakers.admit(aCall()).report(FAILING, 10)
  }
  const refused = (call = aCall()): WeirError => {
    try {
      breakers.admit(call)
    } catch (error) {
      if (error instanceof WeirError) return error
      throw error
    }
    throw new Error('was admitted')
  }
  const stateOf = (host = HOST) => breakers.view().find((view) => view.host === host)?.state
  return { breakers, clock, events, hosts, trip, refused, stateOf }
}

describe('an open breaker', () => {
  it('refuses with the time that is really left', () => {
    const { trip, refused, clock } = setUp()
    trip()
    clock.advance(12_345)
    const call = aCall()
    expect(refused(call)).toMatchObject({ code: 'circuit_open', retryAfterMs: 17_655 })
    expect(call.record.breaker).toBe('open')
  })

  it('stops no other host', () => {
    const { trip, breakers, stateOf } = setUp()
    trip()
    breakers.admit(aCall({ host: OTHER })).report(OK, 10)
    expect(stateOf(OTHER)).toBe('closed')
    expect(stateOf()).toBe('open')
  })

  it('names no time when it was opened by hand, and holds until closed by hand', () => {
    const { breakers, refused, clock, stateOf } = setUp()
    expect(breakers.open(HOST)).toBe(true)
    clock.advance(1e9)
    expect(refused().retryAfterMs).toBeUndefined()
    expect(breakers.view()[0]).toMatchObject({ forced: true, reason: 'opened by hand' })
    breakers.close(HOST)
    expect(stateOf()).toBe('closed')
  })

  it('tells its opening to observers and to those who hold waiting calls', () => {
    const opened: unknown[] = []
    const { trip, events } = setUp({ onOpen: (host, ms) => opened.push([host, ms]) })
    trip()
    expect(opened).toEqual([[HOST, 30_000]])
    expect(events).toEqual([
      {
        type: 'breaker.changed',
        host: HOST,
        from: 'closed',
        to: 'open',
        reason: '5 failures in a row, last: http 502',
        openForMs: 30_000,
      },
    ])
  })
})

describe('a half-open breaker', () => {
  it('lets three reads through at a time and sends others away for a second, at once', () => {
    // cockatiel 4 makes the others wait for the probe, half a minute if need be.
    const { trip, breakers, clock, refused } = setUp()
    trip()
    clock.advance(30_000)
    const permits = [1, 2, 3].map(() => breakers.admit(aCall()))
    expect(refused()).toMatchObject({ code: 'circuit_open', retryAfterMs: 1_000 })
    permits[0]?.release()
    const call = aCall()
    breakers.admit(call)
    expect(call.record.breaker).toBe('half_open')
  })

  it('does not close on a probe whose bot hung up', () => {
    // cockatiel 4 takes it for a success.
    const { trip, breakers, clock, stateOf } = setUp({}, { successes: 1 })
    trip()
    clock.advance(30_000)
    breakers.admit(aCall()).release()
    expect(stateOf()).toBe('half_open')
  })

  it('takes the first word of a permit only', () => {
    const { trip, breakers, clock, stateOf } = setUp({}, { successes: 2 })
    trip()
    clock.advance(30_000)
    const permit = breakers.admit(aCall())
    permit.report(OK, 10)
    permit.report(OK, 10)
    permit.release()
    expect(stateOf()).toBe('half_open')
  })

  it('never probes with anything but a read, and asks for a probe instead, one at a time', async () => {
    const asked: (() => void)[] = []
    const wantProbe = () => new Promise<void>((resolve) => asked.push(resolve))
    const { trip, clock, refused } = setUp({ wantProbe })
    trip()
    clock.advance(30_000)
    for (const kind of ['order', 'cancel', 'write'] as const) {
      expect(refused(aCall({ kind }))).toMatchObject({ code: 'circuit_open', retryAfterMs: 1_000 })
    }
    await settled()
    expect(asked).toHaveLength(1)
    asked[0]?.()
    await settled()
    refused(aCall({ kind: 'order' }))
    await settled()
    expect(asked).toHaveLength(2)
  })

  it('goes on asking for probes while they are served, until it closes', async () => {
    let asked = 0
    const kit = setUp({
      wantProbe: async (host) => {
        asked += 1
        kit.breakers.admit(aCall({ host })).report(OK, 10)
      },
    })
    kit.trip()
    kit.clock.advance(30_000)
    kit.refused(aCall({ kind: 'order' }))
    await settled()
    expect(asked).toBe(3)
    expect(kit.stateOf()).toBe('closed')
  })

  it('survives a probe that throws, and one that never ends', async () => {
    let asked = 0
    const never = new Promise<void>(() => {})
    const wantProbe = () => {
      asked += 1
      if (asked === 1) throw new Error('no probe is configured')
      return never
    }
    const { trip, clock, refused } = setUp({ wantProbe })
    trip()
    clock.advance(30_000)
    for (let i = 0; i < 3; i += 1) {
      refused(aCall({ kind: 'order' }))
      await settled()
    }
    expect(asked).toBe(2)
    clock.advance(20_000)
    refused(aCall({ kind: 'order' }))
    await settled()
    expect(asked).toBe(3)
  })
})

describe('across restarts', () => {
  it('stays open for the rest of its time, on the wall clock', () => {
    const written = new Map<string, BreakerSnapshot>()
    const before = setUp({ journal: { write: (host, snapshot) => written.set(host, snapshot) } })
    before.trip()
    before.clock.advance(10_000)
    const kept: BreakerSnapshot = JSON.parse(JSON.stringify(written.get(HOST)))
    const after = setUp({ clock: new FakeClock(5, before.clock.wall() + 8_000) })
    after.breakers.restore(HOST, kept)
    expect(after.refused().retryAfterMs).toBe(12_000)
    expect(after.breakers.view()[0]).toMatchObject({ history: before.breakers.view()[0]?.history })
    after.clock.advance(12_000)
    expect(after.stateOf()).toBe('half_open')
  })

  it('is half open when its time ran out while weir was down', () => {
    const before = setUp()
    before.trip()
    const kept = before.breakers.snapshot(HOST)
    if (kept === undefined) throw new Error('nothing kept')
    const after = setUp({ clock: new FakeClock(0, before.clock.wall() + 3_600_000) })
    after.breakers.restore(HOST, kept)
    expect(after.stateOf()).toBe('half_open')
    expect(after.events).toMatchObject([{ from: 'open', to: 'half_open' }])
  })

  it('is not open for longer than it was when the date was set back meanwhile', () => {
    const before = setUp()
    before.trip()
    const kept = before.breakers.snapshot(HOST)
    if (kept === undefined) throw new Error('nothing kept')
    const after = setUp({ clock: new FakeClock(0, before.clock.wall() - 86_400_000) })
    after.breakers.restore(HOST, kept)
    expect(after.refused().retryAfterMs).toBe(30_000)
  })

  it('still counts the violations of before, and stays shut where a hand shut it', () => {
    const before = setUp()
    for (let i = 0; i < 9; i += 1) before.breakers.admit(aCall()).report(aVerdict('throttled'), 10)
    before.breakers.open(OTHER)
    const after = setUp({ clock: new FakeClock(0, before.clock.wall() + 5_000) })
    for (const host of [HOST, OTHER]) {
      after.breakers.restore(host, JSON.parse(JSON.stringify(before.breakers.snapshot(host))))
    }
    expect(after.stateOf(OTHER)).toBe('open')
    after.breakers.admit(aCall()).report(aVerdict('throttled'), 10)
    expect(after.refused().retryAfterMs).toBe(300_000)
  })

  it('writes violations at once, and nothing for calls that go well', () => {
    let written = 0
    const { breakers } = setUp({ journal: { write: () => (written += 1) } })
    for (let i = 0; i < 10; i += 1) breakers.admit(aCall()).report(OK, 10)
    expect(written).toBe(0)
    breakers.admit(aCall()).report(aVerdict('throttled'), 10)
    expect(written).toBe(1)
  })

  it('goes on without a journal that fails', () => {
    const full = () => {
      throw new Error('disk full')
    }
    const { trip, stateOf, events } = setUp({ journal: { write: full } })
    trip()
    expect(stateOf()).toBe('open')
    expect(events[0]).toMatchObject({ type: 'observer.failed' })
  })
})

it('keeps its state when new numbers are loaded', () => {
  const { breakers, hosts, refused } = setUp()
  for (let i = 0; i < 2; i += 1) breakers.admit(aCall()).report(FAILING, 10)
  hosts.set(HOST, { breaker: aBreakerRule({ failures: 3 }) })
  breakers.admit(aCall()).report(FAILING, 10)
  expect(refused().code).toBe('circuit_open')
})

it('shows the window as it is now, also when nobody calls any more', () => {
  const { breakers, clock } = setUp()
  breakers.admit(aCall()).report(OK, 9_000)
  breakers.admit(aCall()).report(FAILING, 10)
  expect(breakers.view()[0]).toMatchObject({ failures: 1, window: { calls: 2, failed: 1, slow: 1 } })
  clock.advance(60_000)
  expect(breakers.view()[0]?.window).toEqual({ calls: 0, failed: 0, slow: 0 })
})

it('remembers the last hundred changes of a host', () => {
  const { breakers } = setUp()
  for (let i = 0; i < 80; i += 1) {
    breakers.open(HOST)
    breakers.close(HOST)
  }
  expect(breakers.view()[0]?.history).toHaveLength(100)
  expect(breakers.view()[0]?.history.at(-1)).toMatchObject({ to: 'closed', reason: 'closed by hand' })
})

it('shows every host of the rules, and knows no other', () => {
  const { breakers, refused } = setUp()
  expect(breakers.view().map(({ host }) => host)).toEqual([HOST, OTHER])
  expect(breakers.open('example.com')).toBe(false)
  expect(refused(aCall({ host: 'example.com' })).code).toBe('host_not_allowed')
})

it('never has more than its probes in flight, and never a call while open (property)', () => {
  const move = fc.oneof(
    fc.record({ does: fc.constant('begin' as const), read: fc.boolean() }),
    fc.record({ does: fc.constantFrom('ok', 'failing', 'throttled', 'release'), which: fc.nat(20) }),
    fc.record({ does: fc.constant('pass' as const), ms: fc.nat(40_000) }),
  )
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 4 }), fc.array(move, { maxLength: 120 }), (probes, moves) => {
      const { breakers, clock, stateOf } = setUp({}, { probes, failures: 2 })
      let flying: { permit: ReturnType<Breakers['admit']>; since: number; probe: boolean }[] = []
      for (const what of moves) {
        const state = stateOf()
        if (what.does === 'pass' && 'ms' in what) clock.advance(what.ms)
        else if (what.does === 'begin' && 'read' in what) {
          const call = aCall({ kind: what.read ? 'read' : 'order' })
          try {
            const permit = breakers.admit(call)
            expect(state).not.toBe('open')
            if (state === 'half_open') expect(what.read).toBe(true)
            flying.push({ permit, since: clock.now(), probe: state === 'half_open' })
          } catch (error) {
            expect(error).toMatchObject({ code: 'circuit_open' })
            expect(state).not.toBe('closed')
          }
        } else if ('which' in what) {
          const one = flying[what.which % Math.max(1, flying.length)]
          if (one === undefined) continue
          if (what.does === 'release') one.permit.release()
          else one.permit.report(aVerdict(what.does as 'ok'), 10)
          flying = flying.filter((other) => other !== one)
        }
        // A probe whose time is up has failed; what is left of it flies on its own account.
        const since = clock.now() - 20_000
        if (stateOf() !== 'half_open') for (const one of flying) one.probe = false
        expect(flying.filter((one) => one.probe && one.since > since).length).toBeLessThanOrEqual(probes)
      }
    }),
  )
})
