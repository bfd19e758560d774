import { connect } from 'node:net'
import { describe, expect, it } from 'vitest'
import { fromWire } from '../../src/admin/wire.ts'
import type { Explanation } from '../../src/core/explanation.ts'
import type { LimitView } from '../../src/core/views.ts'
import { breakerView, limitView, openDesk } from './desk.ts'

describe('the pages', () => {
  it('serve Prometheus under both names', async () => {
    await using desk = await openDesk()
    for (const path of ['/metrics', '/health/prometheus']) {
      const got = await desk.get(path)
      expect([got.status, got.body]).toEqual([200, 'weir_requests_total 1\n'])
      expect(got.headers['content-type']).toBe('text/plain; version=0.0.4; charset=utf-8')
    }
  })

  it('speak snake_case on the wire, and come back as views', async () => {
    await using desk = await openDesk()
    const { limits } = (await desk.get('/v1/limits')).json<{ limits: unknown[] }>()
    expect(limits[0]).toMatchObject({ refill_per_second: 0.33, in_flight: 0, closed_for_ms: 0 })
    expect(fromWire<LimitView[]>(limits)).toEqual([limitView()])
  })

  it('list each other, as text for terminals and with links for browsers', async () => {
    await using desk = await openDesk()
    const text = await desk.get('/')
    expect(text.headers['content-type']).toContain('text/plain')
    const html = await desk.get('/', { accept: 'text/html,*/*' })
    expect(html.headers['content-type']).toContain('text/html')
    const paths = [...html.body.matchAll(/<a href="(\/[^"]+)"/g)].map(([, path]) => path ?? '')
    expect(paths.length).toBeGreaterThan(10)
    for (const path of paths) {
      expect(text.body).toContain(path)
      expect((await desk.get(path)).status, path).toBe(200)
    }
  })

  it('say beside the violations what to do about them', async () => {
    const recommendation = {
      advice: 'margin' as const,
      exchange: 'kraken',
      bucket: 'kraken.private',
      class: 'kraken.history',
      text: 'set margin: 1',
      count: 3,
      firstAtWallMs: 1,
      lastAtWallMs: 2,
    }
    await using desk = await openDesk({ recommendations: () => [recommendation] })
    for (const path of ['/v1/violations', '/v1/status']) {
      const { recommendations } = (await desk.get(path)).json<{ recommendations: unknown[] }>()
      expect(fromWire(recommendations), path).toEqual([recommendation])
    }
  })

  it('give the history of a span and an exchange, and say which spans there are', async () => {
    const asked: unknown[] = []
    const history = (...question: unknown[]) => {
      asked.push(question)
      return { stepMs: 5000, atWallMs: [1], series: {}, utilization: { 'kraken.private': [0.5] } }
    }
    await using desk = await openDesk({ history })
    const got = await desk.get('/v1/history')
    expect(got.json()).toEqual({ step_ms: 5000, at_wall_ms: [1], series: {}, utilization: { 'kraken.private': [0.5] } })
    await desk.get('/v1/history?span=24h&exchange=kraken')
    expect((await desk.get('/v1/history?span=7d')).status).toBe(400)
    expect(asked).toEqual([
      ['15m', undefined],
      ['24h', 'kraken'],
    ])
  })

  it('give how many recent calls were asked for, within reason', async () => {
    const asked: number[] = []
    const calls = (limit: number) => {
      asked.push(limit)
      return []
    }
    await using desk = await openDesk({ calls })
    for (const query of ['', '?limit=7', '?limit=9999', '?limit=-1', '?limit=x']) await desk.get(`/v1/recent${query}`)
    expect(asked).toEqual([100, 7, 500, 100, 100])
  })

  it('hand out the certificate to trust', async () => {
    await using desk = await openDesk()
    expect((await desk.get('/ca.pem')).body).toContain('BEGIN CERTIFICATE')
  })
})

