// TLS towards the bot, on a socket that was accepted long before. The TLS socket is made by hand rather than by a
// tls.Server, because only so are the three names tied together: the one in CONNECT, the one in the ClientHello, and the
// certificate shown when the ClientHello names nobody.

import type { Socket } from 'node:net'
import { createSecureContext, type SecureContext, TLSSocket } from 'node:tls'
import type { Inbound, Session } from './session.ts'
import { readAuthority } from './target.ts'

/**
 * Wraps the session's socket, whose ClientHello has not been read yet, and hands the TLS socket to `ready` before the
 * handshake, so that the HTTP server's header time-out covers it. Offers HTTP/1.1 only.
 */
export const secure = (inbound: Inbound, session: Session, ready: (socket: Socket) => void): void => {
  const { deps } = inbound
  const start = (context: SecureContext): void => {
    if (session.raw.destroyed) return
    const options = { isServer: true, secureContext: context, ALPNProtocols: ['http/1.1'], SNICallback: chooseName }
    const socket = new TLSSocket(session.raw, options)
    socket.on('error', () => socket.destroy())
    // What tls.Server itself listens to: handshake failures, and TLS errors after it, which are otherwise swallowed.
    socket.on('_tlsError', (error: NodeJS.ErrnoException) => {
      deps.note?.({ type: 'handshake.failed', host: session.host, code: undefined, reason: error.code ?? 'unknown' })
      socket.destroy()
    })
    inbound.sessions.set(socket, session)
    ready(socket)
  }
  const fail = (error: unknown): void => {
    const reason = error instanceof Error ? error.message : 'unknown'
    deps.note?.({ type: 'handshake.failed', host: session.host, code: undefined, reason })
    session.raw.destroy()
  }
  const chooseName = (name: string, done: (error: Error | null, context?: SecureContext) => void): void => {
    const host = readAuthority(name)?.host
    if (host === undefined || !deps.hosts().has(host)) {
      deps.note?.({
        type: 'handshake.failed',
        host: session.host,
        code: 'host_not_allowed',
        reason: 'unrecognized_name',
      })
      session.raw.end(UNRECOGNIZED_NAME)
      return
    }
    if (session.host === undefined) session.host = host
    else if (session.host !== host) session.otherName = host
    provide(deps.contextFor, host, (context) => done(null, context), fail)
  }
  if (session.host === undefined) start(NAMELESS)
  else provide(deps.contextFor, session.host, start, fail)
}

/** A context with no certificate: a ClientHello without a name, outside a tunnel, fails with a proper alert. */
const NAMELESS = createSecureContext()

/** TLS alert record (RFC 8446 §5.1, §6): fatal, unrecognized_name(112). Node can not be told to send it. */
const UNRECOGNIZED_NAME = Buffer.from([21, 3, 3, 0, 2, 2, 112])

const provide = (
  contextFor: (host: string) => SecureContext | Promise<SecureContext>,
  host: string,
  done: (context: SecureContext) => void,
  fail: (error: unknown) => void,
): void => {
  try {
    const context = contextFor(host)
    if (context instanceof Promise) context.then(done).catch(fail)
    else done(context)
  } catch (error) {
    fail(error)
  }
}
