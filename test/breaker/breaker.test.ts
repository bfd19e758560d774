import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { backoff, elapse, type Fact, livedDown, step } from '../../src/breaker/breaker.ts'
import { type Health, newHealth } from '../../src/breaker/health.ts'
import type { Verdict } from '../../src/core/call.ts'
import { OK } from '../../src/core/call.ts'
import type { BreakerRule } from '../../src/core/host-rules.ts'
import { aBreakerRule, aVerdict } from '../support/build.ts'

const FAILING = aVerdict('failing', { reason: 'http 502' })
const THROTTLED = aVerdict('throttled', { reason: 'http 429' })
const minutes = (n: number): number => n * 60_000

/** Drives the pure machine: a clock, a state, and calls that begin and end. */
class Host {
  health: Health = newHealth(0)
  now = 0
  rule: BreakerRule
  chance = 0.5
  #probe = 0

  constructor(rule: Partial<BreakerRule> = {}) {
    this.rule = aBreakerRule(rule)
  }

  pass(ms: number): this {
    this.now += ms
    for (let next = this.#elapsed(); next !== this.health; next = this.#elapsed()) this.health = next
    return this
  }

  tell(fact: Fact): void {
    this.health = step(this.health, fact, this.#terms())
  }

  begin(): (verdict: Verdict, tookMs?: number, shape?: string) => void {
    const pass = { epoch: this.health.epoch, probe: this.health.kind === 'half_open' ? ++this.#probe : undefined }
    if (pass.probe !== undefined) this.tell({ type: 'probe.began', probe: pass.probe })
    return (verdict, tookMs = 10, shape = 'GET /a') => this.tell({ type: 'answered', pass, verdict, shape, tookMs })
  }

  answer(verdict: Verdict, tookMs = 10, shape = 'GET /a'): void {
    this.begin()(verdict, tookMs, shape)
  }

  answers(n: number, verdict: Verdict): this {
    for (let i = 0; i < n; i += 1) this.answer(verdict)
    return this
  }

  openFor(): number {
    if (this.health.kind !== 'open') throw new Error(`not open but ${this.health.kind}`)
    return this.health.until - this.now
  }

  #terms() {
    return { rule: this.rule, now: this.now, chance: () => this.chance }
  }

  #elapsed(): Health {
    return elapse(this.health, this.#terms())
  }
}

describe('a run of failures', () => {
  it('opens after five without a success, whatever the calls were', () => {
    const host = new Host().answers(4, FAILING)
    expect(host.health.kind).toBe('closed')
    host.answer(FAILING)
    expect(host.health).toMatchObject({
      kind: 'open',
      cause: 'failures',
      reason: '5 failures in a row, last: http 502',
    })
    expect(host.openFor()).toBe(30_000)
  })

  it('opens at one call per second and at one call per hour: no minimum rate is implied', () => {
    // cockatiel 4's time-window breaker wants ten calls a second by default and stays closed through a minute of failures.
    for (const every of [1_000, minutes(60)]) {
      const host = new Host()
      for (let i = 0; i < 5; i += 1) host.pass(every).answer(FAILING)
      expect(host.health.kind).toBe('open')
    }
  })

  it('starts over after a success, and after an answer that blames the bot', () => {
    for (const healthy of [OK, aVerdict('client'), aVerdict('auth')]) {
      const host = new Host().answers(4, FAILING)
      host.answer(healthy)
      host.answers(4, FAILING)
      expect(host.health.kind).toBe('closed')
    }
  })

  it('is neither lengthened nor ended by the limit of one key', () => {
    const host = new Host().answers(4, FAILING).answers(3, THROTTLED)
    expect(host.health.kind).toBe('closed')
    host.answer(FAILING)
    expect(host.health.kind).toBe('open')
  })

  it('opens for as long as any failing answer of the run asked for', () => {
    const host = new Host()
    host.answer(aVerdict('failing', { pauseMs: 120_000 }))
    host.pass(20_000).answers(4, FAILING)
    expect(host.openFor()).toBe(100_000)
  })
})

describe('the failure rate', () => {
  it('opens over mixed traffic when more than one shape of request fails', () => {
    const host = new Host({ failures: 100 })
    for (let i = 0; i < 5; i += 1) {
      host.answer(OK)
      host.answer(FAILING, 10, i % 2 ? 'GET /a' : 'GET /b')
    }
    expect(host.health).toMatchObject({ kind: 'open', reason: '5 of 10 calls failed, last: http 502' })
  })

  it('never opens on one poisonous request, however often it fails', () => {
    // A pair list too long for the exchange answers 520 every time, while all other calls are served.
    const host = new Host()
    for (let i = 0; i < 500; i += 1) {
      host.pass(50).answers(4, FAILING)
      host.answer(OK, 10, 'GET /b')
    }
    expect(host.health.kind).toBe('closed')
  })

  it('is not computed under the minimum of calls', () => {
    const host = new Host({ failures: 100 })
    for (let i = 0; i < 9; i += 1) host.answer(FAILING, 10, `GET /${i}`)
    expect(host.health.kind).toBe('closed')
    host.answer(FAILING)
    expect(host.health.kind).toBe('open')
  })

  it('forgets what is older than the window: an idle hour and one failure do not open', () => {
    // cockatiel 4 turns its window one slot per call, so counts from before a long pause still weigh.
    const host = new Host({ failures: 100, minimumCalls: 2 })
    host.answers(3, OK)
    host.answer(FAILING, 10, 'GET /a')
    host.answer(FAILING, 10, 'GET /b')
    host.pass(minutes(60)).answer(FAILING)
    expect(host.health.kind).toBe('closed')
  })
})

describe('slow calls', () => {
  it('open the host when most calls are slow, and only by their share', () => {
    const host = new Host()
    for (let i = 0; i < 2; i += 1) host.answer(OK, 10)
    for (let i = 0; i < 7; i += 1) host.answer(OK, 6_000, `GET /${i}`)
    expect(host.health.kind).toBe('closed')
    host.answer(OK, 6_000)
    expect(host.health).toMatchObject({ kind: 'open', cause: 'slow', reason: '8 of 10 calls slow' })
  })

  it('of one shape open nothing while other calls are quick', () => {
    const host = new Host()
    host.answer(OK, 10, 'GET /b')
    for (let i = 0; i < 100; i += 1) host.answer(OK, 6_000)
    expect(host.health.kind).toBe('closed')
  })

  it('of one shape open when there are no other calls', () => {
    const host = new Host()
    for (let i = 0; i < 10; i += 1) host.answer(OK, 6_000)
    expect(host.health.kind).toBe('open')
  })

  it('fail a probe only where slowness was the reason', () => {
    const slow = new Host()
    for (let i = 0; i < 10; i += 1) slow.answer(OK, 6_000)
    slow.pass(30_000).answer(OK, 6_000)
    expect(slow.health.kind).toBe('open')
    const failing = new Host().answers(5, FAILING).pass(30_000)
    failing.answer(OK, 6_000)
    expect(failing.health).toMatchObject({ kind: 'half_open', successes: 1 })
  })
})

describe('refusals over a limit', () => {
  it('that speak for the whole host open at once, for the longer of Retry-After and backoff', () => {
    const long = new Host()
    long.answer(aVerdict('throttled', { hostWide: true, pauseMs: 90_000 }))
    expect(long.openFor()).toBe(90_000)
    const short = new Host()
    short.answer(aVerdict('throttled', { hostWide: true, pauseMs: 1_000 }))
    expect(short.openFor()).toBe(30_000)
  })

  it('open at once when the address is banned, but not when one key is', () => {
    const host = new Host()
    host.answer(aVerdict('banned', { pauseMs: 900_000 }))
    expect(host.health.kind).toBe('closed')
    host.answer(aVerdict('banned', { pauseMs: 900_000, hostWide: true }))
    expect(host.openFor()).toBe(900_000)
  })

  it('open when repeated within their window', () => {
    const host = new Host()
    for (let i = 0; i < 9; i += 1) host.pass(30_000).answer(THROTTLED)
    expect(host.health.kind).toBe('closed')
    host.answer(THROTTLED)
    expect(host.openFor()).toBe(300_000)
  })

  it('do not open when they are spread wider than their window', () => {
    const host = new Host()
    for (let i = 0; i < 100; i += 1) {
      host.pass(34_000).answer(THROTTLED)
      host.answer(OK)
    }
    expect(host.health.kind).toBe('closed')
  })

  it('are not counted when the call was served', () => {
    const host = new Host().answers(9, THROTTLED)
    host.rule = aBreakerRule({ violations: 5 })
    host.answer(OK)
    expect(host.health.kind).toBe('closed')
  })

  it('lengthen an open time that is shorter than what they ask', () => {
    const host = new Host()
    const late = host.begin()
    host.answers(5, FAILING).pass(10_000)
    late(aVerdict('throttled', { hostWide: true, pauseMs: 60_000 }))
    expect(host.openFor()).toBe(60_000)
    expect(host.health.level).toBe(1)
  })

  it('of one key do not fail the probe of a host that was shut for other reasons', () => {
    const host = new Host().answers(5, FAILING).pass(30_000)
    host.answer(THROTTLED)
    expect(host.health).toMatchObject({ kind: 'half_open', probes: [], successes: 0 })
    const limited = new Host()
    limited.answer(aVerdict('throttled', { hostWide: true }))
    limited.pass(30_000).answer(THROTTLED)
    expect(limited.health.kind).toBe('open')
  })
})

describe('half open', () => {
  const halfOpen = (): Host => new Host().answers(5, FAILING).pass(30_000)

  it('closes after enough probes were served', () => {
    const host = halfOpen().answers(2, OK)
    expect(host.health.kind).toBe('half_open')
    host.answer(OK)
    expect(host.health).toMatchObject({ kind: 'closed', run: 0, recent: [] })
  })

  it('opens again on a failed probe, for longer', () => {
    const host = halfOpen()
    host.answer(FAILING)
    expect(host.openFor()).toBe(60_000)
  })

  it('ignores the success of a call begun before the outage', () => {
    // opossum closes on it.
    const host = new Host({ successes: 1 })
    const early = host.begin()
    host.answers(5, FAILING).pass(30_000)
    early(OK)
    expect(host.health).toMatchObject({ kind: 'half_open', successes: 0 })
  })

  it('ignores the failure of a call begun before the outage', () => {
    const host = new Host()
    const early = host.begin()
    host.answers(5, FAILING).pass(30_000)
    early(FAILING)
    expect(host.health.kind).toBe('half_open')
  })

  it('takes a probe that hangs for failed, and so can not stay half open for ever', () => {
    const host = halfOpen()
    const probe = host.begin()
    host.pass(19_999)
    expect(host.health.kind).toBe('half_open')
    host.pass(1)
    expect(host.health).toMatchObject({ kind: 'open', reason: 'a probe was not answered in time' })
    probe(OK)
    expect(host.health.kind).toBe('open')
  })

  it('gives a permit back when nobody was at fault', () => {
    const host = halfOpen()
    const { epoch } = host.health
    host.tell({ type: 'probe.began', probe: 77 })
    host.tell({ type: 'released', pass: { epoch, probe: 77 } })
    expect(host.health).toMatchObject({ kind: 'half_open', probes: [], successes: 0 })
  })

  it('comes with the passing of time alone, from the moment it was due', () => {
    const host = new Host().answers(5, FAILING).pass(minutes(30))
    expect(host.health).toMatchObject({ kind: 'half_open', since: 30_000 })
  })
})

describe('the open time', () => {
  it('grows with every opening in a row, up to its maximum', () => {
    const host = new Host().answers(5, FAILING)
    const times = [host.openFor()]
    for (let i = 0; i < 6; i += 1) {
      host.pass(host.openFor()).answer(FAILING)
      times.push(host.openFor())
    }
    expect(times).toEqual([30_000, 60_000, 120_000, 240_000, 300_000, 300_000, 300_000])
  })

  it('is remembered by a flapping host, and lived down one step at a time', () => {
    const rule = aBreakerRule()
    expect(livedDown(3, 0, rule)).toBe(3)
    expect(livedDown(3, 119_999, rule)).toBe(3)
    expect(livedDown(3, 120_000, rule)).toBe(2)
    expect(livedDown(3, 120_000 + 60_000 + 30_000, rule)).toBe(0)
    const host = new Host().answers(5, FAILING).pass(30_000).answers(3, OK).pass(1_000).answers(5, FAILING)
    expect(host.openFor()).toBe(60_000)
  })

  it('is spread by chance on both sides', () => {
    const times = [0, 0.5, 1].map((chance) => {
      const host = new Host({ jitter: 0.2 })
      host.chance = chance
      return host.answers(5, FAILING).openFor()
    })
    expect(times).toEqual([24_000, 30_000, 36_000])
  })

  it('does not take ever longer to live down once it is as long as it gets', () => {
    const host = new Host().answers(5, FAILING)
    for (let i = 0; i < 50; i += 1) host.pass(host.openFor()).answer(FAILING)
    expect(host.health.level).toBe(5)
    expect(backoff(5, host.rule)).toBe(300_000)
  })
})

describe('by hand', () => {
  it('open holds until close', () => {
    const host = new Host()
    host.tell({ type: 'ordered', order: 'open' })
    host.pass(minutes(10_000)).answer(OK)
    expect(host.health).toMatchObject({ kind: 'open', cause: 'manual' })
    host.tell({ type: 'ordered', order: 'close' })
    expect(host.health.kind).toBe('closed')
  })

  it('close keeps the memory of openings, reset does not', () => {
    const host = new Host().answers(5, FAILING)
    host.tell({ type: 'ordered', order: 'close' })
    expect(host.health).toMatchObject({ kind: 'closed', level: 1 })
    host.answers(5, FAILING)
    host.tell({ type: 'ordered', order: 'reset' })
    expect(host.health).toMatchObject({ kind: 'closed', level: 0, violations: [] })
  })
})

it('never opens for less than the exchange asked, and forgets nothing it must keep bounded (property)', () => {
  const verdict = fc.oneof(
    fc.constant(OK),
    fc.record({
      kind: fc.constantFrom('failing', 'throttled', 'banned'),
      pauseMs: fc.nat(100_000),
      hostWide: fc.boolean(),
    }),
  )
  const move = fc.oneof(
    fc.record({ ms: fc.nat(50_000) }),
    fc.record({ verdict, shape: fc.integer({ min: 0, max: 50 }) }),
  )
  fc.assert(
    fc.property(fc.array(move, { maxLength: 200 }), (moves) => {
      const host = new Host({ jitter: 0.2 })
      host.chance = 0
      for (const what of moves) {
        if ('ms' in what) host.pass(what.ms)
        else {
          const told: Verdict =
            what.verdict.kind === 'ok' ? OK : ({ ...aVerdict('failing'), ...what.verdict } as Verdict)
          host.answer(told, 10, `GET /${what.shape}`)
          if (told.hostWide) expect(host.openFor()).toBeGreaterThanOrEqual(told.pauseMs ?? 0)
        }
        const { health } = host
        expect(health.violations.length).toBeLessThanOrEqual(host.rule.violations)
        if (health.kind === 'closed') {
          expect(health.recent.length).toBeLessThanOrEqual(10)
          for (const slot of health.recent) expect(slot.failedShapes.length).toBeLessThanOrEqual(2)
        }
      }
    }),
  )
})
