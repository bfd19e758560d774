import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type BreakerPorts, Breakers } from '../../src/breaker/breakers.ts'
import { breaker } from '../../src/breaker/layer.ts'
import type { BreakerFleet, BreakerNews } from '../../src/breaker/news.ts'
import { type ClassifiedCall, OK, type Verdict } from '../../src/core/call.ts'
import { WeirError } from '../../src/core/errors.ts'
import type { BreakerRule } from '../../src/core/host-rules.ts'
import { aBreakerRule, aCall, aReply, aVerdict, forwarded } from '../support/build.ts'
import { FakeClock } from '../support/fake-clock.ts'

const HOST = 'api.kraken.com'
const FAILING = aVerdict('failing', { reason: 'http 502' })
const TOO_MANY = aVerdict('throttled', { reason: 'http 429', hostWide: true, pauseMs: 40_000 })

/** Weirs that hear each other at once, and of which one at a time may probe. */
class Bus {
  readonly clock = new FakeClock()
  readonly said: BreakerNews[] = []
  claims = 0
  readonly #weirs: Breakers[] = []
  /** Whether news arrive. */
  reaches = (): boolean => true
  #prober: number | undefined

  weir(rule: Partial<BreakerRule> = {}, ports: Partial<BreakerPorts> = {}): Breakers {
    const me = this.#weirs.length
    const hosts = new Map([[HOST, { breaker: aBreakerRule(rule) }]])
    const fleet: BreakerFleet = {
      tell: (host, news) => {
        this.said.push(news)
        for (const [index, weir] of this.#weirs.entries()) if (index !== me && this.reaches()) weir.hear(host, news)
      },
      claim: async () => {
        this.claims += 1
        this.#prober ??= me
        return this.#prober === me
      },
      yield: () => {
        if (this.#prober === me) this.#prober = undefined
      },
    }
    const given = { clock: this.clock, chance: () => 0.5, observer: () => {}, hosts: () => hosts, fleet }
    const weir = new Breakers({ ...given, ...ports })
    this.#weirs.push(weir)
    return weir
  }

  states(): readonly (string | undefined)[] {
    return this.#weirs.map((weir) => weir.view()[0]?.state)
  }
}

const call = (weir: Breakers, verdict: Verdict, unheard?: 'unheard'): void =>
  weir.admit(aCall()).report(verdict, 10, unheard)

const failing = (weir: Breakers, times: number, unheard?: 'unheard'): void => {
  for (let i = 0; i < times; i += 1) call(weir, FAILING, unheard)
}

/** A read down the layer of one weir. */
const read = (weir: Breakers, verdict: Verdict = OK): Promise<string> =>
  breaker(weir)(async ({ record }: ClassifiedCall) => {
    forwarded(record, verdict, 10)
    return aReply()
  })(aCall()).then(
    () => 'passed',
    (error: unknown) => (error instanceof WeirError ? error.code : 'a bug'),
  )

describe('what is told', () => {
  it('an opening that the exchange itself has caused: for the time that is left, and at the same level', () => {
    for (const [verdict, times, openForMs, cause] of [
      [FAILING, 5, 30_000, 'failures'],
      [TOO_MANY, 1, 40_000, 'limit'],
    ] as const) {
      const bus = new Bus()
      const [one, other] = [bus.weir(), bus.weir()]
      for (let i = 0; i < times; i += 1) call(one, verdict)
      expect(bus.said).toEqual([{ state: 'open', cause, reason: expect.any(String), openForMs, level: 1 }])
      expect(bus.states()).toEqual(['open', 'open'])
      expect(other.view()[0]).toMatchObject({ openForMs, reason: `${bus.said[0]?.reason} (seen by another weir)` })
    }
  })

  it('no silence, no slowness and no bot that gave up: the next weir may have a better way', () => {
    const bus = new Bus()
    const [one] = [bus.weir({ slowCallMs: 1_000 }), bus.weir()]
    failing(one, 5, 'unheard')
    expect(bus.states()).toEqual(['open', 'closed'])
    one.reset(HOST)
    for (let i = 0; i < 10; i += 1) one.admit(aCall({ path: `/${i}` })).report(OK, 9_000)
    expect(bus.states()).toEqual(['open', 'closed'])
    one.reset(HOST)
    for (let i = 0; i < 5; i += 1) one.admit(aCall()).abandon(9_000)
    expect(bus.states()).toEqual(['open', 'closed'])
    expect(bus.said).toEqual([])
  })

  it('that an opening lasts longer than was told', () => {
    const bus = new Bus()
    const [one, other] = [bus.weir(), bus.weir()]
    const slow = one.admit(aCall())
    call(one, aVerdict('throttled', { hostWide: true, pauseMs: 31_000 }))
    slow.report(aVerdict('throttled', { hostWide: true, pauseMs: 90_000 }), 10)
    expect(other.view()[0]?.openForMs).toBe(90_000)
    expect(other.view()[0]?.history).toHaveLength(1)
  })

  it('what a hand does, and it holds until a hand undoes it, at whichever weir', () => {
    const bus = new Bus()
    const [one, other] = [bus.weir(), bus.weir()]
    one.open(HOST)
    bus.clock.advance(1e9)
    expect(other.view()[0]).toMatchObject({ state: 'open', forced: true })
    other.close(HOST)
    expect(bus.states()).toEqual(['closed', 'closed'])
  })

  it('nothing that was only heard: news go round once', () => {
    const bus = new Bus()
    const [one] = [bus.weir(), bus.weir(), bus.weir()]
    failing(one, 5)
    expect(bus.said).toHaveLength(1)
    expect(bus.states()).toEqual(['open', 'open', 'open'])
  })
})

describe('a half-open breaker of several weirs', () => {
  it('is probed by one of them, and closes for all', async () => {
    const bus = new Bus()
    const [one, other] = [bus.weir(), bus.weir()]
    failing(one, 5)
    bus.clock.advance(30_000)
    expect(await read(other)).toBe('passed')
    expect([await read(one), await read(one)]).toEqual(['circuit_open', 'circuit_open'])
    expect(bus.states()).toEqual(['half_open', 'half_open'])
    expect([await read(other), await read(other)]).toEqual(['passed', 'passed'])
    expect(bus.states()).toEqual(['closed', 'closed'])
    expect(bus.said.at(-1)).toEqual({ state: 'closed', reason: 'probes served' })
  })

  it('opens again for all when the exchange still fails', async () => {
    const bus = new Bus()
    const [one, other] = [bus.weir(), bus.weir()]
    failing(one, 5)
    bus.clock.advance(30_000)
    await read(one, FAILING)
    expect(bus.states()).toEqual(['open', 'open'])
    expect(other.view()[0]?.openForMs).toBe(60_000)
  })

  it('is left to the others by a prober whose own way fails', async () => {
    const bus = new Bus()
    const [one, other] = [bus.weir({ successes: 1 }), bus.weir({ successes: 1 })]
    failing(one, 5)
    bus.clock.advance(30_000)
    await one.claim(aCall())
    one.admit(aCall()).report(FAILING, 10, 'unheard')
    expect(bus.states()).toEqual(['open', 'half_open'])
    expect(await read(other)).toBe('passed')
    // Its own trouble is its own to try again.
    expect(bus.states()).toEqual(['open', 'closed'])
  })

  it('is left to the others by a prober that does not finish', async () => {
    const bus = new Bus()
    const [one, other] = [bus.weir(), bus.weir()]
    failing(one, 5)
    bus.clock.advance(30_000)
    await one.claim(aCall())
    one.admit(aCall())
    bus.clock.advance(20_000)
    expect(bus.states()).toEqual(['open', 'half_open'])
    expect(await read(other)).toBe('passed')
  })

  it('is asked about by reads only, and only while it is', async () => {
    const bus = new Bus()
    const [one] = [bus.weir(), bus.weir()]
    expect(one.claim(aCall())).toBeUndefined()
    failing(one, 5)
    expect(one.claim(aCall())).toBeUndefined()
    bus.clock.advance(30_000)
    expect(one.claim(aCall({ kind: 'order' }))).toBeUndefined()
    await one.claim(aCall())
    expect(one.claim(aCall())).toBeUndefined()
  })

  it('is claimed once by the many reads that come while the claim is under way', async () => {
    const bus = new Bus()
    const [one] = [bus.weir(), bus.weir()]
    failing(one, 5)
    bus.clock.advance(30_000)
    const answers = await Promise.all(Array.from({ length: 50 }, () => read(one)))
    expect(bus.claims).toBe(1)
    expect(answers.filter((answer) => answer === 'passed').length).toBeGreaterThan(0)
    expect(one.claim(aCall())).toBeUndefined()
  })

  it('is probed by each for itself when its opening was its own', async () => {
    const bus = new Bus()
    const [one, other] = [bus.weir(), bus.weir()]
    for (const weir of [one, other]) failing(weir, 5, 'unheard')
    bus.clock.advance(30_000)
    expect([await read(one), await read(other)]).toEqual(['passed', 'passed'])
  })
})

describe('after a restart', () => {
  it('an opening of the fleet is one still, and its end is heard', () => {
    const bus = new Bus()
    const one = bus.weir()
    failing(one, 5)
    const kept = JSON.parse(JSON.stringify(one.snapshot(HOST)))
    const again = bus.weir()
    again.restore(HOST, kept)
    expect(again.view()[0]).toMatchObject({ state: 'open', openForMs: 30_000 })
    one.close(HOST)
    expect(again.view()[0]?.state).toBe('closed')
  })

  it('trouble of its own is its own still, and does not end with that of the others', () => {
    const bus = new Bus()
    const one = bus.weir()
    failing(one, 5, 'unheard')
    const again = bus.weir()
    again.restore(HOST, JSON.parse(JSON.stringify(one.snapshot(HOST))))
    again.hear(HOST, { state: 'closed', reason: 'probes served' })
    expect(again.view()[0]?.state).toBe('open')
  })
})

describe("weirs that miss some of each other's news", () => {
  it('are all closed again soon after the exchange is well, and news do not go round in circles', async () => {
    const verdicts = [OK, FAILING, TOO_MANY, aVerdict('throttled')] as const
    const step = fc.record({
      weir: fc.nat(2),
      verdict: fc.constantFrom(...verdicts),
      unheard: fc.boolean(),
      passMs: fc.constantFrom(0, 10, 5_000, 40_000),
      reaches: fc.boolean(),
    })
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 40 }), async (steps) => {
        const bus = new Bus()
        const weirs = [bus.weir(), bus.weir(), bus.weir()]
        for (const { weir: index, verdict, unheard, passMs, reaches } of steps) {
          bus.clock.advance(passMs)
          bus.reaches = () => reaches
          const weir = weirs[index] ?? bus.weir()
          const claiming = weir.claim(aCall())
          if (claiming !== undefined) await claiming
          try {
            weir.admit(aCall()).report(verdict, 10, unheard && verdict === FAILING ? 'unheard' : undefined)
          } catch (error) {
            if (!(error instanceof WeirError)) throw error
          }
        }
        // One change is one piece of news at most, and no weir changes for its own news.
        expect(bus.said.length).toBeLessThanOrEqual(2 * steps.length)
        bus.reaches = () => true
        for (let round = 0; round < 30; round += 1) {
          bus.clock.advance(30_000)
          for (const weir of weirs) await read(weir)
        }
        expect(bus.states().slice(0, 3)).toEqual(['closed', 'closed', 'closed'])
      }),
      { numRuns: 200 },
    )
  })
})
