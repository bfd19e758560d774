// A bot's side of the wire: CONNECT, TLS with weir's authority, HTTP/1.1, by Node's own client. Every call is answered
// or the promise rejects; a call that waits longer than weir promises fails the test.

import { readFileSync } from 'node:fs'
import type { IncomingHttpHeaders } from 'node:http'
import { Agent, request } from 'node:https'
import { type Asked, jsonOf } from '../support/asked.ts'
import type { Weir } from '../support/weir.ts'

export interface Answered {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  readonly rawHeaders: readonly string[]
  readonly bytes: Buffer
  readonly text: string
  /** The body as JSON; undefined when it is none. */
  readonly json: unknown
  /** X-Weir-Decision. */
  readonly decision: string
  /** Whether the connection had carried a call before. */
  readonly reused: boolean
}

export interface Client {
  send(asked: Asked): Promise<Answered>
  close(): void
}

/** The longest max_wait of the shipped limits is 6 s; the exchange may take a while on top. */
const PATIENCE_MS = 15_000

/** A client with connections of its own: kept alive, or a new tunnel for every call. `name` is told as proxy user. */
export function openClient(
  weir: Pick<Weir, 'proxy' | 'caFile'>,
  options: { readonly keepAlive?: boolean; readonly name?: string } = {},
): Client {
  const proxy = new URL(weir.proxy)
  if (options.name !== undefined) proxy.username = options.name
  const agent = new Agent({
    keepAlive: options.keepAlive ?? true,
    ca: readFileSync(weir.caFile),
    proxyEnv: { HTTPS_PROXY: proxy.href },
  })
  return { send: (asked) => send(agent, asked), close: () => agent.destroy() }
}

function send(
  agent: Agent,
  { host = 'api.kraken.com', method = 'GET', path, headers, body }: Asked,
): Promise<Answered> {
  const { promise, resolve, reject } = Promise.withResolvers<Answered>()
  const length = body === undefined ? {} : { 'Content-Length': String(Buffer.byteLength(body)) }
  const options = { host, method, path, agent, headers: { ...headers, ...length } }
  const req = request({ ...options, signal: AbortSignal.timeout(PATIENCE_MS) }, (res) => {
    const pieces: Buffer[] = []
    res.on('data', (piece: Buffer) => pieces.push(piece))
    res.on('error', reject)
    res.on('end', () => {
      const bytes = Buffer.concat(pieces)
      const text = bytes.toString('utf8')
      const decision = String(res.headers['x-weir-decision'])
      const { headers, rawHeaders, statusCode: status = 0 } = res
      resolve({ status, headers, rawHeaders, bytes, text, json: jsonOf(text), decision, reused: req.reusedSocket })
    })
  })
  req.on('error', reject)
  req.end(body)
  return promise
}
