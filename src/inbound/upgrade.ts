// stub
import type { IncomingMessage } from 'node:http'
import type { Duplex } from 'node:stream'
import type { Inbound } from './session.ts'

export const upgrade = (_inbound: Inbound, _req: IncomingMessage, socket: Duplex, _head: Buffer): void => {
  socket.destroy()
}
