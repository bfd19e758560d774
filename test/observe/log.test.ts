import { spawnSync } from 'node:child_process'
import { describe, expect, it } from 'vitest'
import type { CallRecord, Verdict } from '../../src/core/call.ts'
import { OK } from '../../src/core/call.ts'
import { WeirError } from '../../src/core/errors.ts'
import { callFinished, type WeirEvent } from '../../src/core/events.ts'
import { createLog, type LogLevel } from '../../src/observe/log.ts'
import { anAutopsy } from '../support/autopsy.ts'
import { SECRET, sampleCall } from './samples.ts'

const written = (level: LogLevel, events: readonly WeirEvent[]): Record<string, unknown>[] => {
  const lines: string[] = []
  const log = createLog(level, { write: (line) => lines.push(line) })
  for (const event of events) log.observer(event)
  return lines.map((line) => JSON.parse(line) as Record<string, unknown>)
}

const finished = (record: Partial<CallRecord>, error?: unknown): WeirEvent =>
  callFinished(
    sampleCall({ exchange: 'kraken', class: 'kraken.private', credential: 'a1b2c3d4', ...record }),
    ...([200, 10.12345, error] as const),
  )

const verdict = (kind: Verdict['kind'], reason: string): Verdict => ({ ...OK, kind, reason })

const COMPLETE: readonly WeirEvent[] = [
  finished({ decision: 'forwarded', verdict: OK }),
  finished({ decision: 'refused', error: 'limit_reached' }, new WeirError('limit_reached')),
  finished({ decision: 'failed', error: 'internal' }, new SyntaxError(`Unexpected token in "${SECRET}"`)),
  finished({ decision: 'failed', error: 'upstream_timeout' }, new WeirError('upstream_timeout', { cause: SECRET })),
  {
    type: 'limit.violated',
    exchange: 'kraken',
    bucket: 'kraken.private',
    call: sampleCall(),
    verdict: verdict('throttled', 'EAPI:Rate limit exceeded'),
    autopsy: anAutopsy(),
  },
  {
    type: 'limit.differs',
    exchange: 'coinbase',
    bucket: 'coinbase.private',
    call: sampleCall(),
    configured: 30,
    told: 10,
  },
  { type: 'limit.outspent', exchange: 'coinbase', bucket: 'coinbase.private', call: sampleCall(), tokens: 3 },
  { type: 'bypass.suspected', exchange: 'kraken', bucket: 'kraken.private' },
  {
    type: 'advice.given',
    recommendation: {
      advice: 'used_outside',
      exchange: 'kraken',
      bucket: 'kraken.private',
      class: 'kraken.history',
      text: 'kraken.private: this key is used outside weir.',
      count: 3,
      firstAtWallMs: 0,
      lastAtWallMs: 1,
    },
  },
  { type: 'breaker.changed', host: 'api.kraken.com', from: 'closed', to: 'open', reason: 'http 503', openForMs: 1000 },
  { type: 'lane.filled', lane: 'a1b2c3d4', waiting: 40, capacity: 50, bytes: 1000 },
  {
    type: 'nonces.mixed',
    exchange: 'kraken',
    credential: 'a1b2c3d4',
    larger: { bot: 'hft', digits: 19 },
    smaller: { bot: 'grid', digits: 13 },
  },
  { type: 'nonces.tightened', exchange: 'kraken', credential: 'a1b2c3d4', forMs: 300_000 },
  { type: 'rules.replaced', source: 'limits.yaml' },
  { type: 'rules.rejected', source: 'limits.yaml', report: 'limits.yaml:14:7' },
  { type: 'observer.failed', error: new Error(SECRET) },
]

