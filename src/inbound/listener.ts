// The one port that bots use. The first byte of a connection, and again the first byte inside a tunnel, says what it
// is: 0x16 begins a TLS handshake, anything else is HTTP in the clear.

import { createServer, type Socket } from 'node:net'
import { setImmediate as turn } from 'node:timers/promises'
import type { TLSSocket } from 'node:tls'
import type { Timer } from '../core/clock.ts'
import type { Millis } from '../core/units.ts'
import { secure } from './secure.ts'
import { createHttp } from './servers.ts'
import { type Inbound, isLoopback, newSession, type Session } from './session.ts'
import { INBOUND_LIMITS, type InboundDeps } from './settings.ts'
import { serveStreams } from './stream.ts'

/** The inbound side. */
export interface InboundServer {
  /** Starts to listen; port 0 picks a free one. Rejects when the address can not be had. */
  listen(host: string, port: number): Promise<{ readonly port: number }>
  /**
   * Stops accepting, lets calls under way finish for at most `graceMs`, then closes everything. Where `giveUp` can end the calls
   * that are left, what they are told in the end has a moment to leave.
   */
  stop(graceMs: Millis, giveUp?: () => void): Promise<void>
  stats(): InboundStats
}

/** Counts of now, and of all time where said. */
export interface InboundStats {
  readonly connections: number
  readonly tunnels: number
  readonly webSockets: number
  /** Answers owed. */
  readonly underWay: number
  /** Connections since the start. */
  readonly accepted: number
  /** Connections refused because of a bound, since the start. */
  readonly dropped: number
}

