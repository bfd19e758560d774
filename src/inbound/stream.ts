// HTTP/2, for bots that speak nothing else (Kraken's own Go library); ALPN settles on http/1.1 wherever that is offered. A
// stream goes down the road as the HTTP/1.1 request that it stands for (RFC 9113 §8.3), and its answer comes back the same
// way. No push, and no WebSockets over HTTP/2 (RFC 8441): clients that want one offer http/1.1.

import {
  constants,
  type IncomingHttpHeaders,
  type OutgoingHttpHeaders,
  performServerHandshake,
  type ServerHttp2Stream,
} from 'node:http2'
import type { Socket } from 'node:net'
import type { RawHeaders } from '../core/call.ts'
import type { Incoming, Outgoing } from './message.ts'
import { refuseExpectation, serve } from './serve.ts'
import type { Inbound, Session } from './session.ts'

/** Serves the streams of a TLS socket whose ALPN chose `h2`, within the bounds of `inbound.limits`. */
export const serveStreams = (inbound: Inbound, session: Session, socket: Socket): void => {
  const { deps, limits } = inbound
  const http2 = performServerHandshake(socket, {
    settings: { maxConcurrentStreams: limits.streams, maxHeaderListSize: limits.headerBytes },
    // One more than is allowed and the pseudo-fields: the refusal is then ours, and says what is wrong.
    maxHeaderListPairs: limits.headerCount + 8,
    maxSessionInvalidFrames: 100,
    maxSessionRejectedStreams: 100,
    streamResetBurst: limits.streamResets,
    streamResetRate: limits.streamResetsPerSecond,
    // What an exchange says twice is handed on twice, as over HTTP/1.1.
    strictSingleValueFields: false,
  })
  session.atOnce = limits.streams
  session.bytesRead = () => 0
  session.end = () => http2.close()
  const silence = deps.clock.after(limits.headersMs, () => http2.destroy())
  http2.setTimeout(limits.idleMs, () => http2.close())
  http2.on('error', () => http2.destroy())
  http2.on('close', () => silence.cancel())
  http2.on('stream', (stream, fields, _flags, raw) => {
    silence.cancel()
    // The stream closes, which is all that matters; without a listener its error would end the process.
    stream.on('error', () => {})
    if (!stream.endAfterHeaders) awaitBody(inbound, stream)
    const req = asked(stream, fields, raw)
    const res = new StreamAnswer(stream, req.method === 'HEAD')
    const { expect } = fields
    if (expect === undefined || /^100-continue$/i.test(expect)) serve(inbound, session, req, res, expect !== undefined)
    else refuseExpectation(inbound, session, req, res)
  })
}

/** Takes the stream back when its body does not come in time; how long the answer may take is not decided here. */
const awaitBody = ({ deps, limits }: Inbound, stream: ServerHttp2Stream): void => {
  const late = deps.clock.after(limits.requestMs, () => stream.close(constants.NGHTTP2_CANCEL))
  stream.on('end', () => late.cancel())
  stream.on('close', () => late.cancel())
}

/** The HTTP/1.1 request that a stream stands for. */
const asked = (stream: ServerHttp2Stream, fields: IncomingHttpHeaders, raw: RawHeaders): Incoming => {
  const host = fields[':authority'] ?? fields.host
  const rawHeaders = host === undefined ? [] : ['Host', host]
  let cookies = 0
  for (let at = 0; at < raw.length; at += 2) {
    const name = raw[at] ?? ''
    const value = raw[at + 1] ?? ''
    if (name.startsWith(':')) continue
    // A second Host, when it names another than :authority does, makes the request ambiguous (RFC 9113 §8.3.1).
    if (name === 'host' && value === host) continue
    // A cookie may come in crumbs, which HTTP/1.1 has not (RFC 9113 §8.2.3).
    if (name === 'cookie' && cookies > 0) rawHeaders[cookies] += `; ${value}`
    else {
      rawHeaders.push(name, value)
      if (name === 'cookie') cookies = rawHeaders.length - 1
    }
  }
  const unmeasured = !stream.endAfterHeaders && fields['content-length'] === undefined
  const headers = { ...fields, host, ...(unmeasured ? { 'transfer-encoding': 'chunked' } : {}) }
  const url = fields[':path']
  const method = fields[':method']
  return {
    method,
    url,
    rawHeaders,
    headers,
    httpVersionMinor: 1,
    on: (event: string, listener: (chunk: Buffer) => void) =>
      event === 'end' ? atWholeEnd(stream, listener as () => void) : stream.on(event, listener),
    off: (event: string, listener: (chunk: Buffer) => void) => stream.off(event, listener),
    resume: () => stream.resume(),
  }
}

