// A bot that speaks HTTP/2 through a tunnel of its own.

import { type ClientHttp2Session, type ClientHttp2Stream, connect, type IncomingHttpHeaders } from 'node:http2'
import { connect as tlsConnect } from 'node:tls'
import { certificate, type Fixture, KRAKEN, tunnel, type Wire } from './support.ts'

interface Answered {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  readonly trailers: IncomingHttpHeaders
  readonly body: string
  /** Whether its end came too, not only the bytes before. */
  readonly whole: boolean
}

/** An HTTP/2 client on a connection of its own. */
export class Bot implements AsyncDisposable {
  readonly session: ClientHttp2Session

  constructor(under: Wire) {
    under.socket.removeAllListeners('data')
    const options = { socket: under.socket, servername: KRAKEN, ca: certificate, ALPNProtocols: ['h2'] }
    this.session = connect(`https://${KRAKEN}`, { createConnection: () => tlsConnect(options) })
    this.session.on('error', () => {})
    // Node's client would wait on for answers that can not come any more.
    this.session.on('connect', (_session, socket) => socket.on('end', () => this.session.destroy(new Error('cut'))))
  }

  begin(fields: Record<string, string | string[]>, endStream = true): ClientHttp2Stream {
    const stream = this.session.request({ ':authority': KRAKEN, ':path': '/a', ...fields }, { endStream })
    stream.on('error', () => {})
    return stream
  }

  async ask(fields: Record<string, string | string[]> = {}, body?: string | Buffer): Promise<Answered> {
    const stream = this.begin(fields, body === undefined)
    if (body !== undefined) stream.end(body)
    return answerOf(stream)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.session.destroy()
  }
}

/** The answer, or what came of it before its stream was reset or its connection closed. */
export const answerOf = async (stream: ClientHttp2Stream): Promise<Answered> => {
  let headers: IncomingHttpHeaders = {}
  let trailers: IncomingHttpHeaders = {}
  let body = ''
  stream.on('response', (fields) => {
    headers = fields
  })
  stream.on('trailers', (fields) => {
    trailers = fields
  })
  stream.on('data', (chunk: Buffer) => {
    body += chunk.toString('latin1')
  })
  await new Promise<void>((resolve) => stream.once('close', () => resolve()))
  return { status: Number(headers[':status']), headers, trailers, body, whole: stream.readableEnded }
}

/** One in a tunnel of its own. */
export const inTunnel = async (weir: Fixture): Promise<Bot> => new Bot(await tunnel(weir.port))