/** Makes the inbound side; nothing listens yet. */
export const createInbound = (deps: InboundDeps): InboundServer => {
  const open = new Set<Session>()
  const perAddress = new Map<string, number>()
  let accepted = 0
  let dropped = 0
  let drained: (() => void) | undefined
  let patient = true
  let arriving: Timer | undefined
  let closing: Timer | undefined

  const inbound: Inbound = {
    deps,
    limits: { ...INBOUND_LIMITS, ...deps.limits },
    sessions: new WeakMap(),
    webSockets: new Map(),
    loopback: false,
    draining: false,
    settled: () => {
      if (drained !== undefined) closeIdle()
    },
  }
  const { limits } = inbound
  const sniff = (session: Session): void => awaitFirstByte(inbound, session, take)
  const http = createHttp(inbound, sniff)

  const take = (session: Session, firstByte: number): void => {
    session.stage = 'http'
    if (firstByte === TLS_HANDSHAKE) secure(inbound, session, (socket) => serveSecure(session, socket))
    else http.emit('connection', session.raw)
  }
  const serveSecure = (session: Session, socket: TLSSocket): void => {
    session.bytesRead = () => socket.bytesRead
    if (socket.alpnProtocol === 'h2') serveStreams(inbound, session, socket)
    else http.emit('connection', socket)
  }

  /** A connection that owes nothing may still have bytes of its last answer on their way to the system: it closes itself. */
  const closeIdle = (): void => {
    let owed = 0
    let closes = false
    for (const session of open) {
      owed += session.owed
      if (session.stage !== 'http') continue
      closes = true
      if (session.owed > 0) continue
      if (!patient || session.bytesRead() === session.bytesServed) session.end()
      // Part of a request is here already: the rest is about to come, and is owed a refusal.
      else owed += 1
    }
    if (owed > 0) {
      arriving ??= deps.clock.after(ARRIVAL_MS, () => {
        patient = false
        closeIdle()
      })
      return
    }
    // HTTP/2 closes in agreement, and a bot that does not read agrees to nothing.
    if (closes) closing ??= deps.clock.after(CLOSING_MS, () => drained?.())
    else drained?.()
  }

  const accept = (socket: Socket): void => {
    // Before anything else, and for as long as the socket lives: between two owners an error would end the process.
    socket.on('error', () => socket.destroy())
    const session = newSession(socket, limits)
    const count = (perAddress.get(session.address) ?? 0) + 1
    const crowded = count > limits.connectionsPerAddress && !isLoopback(session.address)
    if (open.size >= limits.connections || crowded || inbound.draining) {
      dropped += 1
      deps.note?.({ type: 'connection.dropped', host: undefined, code: undefined, reason: 'too many connections' })
      return void socket.destroy()
    }
    accepted += 1
    open.add(session)
    perAddress.set(session.address, count)
    inbound.sessions.set(socket, session)
    socket.on('close', () => {
      open.delete(session)
      const left = (perAddress.get(session.address) ?? 1) - 1
      if (left === 0) perAddress.delete(session.address)
      else perAddress.set(session.address, left)
      if (drained !== undefined) closeIdle()
    })
    sniff(session)
  }

  // Half-open sockets stay off: with them, a bot that hangs up inside a tunnel is never noticed.
  const listener = createServer({ noDelay: true, keepAlive: true, keepAliveInitialDelay: KEEP_ALIVE_MS }, accept)
  // Also what the system says when it has no descriptor left for another connection: no reason to end the process.
  listener.on('error', (error: NodeJS.ErrnoException) => {
    deps.note?.({ type: 'connection.dropped', host: undefined, code: undefined, reason: error.code ?? 'unknown' })
  })

  return {
    listen: (host, port) =>
      new Promise((resolve, reject) => {
        listener.once('error', reject)
        listener.listen(port, host, () => {
          listener.off('error', reject)
          const address = listener.address()
          if (address === null || typeof address === 'string') return reject(new Error('not a TCP address'))
          inbound.loopback = isLoopback(address.address)
          resolve({ port: address.port })
        })
      }),
    stop: async (graceMs, giveUp) => {
      inbound.draining = true
      const closed = new Promise<void>((resolve) => listener.close(() => resolve()))
      // What has arrived is read first: the system is asked for it once a turn.
      await turn()
      await turn()
      await new Promise<void>((resolve) => {
        let timer = deps.clock.after(graceMs, () => {
          if (giveUp === undefined) return resolve()
          timer = deps.clock.after(limits.lastWordMs, resolve)
          giveUp()
        })
        drained = () => {
          for (const each of [timer, arriving, closing]) each?.cancel()
          resolve()
        }
        closeIdle()
      })
      for (const session of open) session.raw.destroy()
      http.close()
      await closed
    },
    stats: () => {
      const counts = { connections: open.size, tunnels: 0, webSockets: 0, underWay: 0, accepted, dropped }
      for (const session of open) {
        counts.underWay += session.owed
        if (session.stage === 'tunnel') counts.tunnels += 1
        else if (session.stage === 'websocket') counts.webSockets += 1
      }
      return counts
    },
  }
}

/** How long the rest of a request that has begun to arrive is waited for once weir stops. */
const ARRIVAL_MS: Millis = 500
/** How long connections that owe nothing may take to close once weir stops. */
const CLOSING_MS: Millis = 500
/** First byte of a TLS record that carries a handshake (RFC 8446 §5.1). */
const TLS_HANDSHAKE = 0x16
/** When the system starts to ask whether a silent peer is still there. */
const KEEP_ALIVE_MS = 60_000

/** Waits for a byte without taking it: what reads the socket next must find it there. */
const awaitFirstByte = (
  inbound: Inbound,
  session: Session,
  take: (session: Session, firstByte: number) => void,
): void => {
  const socket = session.raw
  const silence = inbound.deps.clock.after(inbound.limits.firstByteMs, () => socket.destroy())
  const gone = (): void => silence.cancel()
  const look = (): void => {
    const chunk: Buffer | null = socket.read()
    const first = chunk?.[0]
    if (chunk === null || first === undefined) return
    silence.cancel()
    socket.off('readable', look)
    socket.off('close', gone)
    socket.unshift(chunk)
    take(session, first)
  }
  socket.on('readable', look)
  socket.on('close', gone)
}
