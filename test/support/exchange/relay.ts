// A bare CONNECT relay: every tunnel ends at one port of this machine, whatever host was asked for. It lets an
// unchanged bot talk to the simulated exchange by the exchange's real name, with no proxy in between that thinks.

import { createServer } from 'node:http'
import { type AddressInfo, connect, type Socket } from 'node:net'

export interface Relay {
  /** Value for HTTPS_PROXY. */
  readonly url: string
  close(): Promise<void>
}

export async function startRelay(port: number): Promise<Relay> {
  const sockets = new Set<Socket>()
  const server = createServer((_req, res) => res.writeHead(405).end())
  server.on('connection', (socket) => sockets.add(socket))
  server.on('connect', (_req, client: Socket, head: Buffer) => {
    const upstream = connect(port, '127.0.0.1')
    sockets.add(upstream)
    upstream.once('connect', () => {
      client.write('HTTP/1.1 200 Connection established\r\n\r\n')
      upstream.write(head)
      client.pipe(upstream).pipe(client)
    })
    upstream.on('error', () => client.destroy())
    client.on('error', () => upstream.destroy())
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        for (const socket of sockets) socket.destroy()
      }),
  }
}
