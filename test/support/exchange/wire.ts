// Puts an answer on the wire, whole or in the way that a fault asks for.

import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Clock } from './clock.ts'
import { bodyBytes, type Encoding, encode, type Fault } from './faults.ts'
import type { Answer } from './venue.ts'

/** How the rest of the exchange lends a hand: how to reset a connection, and which encoding to offer unasked. */
export interface WireHelp {
  readonly clock: Clock
  readonly reset: (req: IncomingMessage) => void
  readonly encoding: Encoding | undefined
}

/** Sends the answer; resolves when this side has done all it means to do. A connection that is gone is no error. */
export async function send(
  req: IncomingMessage,
  res: ServerResponse,
  answer: Answer,
  fault: Fault | undefined,
  help: WireHelp,
) {
  if (res.destroyed) return
  if (fault?.kind === 'hang') return
  if (fault?.kind === 'reset') return help.reset(req)
  if (fault?.kind === 'end') return void req.socket.end()
  if (fault?.kind === 'delay') await help.clock.sleep(fault.ms)
  if (fault?.kind === 'early-hints') res.writeEarlyHints({ link: '</style.css>; rel=preload; as=style' })
  if (fault?.kind === 'close') res.setHeader('Connection', 'close')
  const { headers, body } = prepare(req, answer, fault, help)
  const bare = req.method === 'HEAD' || answer.status === 204 || answer.status === 304
  switch (fault?.kind) {
    case 'reset-mid-body': {
      const length = fault.framing === 'chunked' ? {} : { 'Content-Length': String(body.length) }
      res.writeHead(answer.status, { ...headers, ...length })
      await written(res, body.subarray(0, Math.floor(body.length / 2)))
      return help.reset(req)
    }
    case 'slow-body': {
      res.writeHead(answer.status, { ...headers, 'Content-Length': String(body.length) })
      const pieces = fault.pieces ?? 4
      const step = Math.ceil(body.length / pieces)
      for (let at = 0; at < body.length && !res.destroyed; at += step) {
        await help.clock.sleep(fault.ms / pieces)
        await written(res, body.subarray(at, at + step))
      }
      return void res.end()
    }
    case 'trailers':
      res.writeHead(answer.status, { ...headers, Trailer: 'X-Checksum' })
      res.write(body)
      res.addTrailers({ 'X-Checksum': String(body.length) })
      return void res.end()
    default:
      res.writeHead(answer.status, bare ? headers : { ...headers, 'Content-Length': String(body.length) })
      return void res.end(bare ? undefined : body)
  }
}

function prepare(req: IncomingMessage, answer: Answer, fault: Fault | undefined, help: WireHelp) {
  const plain = bodyBytes(answer)
  const headers: Record<string, string> = {
    Date: new Date(help.clock.wall()).toUTCString(),
    'Content-Type': 'application/json; charset=utf-8',
    ...answer.headers,
  }
  const accepted = String(req.headers['accept-encoding'] ?? '').split(/[\s,]+/)
  const forced = fault?.encoding ?? (fault?.kind === 'encode' ? 'gzip' : undefined)
  const offered = help.encoding !== undefined && accepted.includes(help.encoding) ? help.encoding : undefined
  const encoding = forced ?? offered
  if (encoding === undefined) return { headers, body: plain }
  return {
    headers: { ...headers, 'Content-Encoding': encoding, Vary: 'Accept-Encoding' },
    body: encode(plain, encoding),
  }
}

/** Resolves when the bytes have left this process, or the connection is gone. */
function written(res: ServerResponse, bytes: Buffer): Promise<void> {
  return new Promise((resolve) => {
    res.once('close', resolve)
    res.write(bytes, () => resolve())
  })
}
