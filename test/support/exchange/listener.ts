// The sockets of the simulated exchange: one TLS or plain HTTP server on a free port of 127.0.0.1. It counts connections
// and knows how to reset one the hard way, which TLS sockets do not offer by themselves.

import { createServer as createHttpServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import type { AddressInfo, Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { TLSSocket } from 'node:tls'
import type { Certificates } from './authority.ts'

/** What bots did at the transport level. */
export interface Connections {
  opened: number
  live: number
  /** TLS handshakes that resumed an earlier session. */
  resumed: number
}

export interface Listener {
  readonly server: Server
  readonly port: number
  readonly connections: Connections
  /** Ends the request's connection with a TCP reset. */
  reset(req: IncomingMessage): void
  close(): Promise<void>
}

export interface ListenerOptions {
  /** Undefined: plain HTTP. */
  readonly certificates: Certificates | undefined
  readonly port: number
  /** Idle keep-alive connections are closed after this long. */
  readonly idleMs: number
  readonly onRequest: (req: IncomingMessage, res: ServerResponse) => void
  readonly onUpgrade: (req: IncomingMessage, socket: Duplex, head: Buffer) => void
}

/** Listens and resolves with the listener; rejects when the port is taken. */
export async function listen(options: ListenerOptions): Promise<Listener> {
  const connections: Connections = { opened: 0, live: 0, resumed: 0 }
  const raw = new Map<string, Socket>()
  const times = { keepAliveTimeout: options.idleMs, requestTimeout: 30_000, keepAliveTimeoutBuffer: 0 }
  const tls = options.certificates && { key: options.certificates.key, cert: options.certificates.cert }
  const server: Server = tls
    ? createTlsServer({ ...tls, ...times, ALPNProtocols: ['http/1.1'] })
    : createHttpServer(times)
  server.on('connection', (socket: Socket) => {
    if (socket instanceof TLSSocket) return
    const name = peer(socket)
    raw.set(name, socket)
    connections.opened += 1
    connections.live += 1
    socket.once('close', () => {
      connections.live -= 1
      if (raw.get(name) === socket) raw.delete(name)
    })
  })
  server.on('secureConnection', (socket: TLSSocket) => {
    if (socket.isSessionReused()) connections.resumed += 1
  })
  server.on('request', options.onRequest)
  server.on('upgrade', options.onUpgrade)
  server.on('clientError', (_error, socket: Duplex) => socket.destroy())
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(options.port, '127.0.0.1', () => resolve())
  })
  const { port } = server.address() as AddressInfo
  return {
    server,
    port,
    connections,
    reset: (req) => void raw.get(peer(req.socket))?.resetAndDestroy(),
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        for (const socket of raw.values()) socket.destroy()
      }),
  }
}

function peer(socket: Socket): string {
  return `${socket.remoteAddress} ${socket.remotePort}`
}
