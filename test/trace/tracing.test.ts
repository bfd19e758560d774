// A collector as OpenTelemetry's own exporters find it, and a whole weir that sends to it.

import { createServer, type IncomingHttpHeaders } from 'node:http'
import type { AddressInfo } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect, it, onTestFinished } from 'vitest'
import { realClock } from '../../src/core/clock.ts'
import { callFinished } from '../../src/core/events.ts'
import { Exporter } from '../../src/trace/exporter.ts'
import type { Span } from '../../src/trace/spans.ts'
import { sampleCall } from '../observe/samples.ts'
import { openScene } from '../system/scene.ts'
import { krakenPoster } from '../system/sign.ts'

interface Batch {
  readonly path: string
  readonly headers: IncomingHttpHeaders
  readonly service: string
  readonly spans: readonly Span[]
}

const collector = async (statuses: number[] = []) => {
  const got: Batch[] = []
  const server = createServer(async (request, response) => {
    let body = ''
    for await (const chunk of request) body += String(chunk)
    const [resource] = JSON.parse(body).resourceSpans
    const service = resource.resource.attributes[0].value.stringValue
    got.push({ path: request.url ?? '', headers: request.headers, service, spans: resource.scopeSpans[0].spans })
    response.writeHead(statuses.shift() ?? 200).end('{}')
  })
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve)
  })
  onTestFinished(() => {
    server.closeAllConnections()
    server.close()
  })
  return { got, server, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` }
}

const until = async (holds: () => boolean): Promise<void> => {
  for (let waited = 0; !holds(); waited += 50) {
    if (waited > 20_000) throw new Error('it did not come about')
    await sleep(50)
  }
}

const exporterTo = (url: string) => {
  const failures: string[] = []
  const exporter = new Exporter({
    collector: { url: `${url}/v1/traces`, headers: {}, service: 'weir', version: '1' },
    clock: realClock,
    random: (bytes) => 'ab'.repeat(bytes),
    failed: (message) => failures.push(message),
  })
  const finish = () =>
    exporter.observer(
      callFinished(sampleCall({ exchange: 'kraken', class: 'kraken.private', decision: 'forwarded' }), 200, 5),
    )
  return { exporter, failures, finish }
}

describe('traces', { timeout: 60_000 }, () => {
  it('go to the collector that the usual variables name, one of every call, without secrets', async () => {
    const { got, url } = await collector()
    const { bot, exchange, weir } = await openScene({
      env: {
        OTEL_EXPORTER_OTLP_ENDPOINT: `${url}/`,
        OTEL_EXPORTER_OTLP_HEADERS: 'x-key=s3cret%20one,nonsense',
        OTEL_SERVICE_NAME: 'weir-test',
      },
    })
    const key = exchange.krakenKey('traced')
    await bot.send(krakenPoster(key)('Balance'))
    await bot.send({ path: '/0/public/Ticker?pair=XBTUSD' })
    await until(() => got.flatMap(({ spans }) => spans).length >= 4)
    const spans = got.flatMap((batch) => batch.spans)
    expect(got[0]).toMatchObject({ path: '/v1/traces', service: 'weir-test', headers: { 'x-key': 's3cret one' } })
    expect(spans.map(({ name }) => name)).toEqual(['kraken.private', 'exchange', 'kraken.ticker', 'exchange'])
    expect(new Set(spans.map(({ traceId }) => traceId)).size).toBe(2)
    expect(JSON.stringify(got.map((batch) => batch.spans))).not.toContain(key.key)
    expect(await weir.stop()).toBe(0)
    expect(weir.logs()).not.toContain('s3cret')
  })

  it('are sent by a weir that stops', async () => {
    const { got, url } = await collector()
    const { exporter, finish } = exporterTo(url)
    finish()
    await exporter.stop()
    expect(got).toHaveLength(1)
  })

  it('are kept for a collector that is away, up to a bound, and that is told once', async () => {
    const { got, url } = await collector(Array.from({ length: 2 }, () => 503))
    const { exporter, failures, finish } = exporterTo(url)
    for (let count = 0; count < 10_000; count += 1) finish()
    await exporter.stop()
    await exporter.stop()
    expect(failures).toEqual(['the OpenTelemetry collector takes no spans: it answers 503'])
    await exporter.stop()
    expect(got.slice(2).flatMap(({ spans }) => spans)).toHaveLength(4096)
    expect(Math.max(...got.map(({ spans }) => spans.length))).toBe(512)
  })

  it('that the collector will not have are dropped', async () => {
    const { got, url } = await collector([400])
    const { exporter, finish } = exporterTo(url)
    finish()
    await exporter.stop()
    await exporter.stop()
    expect(got).toHaveLength(1)
  })

  it('are not kept from anybody by an endpoint that is none: weir says so and does not start', async () => {
    const started = openScene({ env: { OTEL_EXPORTER_OTLP_ENDPOINT: 'collector' } })
    await expect(started).rejects.toThrow('OTEL_EXPORTER_OTLP_ENDPOINT is no http or https address')
  })
})