describe('breakers', () => {
  it('are shown one by one and moved by POST', async () => {
    let view = breakerView()
    const moveBreaker = (_: string, move: string) => {
      view = breakerView({ state: move === 'open' ? 'open' : 'closed', forced: move === 'open' })
    }
    await using desk = await openDesk({ breakers: () => [view], moveBreaker })
    expect((await desk.get('/v1/breakers/api.kraken.com')).json()).toMatchObject({ state: 'closed' })
    const opened = await desk.ask('POST', '/v1/breakers/api.kraken.com/open')
    expect(opened.json()).toMatchObject({ state: 'open', forced: true })
    const closed = await desk.ask('POST', '/v1/breakers/api.kraken.com/close')
    expect(closed.json()).toMatchObject({ state: 'closed' })
  })

  it('do not move for a GET, nor for hosts and moves that do not exist', async () => {
    const moves: string[] = []
    await using desk = await openDesk({ moveBreaker: (host) => moves.push(host) })
    const got = await desk.get('/v1/breakers/api.kraken.com/open')
    expect([got.status, got.headers.allow]).toEqual([405, 'POST'])
    expect((await desk.ask('POST', '/v1/breakers/evil.example/open')).status).toBe(404)
    expect((await desk.ask('POST', '/v1/breakers/api.kraken.com/destroy')).status).toBe(404)
    expect((await desk.ask('POST', '/v1/breakers/api.kraken.com')).status).toBe(405)
    expect(moves).toEqual([])
  })
})

describe('explain', () => {
  const explanation = { class: 'kraken.public' } as Explanation
  const deps = {
    explain: ({ url }: { url: URL }) => (url.hostname === 'api.kraken.com' ? explanation : undefined),
    explanationText: () => 'It is public.\n',
  }
  const ask = (body: unknown) => JSON.stringify(body)

  it('answers as JSON, or as the text of the command line', async () => {
    await using desk = await openDesk(deps)
    const body = ask({ method: 'GET', url: 'https://api.kraken.com/0/public/Time' })
    expect((await desk.ask('POST', '/v1/explain', {}, body)).json()).toEqual({ class: 'kraken.public' })
    expect((await desk.ask('POST', '/v1/explain', { accept: 'text/plain' }, body)).body).toBe('It is public.\n')
  })

  it('says what it expects, and which host it does not know', async () => {
    await using desk = await openDesk(deps)
    for (const body of [
      '',
      '{',
      '[]',
      'null',
      ask({ url: 7 }),
      ask({ url: 'no url' }),
      ask({ method: 1, url: 'https://x/' }),
    ]) {
      expect((await desk.ask('POST', '/v1/explain', {}, body)).status, body).toBe(400)
    }
    expect((await desk.ask('POST', '/v1/explain', {}, ask({ url: 'https://evil.example/' }))).status).toBe(404)
  })
})

describe('the server', () => {
  it('answers HEAD like GET, without the body', async () => {
    await using desk = await openDesk()
    const [get, head] = [await desk.get('/v1/limits'), await desk.ask('HEAD', '/v1/limits')]
    expect([head.status, head.body, head.headers['content-length']]).toEqual([200, '', get.headers['content-length']])
  })

  it('says what there is not, and what else can not be done', async () => {
    await using desk = await openDesk()
    const unknown = await desk.get('/nothing?x=1')
    expect(unknown.status).toBe(404)
    expect(unknown.json()).toMatchObject({ error: { status: 404 } })
    const wrong = await desk.ask('DELETE', '/metrics')
    expect([wrong.status, wrong.headers.allow]).toEqual([405, 'GET, HEAD'])
    expect((await desk.ask('POST', '/v1/limits')).status).toBe(405)
  })

  it('lets no page be kept, sniffed or framed', async () => {
    await using desk = await openDesk()
    expect((await desk.get('/v1/limits')).headers).toMatchObject({
      'cache-control': 'no-store',
      'x-content-type-options': 'nosniff',
      'content-security-policy': expect.stringContaining("frame-ancestors 'none'"),
      'cross-origin-resource-policy': 'same-origin',
    })
  })

  it('refuses a body that is too long, and says so', async () => {
    await using desk = await openDesk()
    const got = await desk.ask('POST', '/v1/explain', {}, 'x'.repeat(65_537))
    expect([got.status, got.headers.connection]).toEqual([413, 'close'])
  })

  it('tells nothing of a bug but that there is one, and tells the log', async () => {
    const bug = new Error('secret detail')
    await using desk = await openDesk({
      limits: () => {
        throw bug
      },
    })
    const got = await desk.get('/v1/limits')
    expect(got.status).toBe(500)
    expect(got.body).not.toContain('secret detail')
    expect(desk.errors).toEqual([bug])
  })

  it('survives visitors that hang up halfway, and does not take them for bugs', async () => {
    await using desk = await openDesk()
    const socket = connect(desk.server.port, '127.0.0.1')
    await new Promise((resolve) => socket.once('connect', resolve))
    socket.write('POST /v1/explain HTTP/1.1\r\nHost: localhost\r\nContent-Length: 10\r\n\r\nhalf')
    socket.resume().end()
    await new Promise((resolve) => socket.once('close', resolve))
    expect((await desk.get('/live')).status).toBe(200)
    expect(desk.errors).toEqual([])
  })
})
