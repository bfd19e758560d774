// A plain client for tests that speak to the simulated exchange directly: one request, one whole answer.

import { type Agent, request as httpRequest, type IncomingHttpHeaders } from 'node:http'
import { request as httpsRequest } from 'node:https'
import { type Asked, jsonOf } from '../asked.ts'
import type { Exchange } from './exchange.ts'
import { type KrakenKey, signKraken } from './keys.ts'

export interface Answered {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  readonly trailers: NodeJS.Dict<string>
  readonly bytes: Buffer
  readonly text: string
  /** The body as JSON; undefined when it is none. */
  readonly json: unknown
}

const PATIENCE_MS = 5_000

/** Sends one request; rejects with the socket's error when there is no whole answer, or after five seconds. */
export function ask(exchange: Exchange, asked: Asked & { readonly agent?: Agent }): Promise<Answered> {
  const host = asked.host ?? 'api.kraken.com'
  const plain = exchange.caPem === ''
  const where = { host: '127.0.0.1', port: exchange.port, method: asked.method ?? 'GET', path: asked.path }
  const headers = { Host: host, ...asked.headers }
  const trust = plain ? {} : { servername: host, ca: exchange.caPem }
  const options = { ...where, ...trust, headers, agent: asked.agent ?? false, signal: AbortSignal.timeout(PATIENCE_MS) }
  return new Promise((resolve, reject) => {
    const req = (plain ? httpRequest : httpsRequest)(options, (res) => {
      const pieces: Buffer[] = []
      res.on('data', (piece: Buffer) => pieces.push(piece))
      res.on('error', reject)
      res.on('end', () => {
        const bytes = Buffer.concat(pieces)
        const text = bytes.toString('utf8')
        resolve({
          status: res.statusCode ?? 0,
          headers: res.headers,
          trailers: res.trailers,
          bytes,
          text,
          json: jsonOf(text),
        })
      })
    })
    req.on('error', reject)
    req.end(asked.body)
  })
}

/** A signed Kraken private call; resolves with the parsed answer. */
export async function askKraken(
  exchange: Exchange,
  key: KrakenKey,
  nonce: number | bigint,
  method: string,
  params: Readonly<Record<string, unknown>> = {},
  json = false,
): Promise<{ readonly error: string[]; readonly result?: Record<string, unknown> }> {
  const path = `/0/private/${method}`
  const { headers, body } = signKraken({ path, key, nonce, params, json })
  const answer = await ask(exchange, { method: 'POST', path, headers, body })
  return answer.json as { error: string[]; result?: Record<string, unknown> }
}
