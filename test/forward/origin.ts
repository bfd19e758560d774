// An exchange made of raw bytes over real TLS: it sees requests exactly as they were sent, and answers exactly what a test
// says, down to the spelling of a field or the moment a connection dies.

import { createServer, type TLSSocket } from 'node:tls'
import { onTestFinished } from 'vitest'
import type { ClassifiedCall, Reply } from '../../src/core/call.ts'
import { realClock } from '../../src/core/clock.ts'
import type { UpstreamRule } from '../../src/core/host-rules.ts'
import { ServerClocks } from '../../src/core/server-clock.ts'
import { Pools } from '../../src/forward/pool.ts'
import { type ForwardDeps, forward } from '../../src/forward/send.ts'
import { classOf, shippedRules } from '../rules/shipped.ts'
import { aCall, type CallChange } from '../support/build.ts'
import { certificatesFor } from '../support/exchange/authority.ts'
import { HOSTS } from '../support/exchange/exchange.ts'

/** A request as it arrived; text is latin1. */
export interface RawRequest {
  readonly head: string
  readonly body: string
  /** 1 for the first request of its connection. */
  readonly nth: number
}

export interface Origin {
  readonly port: number
  readonly caPem: string
  readonly requests: readonly RawRequest[]
  /** TLS connections that were made. */
  readonly connections: () => number
}

/** Answers a request by writing to the socket, or by ending it. */
export type Script = (socket: TLSSocket, request: RawRequest) => void

/** Listens for the rest of the test. */
export async function startOrigin(script: Script): Promise<Origin> {
  const { caPem, key, cert } = await certificatesFor(HOSTS)
  const requests: RawRequest[] = []
  const sockets = new Set<TLSSocket>()
  let connections = 0
  const server = createServer({ key, cert, ALPNProtocols: ['http/1.1'] }, (socket) => {
    connections += 1
    sockets.add(socket)
    let nth = 0
    let buffered = ''
    socket.setEncoding('latin1')
    socket.on('error', () => undefined)
    socket.on('data', (piece: string) => {
      buffered += piece
      for (let whole = firstOf(buffered); whole !== undefined; whole = firstOf(buffered)) {
        buffered = buffered.slice(whole.head.length + whole.body.length)
        nth += 1
        const request = { ...whole, nth }
        requests.push(request)
        script(socket, request)
      }
    })
  })
  server.on('tlsClientError', () => undefined)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy()
    server.close()
  })
  const address = server.address()
  const port = typeof address === 'object' ? (address?.port ?? 0) : 0
  return { port, caPem, requests, connections: () => connections }
}

/** The first whole request; undefined while it is not all there. The head ends in its blank line. */
function firstOf(text: string): { head: string; body: string } | undefined {
  const end = text.indexOf('\r\n\r\n')
  if (end < 0) return undefined
  const head = text.slice(0, end + 4)
  const length = Number(/^content-length: *(\d+)/im.exec(head)?.[1] ?? 0)
  const body = text.slice(head.length, head.length + length)
  return body.length < length ? undefined : { head, body }
}

/** A good answer of Kraken. */
export const answerOk = (socket: TLSSocket): void => answerJson(socket, '{"error":[],"result":{}}')

/** 200 and a length. */
export const answerJson = (socket: TLSSocket, body: string): void =>
  void socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`)

/** Sends calls to the origin over real connections, under the classes of the shipped limits. */
export function senderTo(
  origin: Pick<Origin, 'port' | 'caPem'>,
  upstream: Partial<UpstreamRule> = {},
  address = '127.0.0.1',
  learn: ForwardDeps['learn'] = () => undefined,
  miss: ForwardDeps['miss'] = () => {},
): (call: ClassifiedCall) => Promise<Reply> {
  const hosts = shippedRules().hosts
  const pools = new Pools({ trust: [origin.caPem], route: () => ({ host: address, port: origin.port }) })
  onTestFinished(() => pools.destroy())
  const rules = new Map(
    [...hosts].map(([name, rule]) => [name, { ...rule, upstream: { ...rule.upstream, ...upstream } }]),
  )
  return forward({
    dispatch:
      ({ host, upstream }) =>
      (options, handler) =>
        pools.to(host, upstream).dispatch(options, handler),
    host: (name) => rules.get(name),
    clock: realClock,
    serverClocks: new ServerClocks(realClock),
    learn,
    miss,
  })
}

/** A call in its class of the shipped limits. */
export function callOf(change: CallChange = {}): ClassifiedCall {
  const call = aCall(change)
  const { host, method, path } = call.request
  return { ...call, rule: classOf(host, method, path) }
}
