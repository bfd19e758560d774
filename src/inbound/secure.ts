// TLS towards the bot, on a socket that was accepted long before. The TLS socket is made by hand rather than by a
// tls.Server, because only so are the three names tied together: the one in CONNECT, the one in the ClientHello, and the
// certificate shown when the ClientHello names nobody.

import { createSecureContext, type SecureContext, TLSSocket } from 'node:tls'
import { plainName } from './request.ts'
import type { Inbound, Session } from './session.ts'
import type { InboundEvent } from './settings.ts'
import { readAuthority } from './target.ts'

/** HTTP/2 is for those who offer nothing else: the order is ours, and the first that both know is taken (RFC 7301 §3.2). */
const PROTOCOLS = ['http/1.1', 'h2']

/** So begins the protocol by which the hook of `weir exec` tells the bot's name, where no proxy user can; it is never chosen. */
const NAME = 'weir-bot/'

/**
 * Wraps the session's socket, whose ClientHello has not been read yet, and hands the TLS socket to `ready` once the
 * handshake is done; it is closed when that takes longer than `headersMs`.
 */
export const secure = (inbound: Inbound, session: Session, ready: (socket: TLSSocket) => void): void => {
  const { deps } = inbound
  let stage: 'handshake' | 'open' | 'failed' = 'handshake'
  const tell = (type: InboundEvent['type'], reason: string, code?: 'host_not_allowed'): void => {
    // What weir itself breaks off as it stops is nobody's mistake.
    if (inbound.draining) return
    deps.note?.({ type, host: session.host, code, reason, bot: session.bot ?? session.address })
  }
  const fail = (reason: string, code?: 'host_not_allowed'): void => {
    stage = 'failed'
    tell(reason.startsWith('ERR_HTTP2_') ? 'connection.dropped' : 'handshake.failed', reason, code)
  }
  const start = (context: SecureContext): void => {
    if (session.raw.destroyed) return
    const callbacks = { SNICallback: chooseName, ALPNCallback: chooseProtocol }
    const socket = new TLSSocket(session.raw, { isServer: true, secureContext: context, ...callbacks })
    const late = deps.clock.after(inbound.limits.headersMs, () => {
      fail('took too long')
      socket.destroy()
    })
    socket.on('error', () => socket.destroy())
    // What tls.Server itself listens to: handshake failures, and TLS errors after it, which are otherwise swallowed.
    socket.on('_tlsError', (error: NodeJS.ErrnoException) => {
      fail(error.code ?? 'unknown')
      socket.destroy()
    })
    socket.once('secure', () => {
      late.cancel()
      // Where a session is resumed nobody was asked for a certificate, and so for the name (RFC 8446 §4.2.11).
      if (socket.servername && enter(socket.servername) === undefined) return
      stage = 'open'
      // As tls.Server would: HTTP/2 waits for it.
      Object.assign(socket, { secureConnecting: false })
      ready(socket)
    })
    socket.once('close', () => {
      late.cancel()
      // Node verifies last and says nothing: a bot on it that does not trust the certificate just closes.
      if (stage === 'handshake') tell('handshake.failed', CLOSED)
      else if (stage === 'open' && !session.asked) tell('handshake.unused', CLOSED)
    })
    inbound.sessions.set(socket, session)
  }
  const giveUp = (error: unknown): void => {
    fail(error instanceof Error ? error.message : 'unknown')
    session.raw.destroy()
  }
  /** Takes the name in the ClientHello; undefined, and the connection is over, when it is none of weir's. */
  const enter = (name: string): string | undefined => {
    const host = readAuthority(name)?.host
    if (host === undefined || !deps.hosts().has(host)) {
      fail('unrecognized_name', 'host_not_allowed')
      session.raw.end(UNRECOGNIZED_NAME)
      return undefined
    }
    if (session.host === undefined) session.host = host
    else if (session.host !== host) session.otherName = host
    return host
  }
  const chooseName = (name: string, done: (error: Error | null, context?: SecureContext) => void): void => {
    const host = enter(name)
    if (host !== undefined) provide(deps.contextFor, host, (context) => done(null, context), giveUp)
  }
  const chooseProtocol = ({ protocols }: { readonly protocols: readonly string[] }): string | undefined => {
    const named = protocols.find((protocol) => protocol.startsWith(NAME))
    if (named !== undefined) session.bot ??= plainName(named.slice(NAME.length))
    return PROTOCOLS.find((protocol) => protocols.includes(protocol))
  }
  if (session.host === undefined) start(NAMELESS)
  else provide(deps.contextFor, session.host, start, giveUp)
}

const CLOSED = 'closed without a word'

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