/** A stream that the bot resets ends too: half a body must not be taken for a whole one. */
const atWholeEnd = (stream: ServerHttp2Stream, listener: () => void): void => {
  stream.on('end', () => {
    if (!stream.closed) listener()
  })
}

/** A stream, as what answers are written to. */
class StreamAnswer implements Outgoing {
  readonly socket = null
  readonly #stream: ServerHttp2Stream
  readonly #toHead: boolean
  #trailers: OutgoingHttpHeaders = {}

  constructor(stream: ServerHttp2Stream, toHead: boolean) {
    this.#stream = stream
    this.#toHead = toHead
  }

  get destroyed(): boolean {
    return this.#stream.destroyed
  }

  get closed(): boolean {
    return this.#stream.closed
  }

  get headersSent(): boolean {
    return this.#stream.headersSent
  }

  get writableFinished(): boolean {
    const { headersSent, writableFinished, rstCode } = this.#stream
    // Node ends the writing side of an answer to HEAD before there is one, and that of a stream which the bot has reset.
    return headersSent && writableFinished && rstCode === constants.NGHTTP2_NO_ERROR
  }

  on(event: 'close' | 'drain', listener: () => void): void {
    this.#stream.on(event, listener)
  }

  writeContinue(): void {
    this.#stream.additionalHeaders({ ':status': 100 })
  }

  writeInformation(status: number, headers: string[]): void {
    const fields = grouped(headers)
    // Of the answer to come, if of anything; clients reset the stream for it (RFC 9110 §8.6).
    delete fields['content-length']
    this.#stream.additionalHeaders({ ...fields, ':status': status })
  }

  writeHead(status: number, _text: string | undefined, headers: string[]): void {
    const stream = this.#stream
    const endStream = this.#toHead || status === 204 || status === 304
    stream.respond({ ...grouped(headers), ':status': status }, { endStream, waitForTrailers: !endStream })
    if (!endStream) stream.once('wantTrailers', () => this.#trail())
  }

  write(chunk: Buffer): boolean {
    return this.#stream.write(chunk)
  }

  addTrailers(trailers: [string, string][]): void {
    this.#trailers = grouped(trailers.flat())
  }

  end(body: Buffer | string = '', encoding: 'latin1' | 'utf8' = 'utf8'): void {
    this.#stream.end(body, encoding)
  }

  /** Trailers that HTTP/2 does not allow are no reason to lose the answer. */
  #trail(): void {
    try {
      this.#stream.sendTrailers(this.#trailers)
    } catch {
      this.#stream.sendTrailers({})
    }
  }

  destroy(): void {
    this.#stream.close(constants.NGHTTP2_INTERNAL_ERROR)
  }
}

/** Names in lower case, repeats together, and nothing that speaks of a connection (RFC 9113 §8.2). */
const grouped = (flat: RawHeaders): OutgoingHttpHeaders => {
  const out: Record<string, string | string[]> = {}
  for (let at = 0; at < flat.length; at += 2) {
    const name = (flat[at] ?? '').toLowerCase()
    const value = flat[at + 1] ?? ''
    if (name === 'connection') continue
    const known = out[name]
    out[name] = known === undefined ? value : [known, value].flat()
  }
  return out
}
