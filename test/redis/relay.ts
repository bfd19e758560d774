// A wire between a weir and Redis that a test can cut: what is on it is lost, and nobody is told.

import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'

/** Carries bytes to a port of this machine until it is cut, and again once it is mended. */
export interface Wire extends AsyncDisposable {
  readonly port: number
  cut(): void
  mend(): void
}

/** Lays a wire to that port. */
export const layWire = async (to: number): Promise<Wire> => {
  const sockets = new Set<Socket>()
  let isCut = false
  const server = createServer((near) => {
    const far = connect(to, '127.0.0.1')
    for (const socket of [near, far]) {
      sockets.add(socket)
      socket.on('error', () => {})
      socket.on('close', () => {
        sockets.delete(socket)
        near.destroy()
        far.destroy()
      })
    }
    near.on('data', (piece) => isCut || far.write(piece))
    far.on('data', (piece) => isCut || near.write(piece))
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    port: (server.address() as AddressInfo).port,
    cut: () => {
      isCut = true
    },
    mend: () => {
      isCut = false
      // A stream that lost bytes is worth nothing any more.
      for (const socket of sockets) socket.destroy()
    },
    [Symbol.asyncDispose]: async () => {
      for (const socket of sockets) socket.destroy()
      server.close()
    },
  }
}
