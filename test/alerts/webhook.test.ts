import { createServer, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect, it, onTestFinished } from 'vitest'
import { Webhook } from '../../src/alerts/webhook.ts'
import type { AlertView } from '../../src/core/alert.ts'
import { realClock } from '../../src/core/clock.ts'

const alert: AlertView = {
  ...{ rule: 'breaker_open', severity: 'warning', subject: 'api.kraken.com' },
  message: 'The breaker of api.kraken.com is open: http 503.',
  ...{ raisedAtWallMs: 1_700_000_000_000, lastAtWallMs: 1_700_000_000_000, resolvedAtWallMs: undefined },
}

/** A service that answers with the statuses given, then 200; 0 is no answer at all. And a webhook whose pauses are short. */
const stage = async (statuses: number[] = [], timeoutMs = 1900) => {
  const got: { body: string; path: string }[] = []
  const server = createServer((request, response) => {
    read(request).then((body) => {
      got.push({ body, path: request.url ?? '' })
      const status = statuses.shift() ?? 200
      if (status === 302) response.setHeader('Location', '/elsewhere')
      if (status > 0) response.writeHead(status).end('ok')
    })
  })
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve)
  })
  onTestFinished(() => {
    server.closeAllConnections()
    server.close()
  })
  const port = (server.address() as AddressInfo).port
  const failures: string[] = []
  const pauses: number[] = []
  const clock = {
    ...realClock,
    after: (delay: number, task: () => void) => {
      if (delay !== timeoutMs) pauses.push(delay)
      return realClock.after(delay === timeoutMs ? delay : 1, task)
    },
  }
  const url = `http://127.0.0.1:${port}/hook/secret-token`
  const webhook = new Webhook({ clock, rule: () => ({ url, timeoutMs }), failed: (message) => failures.push(message) })
  onTestFinished(() => webhook.stop())
  return { got, failures, pauses, webhook, raise: (change = {}) => tell(webhook, { ...alert, ...change }) }
}

const tell = (webhook: Webhook, told: AlertView) =>
  webhook.observer({ type: told.resolvedAtWallMs === undefined ? 'alert.raised' : 'alert.resolved', alert: told })

const read = async (request: IncomingMessage): Promise<string> => {
  let body = ''
  for await (const chunk of request) body += String(chunk)
  return body
}

const until = async (holds: () => boolean): Promise<void> => {
  for (let waited = 0; !holds(); waited += 10) {
    if (waited > 15_000) throw new Error('it did not come about')
    await sleep(10)
  }
}

describe('the webhook', () => {
  it('posts the beginning and the end of an alert, in order', async () => {
    const { got, raise } = await stage()
    raise()
    raise({ resolvedAtWallMs: 1_700_000_060_000 })
    await until(() => got.length === 2)
    expect(got.map(({ body }) => JSON.parse(body))).toEqual([
      {
        ...{ text: `weir: ${alert.message}`, status: 'firing', rule: 'breaker_open', severity: 'warning' },
        ...{ subject: 'api.kraken.com', message: alert.message },
        ...{ raised_at: '2023-11-14T22:13:20.000Z', resolved_at: null },
      },
      expect.objectContaining({
        ...{ text: `weir: over: ${alert.message}`, status: 'resolved', resolved_at: '2023-11-14T22:14:20.000Z' },
      }),
    ])
  })

  it('tries again with growing pauses, and nothing overtakes', async () => {
    const { got, pauses, failures, raise } = await stage([503, 429, 500])
    raise({ subject: 'first' })
    raise({ subject: 'second' })
    await until(() => got.length === 5)
    expect(got.map(({ body }) => JSON.parse(body).subject)).toEqual(['first', 'first', 'first', 'first', 'second'])
    expect(pauses).toEqual([1000, 2000, 4000])
    expect(failures).toEqual([])
  })

  it('gives up after six tries, tells that once, and never says where it sends to', async () => {
    const { got, failures, raise } = await stage(Array.from({ length: 12 }, () => 503))
    raise()
    raise()
    await until(() => got.length === 12 && failures.length > 0)
    await sleep(50)
    expect(failures).toEqual(['an alert could not be sent to the webhook: it answers 503'])
  })

  it('does not insist where the service will not have it, nor follow it elsewhere', async () => {
    const { got, failures, raise } = await stage([404, 302])
    raise()
    raise()
    await until(() => got.length === 2 && failures.length === 1)
    await sleep(50)
    expect(got.map(({ path }) => path)).toEqual(['/hook/secret-token', '/hook/secret-token'])
    expect(failures).toEqual(['an alert could not be sent to the webhook: it answers 404'])
  })

  it('does not wait for ever', async () => {
    const { got, raise } = await stage([0], 100)
    raise()
    await until(() => got.length >= 2)
  })

  it('keeps a hundred alerts for a service that is away, the newest', async () => {
    const { got, raise } = await stage([0], 1000)
    for (let count = 0; count < 500; count += 1) raise({ subject: String(count) })
    await until(() => got.length === 102)
    const subjects = got.map(({ body }) => Number(JSON.parse(body).subject))
    expect(subjects.slice(0, 3)).toEqual([0, 0, 400])
    expect(subjects.at(-1)).toBe(499)
  })

  it('names the system’s code when nobody listens, and not the address', async () => {
    const failures: string[] = []
    const quick = {
      ...realClock,
      after: (delay: number, task: () => void) => realClock.after(delay === 900 ? 900 : 1, task),
    }
    const url = 'http://127.0.0.1:1/secret-token'
    const webhook = new Webhook({
      ...{ clock: quick, rule: () => ({ url, timeoutMs: 900 }), failed: (text: string) => failures.push(text) },
    })
    tell(webhook, alert)
    await until(() => failures.length === 1)
    expect(failures[0]).toMatch(/^an alert could not be sent to the webhook: (ECONNREFUSED|no connection)$/)
  })
})