describe('the log', () => {
  it('writes the documented fields of a refusal, and no others', () => {
    const [line] = written('info', [finished({ decision: 'refused', error: 'limit_reached', waitedMs: 5 })])
    expect(line).toEqual({
      level: 'info',
      time: expect.stringMatching(/^\d{4}-\d\d-\d\dT/),
      call: 'call-1',
      bot: 'grid-bot',
      method: 'POST',
      host: 'api.kraken.com',
      credential: 'a1b2c3d4',
      exchange: 'kraken',
      class: 'kraken.private',
      decision: 'refused',
      status: 200,
      error: 'limit_reached',
      sent: 'no',
      took_ms: 10.123,
      waited_ms: 5,
      cost: 0,
      msg: 'kraken.private refused',
    })
  })

  it('is silent at `info` about calls that went well, and tells of them at `debug`', () => {
    const well = finished({ decision: 'forwarded', verdict: OK })
    expect(written('info', [well])).toEqual([])
    expect(written('debug', [well])).toHaveLength(1)
  })

  it('does not take a bot that hung up for trouble', () => {
    expect(written('info', [finished({ decision: 'left' })])).toEqual([])
    expect(written('debug', [finished({ decision: 'left' })])).toMatchObject([{ level: 'debug', decision: 'left' }])
  })

  it('warns when the exchange complains, although the call was relayed', () => {
    const [line] = written('info', [
      finished({ decision: 'forwarded', verdict: verdict('throttled', 'EAPI:Rate limit exceeded') }),
    ])
    expect(line).toMatchObject({ level: 'warn', reason: 'EAPI:Rate limit exceeded' })
  })

  // A key with a wrong secret was told of at `debug` only, until it rested.
  it('warns of a key that the exchange refuses, once a minute for each reason', () => {
    const at = (startedAt: number, credential: string, reason: string): WeirEvent =>
      callFinished(
        { ...sampleCall({ decision: 'forwarded', credential, verdict: verdict('auth', reason) }), startedAt },
        200,
        10,
      )
    const lines = written('info', [
      at(0, 'a1', 'EAPI:Invalid key'),
      at(100, 'a1', 'EAPI:Invalid key'),
      at(200, 'a1', 'EAPI:Invalid nonce'),
      at(300, 'b2', 'EAPI:Invalid key'),
      at(59_999, 'a1', 'EAPI:Invalid key'),
      at(60_000, 'a1', 'EAPI:Invalid key'),
    ])
    expect(lines.map(({ level, credential, reason }) => [level, credential, reason])).toEqual([
      ['warn', 'a1', 'EAPI:Invalid key'],
      ['warn', 'a1', 'EAPI:Invalid nonce'],
      ['warn', 'b2', 'EAPI:Invalid key'],
      ['warn', 'a1', 'EAPI:Invalid key'],
    ])
  })

  it('writes the whole autopsy of a refusal that was not foreseen', () => {
    const [line] = written(
      'info',
      [COMPLETE[4]].flatMap((event) => event ?? []),
    )
    expect(line).toEqual({
      level: 'warn',
      time: expect.any(String),
      call: 'call-1',
      bot: 'grid-bot',
      method: 'POST',
      host: 'api.kraken.com',
      exchange: 'kraken',
      bucket: 'kraken.private',
      reason: 'EAPI:Rate limit exceeded',
      cause: 'unexplained',
      believed: 4,
      in_flight: 0,
      cost: 1,
      share: 1,
      granted_at: '2023-11-14T22:13:20.000Z',
      waited_ms: 0,
      round_trip_ms: 80,
      since_start_ms: 3_600_000,
      msg: 'kraken refused a call that kraken.private had room for',
    })
  })

  it('says aloud what to do and that a limit differs; each single suspicion only at `debug`', () => {
    const about = COMPLETE.filter(({ type }) => /^(limit\.differs|limit\.outspent|bypass|advice)/.test(type))
    expect(written('info', about)).toMatchObject([
      { level: 'warn', configured: 30, told: 10, msg: 'coinbase says that coinbase.private is 10: weir keeps to 10' },
      { level: 'warn', advice: 'used_outside', count: 3, msg: 'kraken.private: this key is used outside weir.' },
    ])
    expect(written('debug', about)).toHaveLength(4)
  })

  it('names the system’s code of what broke', () => {
    const cause = Object.assign(new Error(`connect to ${SECRET}`), { code: 'ECONNREFUSED' })
    const [line] = written('info', [
      finished({ decision: 'failed', error: 'upstream_unreachable' }, new WeirError('upstream_unreachable', { cause })),
    ])
    expect(line).toMatchObject({ level: 'warn', cause: 'ECONNREFUSED' })
  })

  it('says where a bug is', () => {
    const [line] = written('info', [finished({ decision: 'failed', error: 'internal' }, new TypeError('x is not y'))])
    expect(line?.stack).toMatch(/^TypeError: x is not y\n +at .*log\.test\.ts/)
  })

  it('holds no secret, whatever happened and at every level', () => {
    // JSON.parse quotes the start of what it could not parse, which may be a body with a one-time password.
    const lines = written('debug', COMPLETE)
    expect(lines).toHaveLength(COMPLETE.length)
    const text = JSON.stringify(lines)
    expect(text).not.toContain(SECRET)
    expect(text).not.toContain('/0/private')
  })

  it('does not write a field with a secret’s name, should one ever be given', () => {
    const lines: string[] = []
    const log = createLog('info', { write: (line) => lines.push(line) })
    log.warn('odd', { token: SECRET, nested: { apiKey: SECRET } })
    expect(lines.join()).toContain('odd')
    expect(lines.join()).not.toContain(SECRET)
  })

  it('waits for its last lines to be written, and gives them up once patience is over', async () => {
    const ends: string[] = []
    const stuck = { write: () => {}, flush: () => {}, destroy: () => ends.push('given up') }
    const sound = { write: () => {}, flush: (done: () => void) => done(), destroy: () => ends.push('never') }
    await createLog('info', stuck).close(Promise.resolve())
    await createLog('info', sound).close(new Promise(() => {}))
    expect(ends).toEqual(['given up'])
  })

  it('writes what is buffered when it is told that the end has come', () => {
    const script = `
      const { createLog } = await import('./src/observe/log.ts')
      const log = createLog('info')
      log.warn('last words')
      log.flush()
      process.exit(3)`
    const child = spawnSync(process.execPath, ['--input-type=module', '--eval', script], {
      encoding: 'utf8',
      timeout: 10_000,
    })
    expect([child.status, child.stderr]).toEqual([3, ''])
    expect(JSON.parse(child.stdout)).toMatchObject({ level: 'warn', msg: 'last words' })
  })
})
