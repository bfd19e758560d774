import { beforeEach, describe, expect, it } from 'vitest'
import type { CallRecord } from '../../src/core/call.ts'
import { callFinished } from '../../src/core/events.ts'
import { type Answered, Monitor } from '../../src/health/monitor.ts'
import { sampleCall } from '../observe/samples.ts'
import { aVerdict } from '../support/build.ts'
import { FakeClock } from '../support/fake-clock.ts'

const HOST = 'api.kraken.com'
const check = { name: 'status_page', url: 'https://status.example/', status: { from: 200, to: 200 }, timeoutMs: 1000 }

let clock: FakeClock
let checks: (typeof check)[]
let asked: string[]
let answer: Answered | undefined
let monitor: Monitor
/** What the next answers wait for. */
let delay: Promise<void>
let troubles: string[]
/** Whether the rules can be read. */
let broken: boolean

beforeEach(() => {
  clock = new FakeClock()
  checks = []
  asked = []
  answer = { ok: true, tookMs: 10 }
  delay = Promise.resolve()
  troubles = []
  broken = false
  const reply = async (name: string) => {
    asked.push(name)
    await delay
    return answer
  }
  monitor = new Monitor({
    clock,
    rules: () => ({
      ...{ intervalMs: 30_000, alertThreshold: 3, recoveryThreshold: 2 },
      get checks() {
        if (broken) throw new Error('a mistake')
        return checks
      },
    }),
    askHost: reply,
    check: ({ name }) => reply(name),
    tell: ({ type }) => troubles.push(type),
  })
  monitor.start()
})

const finish = (record: Partial<CallRecord>) =>
  monitor.observer(callFinished(sampleCall({ exchange: 'kraken', decision: 'forwarded', ...record }), 200, 30))
const ok = (upstreamMs = 100) => finish({ verdict: aVerdict('ok'), upstreamMs })
const failing = () => finish({ verdict: { ...aVerdict('failing'), reason: 'http 503' } })
const service = (name = HOST) => monitor.view().find((one) => one.name === name)

/** Time passes, and so do answers. */
const pass = async (ms: number): Promise<void> => {
  clock.advance(ms)
  for (let turn = 0; turn < 10; turn += 1) await Promise.resolve()
}

describe('a host that bots call', () => {
  it('is unwell after three failures in a row, and well again after two answers', () => {
    failing()
    failing()
    expect(service()?.healthy).toBe(true)
    failing()
    expect(service()).toMatchObject({
      ...{ healthy: false, failures: 3, lastError: { message: 'http 503', atWallMs: clock.wall() } },
    })
    ok()
    expect(service()?.healthy).toBe(false)
    ok()
    expect(service()).toMatchObject({ healthy: true, failures: 0, lastOkAtWallMs: clock.wall() })
  })

  it('is not unwell while answers come between', () => {
    for (let round = 0; round < 10; round += 1) {
      failing()
      failing()
      ok()
    }
    expect(service()?.healthy).toBe(true)
  })

  it('counts as failing when it can not be reached, not when a bot or a limit is at fault', () => {
    for (let round = 0; round < 3; round += 1) {
      finish({ verdict: aVerdict('auth') })
      finish({ verdict: aVerdict('throttled') })
      finish({ decision: 'refused', error: 'limit_reached' })
      finish({ decision: 'cached', verdict: aVerdict('failing') })
    }
    expect(service()).toMatchObject({ healthy: true, failures: 0 })
    for (let round = 0; round < 3; round += 1) finish({ decision: 'failed', error: 'upstream_unreachable' })
    expect(service()).toMatchObject({ healthy: false, lastError: { message: 'upstream_unreachable' } })
  })

  it('has a response time that follows the newest answers', () => {
    ok(100)
    expect(service()?.responseMs).toBe(100)
    for (let round = 0; round < 30; round += 1) ok(20)
    expect(service()?.responseMs).toBeCloseTo(20, 0)
  })

  it('is not known before it is called', () => {
    expect(monitor.view()).toEqual([])
  })
})

describe('a host that has fallen quiet', () => {
  it('is asked, and only then', async () => {
    ok()
    await pass(29_000)
    ok()
    await pass(1000)
    expect(asked).toEqual([])
    await pass(30_000)
    expect(asked).toEqual([HOST])
    expect(service()?.lastOkAtWallMs).toBe(clock.wall())
  })

  it('is asked at every interval, also while its answers take their time', async () => {
    // An answer to weir's own question counted as a bot's call: it came a moment after the round, so that the host passed for
    // lively in the next one, and was asked in every second.
    ok()
    for (let round = 1; round <= 4; round += 1) {
      const { promise, resolve } = Promise.withResolvers<void>()
      delay = promise
      await pass(30_000)
      await pass(200)
      resolve()
      await pass(0)
      expect(asked).toHaveLength(round)
    }
  })

  it('that no bot ever called is not asked', async () => {
    await pass(300_000)
    expect(asked).toEqual([])
  })

  it('stays as it was when it could not be asked', async () => {
    ok()
    answer = undefined
    const before = service()
    for (let round = 0; round < 5; round += 1) await pass(30_000)
    expect(asked).toHaveLength(5)
    expect(service()).toEqual(before)
  })

  it('falls ill and recovers by its answers to weir alone', async () => {
    ok()
    answer = { ok: false, error: 'no answer in 10000 ms' }
    for (let round = 0; round < 3; round += 1) await pass(30_000)
    expect(service()).toMatchObject({ healthy: false, lastError: { message: 'no answer in 10000 ms' } })
    answer = { ok: true, tookMs: 5 }
    for (let round = 0; round < 2; round += 1) await pass(30_000)
    expect(service()).toMatchObject({ healthy: true })
  })
})

describe('a check', () => {
  it('is made at every interval, and forgotten when limits.yaml no longer has it', async () => {
    checks = [check]
    await pass(30_000)
    await pass(30_000)
    expect(asked).toEqual(['status_page', 'status_page'])
    expect(service('status_page')).toMatchObject({ kind: 'check', healthy: true, responseMs: 10 })
    checks = []
    await pass(30_000)
    expect(monitor.view()).toEqual([])
  })

  it('is not made twice at a time', async () => {
    checks = [check]
    const { promise, resolve } = Promise.withResolvers<Answered>()
    let made = 0
    const slow = new Monitor({
      clock,
      rules: () => ({ intervalMs: 30_000, alertThreshold: 3, recoveryThreshold: 2, checks }),
      askHost: async () => undefined,
      tell: () => {},
      check: () => {
        made += 1
        return promise
      },
    })
    slow.askAll()
    slow.askAll()
    expect(made).toBe(1)
    resolve({ ok: true, tookMs: 1 })
    await pass(0)
    slow.askAll()
    expect(made).toBe(2)
  })

  it('is made again after a round that failed, which ends nothing and is told', async () => {
    checks = [check]
    broken = true
    await pass(60_000)
    expect([asked, troubles]).toEqual([[], ['observer.failed']])
    broken = false
    await pass(30_000)
    expect(asked).toEqual(['status_page'])
  })

  it('ends with the monitor', async () => {
    checks = [check]
    monitor.stop()
    await pass(300_000)
    expect([asked, clock.pending]).toEqual([[], 0])
  })
})
