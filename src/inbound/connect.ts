// CONNECT (RFC 9110 §9.3.6). An intercepted host is always answered 200: whatever is wrong is told inside, per call,
// because bots lose the reason of a refused CONNECT. Any other host gets a blind tunnel or a refusal.

import type { IncomingMessage } from 'node:http'
import { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { WeirError } from '../core/errors.ts'
import { declineRaw } from './decline.ts'
import { botName } from './request.ts'
import type { Inbound, Session } from './session.ts'
import { readAuthority } from './target.ts'
import { ESTABLISHED, openTunnel } from './tunnel.ts'

/** Handles the `connect` event of the HTTP server; `sniff` takes over sockets whose next byte decides what they are. */
export const connect = (
  inbound: Inbound,
  req: IncomingMessage,
  socket: Duplex,
  head: Buffer,
  sniff: (session: Session) => void,
): void => {
  const session = socket instanceof Socket ? inbound.sessions.get(socket) : undefined
  // Node hands over something else than the socket when the request announces a body, which CONNECT has not.
  const error = session === undefined ? NO_BODY() : refusal(inbound, session, req)
  const authority = readAuthority(req.url ?? '')
  if (session === undefined || error !== undefined || authority === undefined) {
    const cause = error ?? new WeirError('bad_request', { message: 'CONNECT names a host and a port.' })
    return void declineRaw(inbound, socket, cause, authority?.host)
  }
  session.bot = botName(req.headers['proxy-authorization'])
  if (!inbound.deps.hosts().has(authority.host)) {
    return void openTunnel(inbound, session, authority.host, authority.port ?? 443, head)
  }
  session.host = authority.host
  socket.write(ESTABLISHED)
  // `Connection: close` on CONNECT speaks of the hop that is over, not of the tunnel.
  if (head.length > 0) socket.unshift(head)
  sniff(session)
}

const refusal = (inbound: Inbound, session: Session, req: IncomingMessage): WeirError | undefined => {
  if (inbound.draining) return new WeirError('shutting_down')
  if (session.owed > 0) return new WeirError('bad_request', { message: 'CONNECT may not be pipelined.' })
  if (session.host !== undefined)
    return new WeirError('bad_request', { message: 'CONNECT inside a tunnel is not relayed.' })
  if (req.headers['content-length'] !== undefined || req.headers['transfer-encoding'] !== undefined) return NO_BODY()
  let size = 0
  for (const text of req.rawHeaders) size += text.length + 2
  if (size > inbound.limits.connectHeaderBytes) {
    return new WeirError('bad_request', { status: 431, message: 'The header section of CONNECT is too long.' })
  }
  const authority = readAuthority(req.url ?? '')
  if (authority === undefined || authority.port === undefined) {
    return new WeirError('bad_request', { message: 'CONNECT names a host and a port.' })
  }
  if (!inbound.deps.hosts().has(authority.host)) {
    if (inbound.deps.tunnelPolicy() === 'deny')
      return new WeirError('host_not_allowed', { message: 'the host is not in limits.yaml' })
    return authority.port === 443
      ? undefined
      : new WeirError('host_not_allowed', { message: 'tunnels reach port 443 only' })
  }
  if (authority.port === 443 || authority.port === 80) return undefined
  return new WeirError('host_not_allowed', { message: 'exchange hosts are relayed on ports 443 and 80 only' })
}

const NO_BODY = (): WeirError => new WeirError('bad_request', { message: 'CONNECT has no body.' })
