// The HTTP server that never listens: sockets are handed to it once their first byte is known, in the clear or inside TLS.

import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import { WeirError } from '../core/errors.ts'
import { connect } from './connect.ts'
import { declineRaw } from './decline.ts'
import { refuseExpectation, serve } from './serve.ts'
import type { Inbound, Session } from './session.ts'
import { upgrade } from './upgrade.ts'

/** Makes the server; `sniff` takes sockets back after CONNECT. */
export const createHttp = (inbound: Inbound, sniff: (session: Session) => void): Server => {
  const { limits } = inbound
  const server = createServer({
    maxHeaderSize: limits.headerBytes,
    headersTimeout: limits.headersMs,
    requestTimeout: limits.requestMs,
    keepAliveTimeout: limits.idleMs,
    connectionsCheckingInterval: limits.sweepMs,
    // Checked by us, so that the answer says what is wrong.
    requireHostHeader: false,
    // Java asks for h2c on clear connections: without this such a request would never become one.
    shouldUpgradeCallback: (req) => req.headers.upgrade?.toLowerCase() === 'websocket',
    optimizeEmptyRequests: true,
  })
  server.maxRequestsPerSocket = limits.requestsPerConnection
  // Node drops surplus fields in silence: let one more through than is allowed, and refuse it ourselves.
  server.maxHeadersCount = limits.headerCount + 1
  server.timeout = 0
  const known = (handle: (session: Session, req: IncomingMessage, res: ServerResponse) => void) => {
    return (req: IncomingMessage, res: ServerResponse): void => {
      const session = inbound.sessions.get(req.socket)
      if (session === undefined) req.socket.destroy()
      else handle(session, req, res)
    }
  }
  server.on(
    'request',
    known((session, req, res) => serve(inbound, session, req, res, false)),
  )
  server.on(
    'checkContinue',
    known((session, req, res) => serve(inbound, session, req, res, true)),
  )
  server.on(
    'checkExpectation',
    known((session, req, res) => refuseExpectation(inbound, session, req, res)),
  )
  server.on('connect', (req, socket, head) => connect(inbound, req, socket, head, sniff))
  server.on('upgrade', (req, socket, head) => upgrade(inbound, req, socket, head))
  server.on('clientError', (error: NodeJS.ErrnoException, socket) => malformed(inbound, error, socket as Socket))
  // Node starts to look for slow requests in its own listener of this event, and a server that never listens never has it:
  // header and request time-outs would silently not exist.
  server.emit('listening')
  return server
}

/** Bytes that are no request, or a request that took too long. */
const malformed = (inbound: Inbound, error: NodeJS.ErrnoException, socket: Socket): void => {
  const session = inbound.sessions.get(socket)
  // Later bytes of the same nonsense fail again: the refusal must have time to leave.
  if (session?.stage === 'refused') return
  // With an earlier answer outstanding, ours would be taken for it.
  const answerable = session !== undefined && session.owed === session.reading && socket.writable
  if (!answerable || error.code === 'ECONNRESET') return void socket.destroy()
  session.stage = 'refused'
  declineRaw(inbound, socket, causeOf(error), session.host)
}

const causeOf = (cause: NodeJS.ErrnoException): WeirError => {
  if (cause.code === 'HPE_CHUNK_EXTENSIONS_OVERFLOW') {
    return new WeirError('body_too_large', { message: 'The chunk extensions are too long.', cause })
  }
  const [status, message] = MALFORMED.get(cause.code ?? '') ?? [400, `The request is not HTTP/1.1${ruleBroken(cause)}.`]
  return new WeirError('bad_request', { status, message, cause })
}

/** The parser names the rule in words of its own, never in those of the request. */
const ruleBroken = (cause: Error): string =>
  'reason' in cause && typeof cause.reason === 'string' && cause.reason !== '' ? `: ${cause.reason}` : ''

const MALFORMED: ReadonlyMap<string, readonly [number, string]> = new Map([
  ['HPE_HEADER_OVERFLOW', [431, 'The header section is too long or has too many fields.']],
  ['ERR_HTTP_REQUEST_TIMEOUT', [408, 'The request did not arrive in time.']],
])
