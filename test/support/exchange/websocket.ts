// The simulated WebSocket feeds: RFC 6455 by hand, as far as an echo needs it. Every data frame comes back as it was,
// a ping is answered, a close is echoed with its code. The text `close 4001 why` makes the server close with that code.

import { createHash } from 'node:crypto'
import type { IncomingMessage } from 'node:http'
import type { Duplex } from 'node:stream'

/** How the next upgrades are met. */
export type UpgradeMode = 'echo' | 'refuse' | 'reset-before' | 'reset-after' | 'hang'

const GUID = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11'
const OPCODE = { text: 1, close: 8, ping: 9, pong: 10 }

interface Frame {
  readonly fin: boolean
  readonly opcode: number
  readonly payload: Buffer
}

/** Answers 101 and echoes until either side closes. */
export function echo(req: IncomingMessage, socket: Duplex, head: Buffer): void {
  const accept = createHash('sha1').update(`${req.headers['sec-websocket-key']}${GUID}`).digest('base64')
  const lines = [
    'HTTP/1.1 101 Switching Protocols',
    'Upgrade: websocket',
    'Connection: Upgrade',
    `Sec-WebSocket-Accept: ${accept}`,
  ]
  socket.write(`${lines.join('\r\n')}\r\n\r\n`)
  let pending = Buffer.from(head)
  const onData = (chunk: Buffer) => {
    pending = Buffer.concat([pending, chunk])
    for (let found = readFrame(pending); found; found = readFrame(pending)) {
      pending = pending.subarray(found.length)
      reply(socket, found.frame)
    }
  }
  socket.on('data', onData)
  socket.on('error', () => socket.destroy())
  socket.on('end', () => socket.end())
  onData(Buffer.alloc(0))
}

/** Answers an upgrade with a plain HTTP refusal. */
export function refuse(socket: Duplex, status: string, body: string): void {
  socket.end(
    `HTTP/1.1 ${status}\r\nContent-Type: text/plain\r\nContent-Length: ${Buffer.byteLength(body)}\r\nConnection: close\r\n\r\n${body}`,
  )
}

function reply(socket: Duplex, frame: Frame): void {
  const order = frame.opcode === OPCODE.text ? /^close (\d{4}) ?(.*)$/.exec(frame.payload.toString('utf8')) : null
  if (order) {
    const code = Buffer.alloc(2)
    code.writeUInt16BE(Number(order[1]))
    socket.write(
      writeFrame({ fin: true, opcode: OPCODE.close, payload: Buffer.concat([code, Buffer.from(order[2] ?? '')]) }),
    )
  } else if (frame.opcode === OPCODE.ping) {
    socket.write(writeFrame({ ...frame, opcode: OPCODE.pong }))
  } else if (frame.opcode === OPCODE.close) {
    socket.end(writeFrame(frame))
  } else if (frame.opcode !== OPCODE.pong) {
    socket.write(writeFrame(frame))
  }
}

/** The first whole frame in the bytes, unmasked, and how long it was. */
function readFrame(bytes: Buffer): { frame: Frame; length: number } | undefined {
  if (bytes.length < 2) return undefined
  const first = bytes.readUInt8(0)
  const second = bytes.readUInt8(1)
  const short = second & 0x7f
  const lengthBytes = short === 126 ? 2 : short === 127 ? 8 : 0
  const maskAt = 2 + lengthBytes
  const masked = (second & 0x80) !== 0
  const payloadAt = maskAt + (masked ? 4 : 0)
  if (bytes.length < payloadAt) return undefined
  const size = lengthBytes === 2 ? bytes.readUInt16BE(2) : lengthBytes === 8 ? Number(bytes.readBigUInt64BE(2)) : short
  if (bytes.length < payloadAt + size) return undefined
  const payload = Buffer.from(bytes.subarray(payloadAt, payloadAt + size))
  if (masked) {
    const mask = bytes.subarray(maskAt, payloadAt)
    for (let at = 0; at < size; at += 1) payload[at] = (payload[at] ?? 0) ^ (mask[at % 4] ?? 0)
  }
  return { frame: { fin: (first & 0x80) !== 0, opcode: first & 0x0f, payload }, length: payloadAt + size }
}

function writeFrame({ fin, opcode, payload }: Frame): Buffer {
  const first = (fin ? 0x80 : 0) | opcode
  const size = payload.length
  if (size < 126) return Buffer.concat([Buffer.from([first, size]), payload])
  const head = Buffer.alloc(size < 65_536 ? 4 : 10)
  head.writeUInt8(first, 0)
  head.writeUInt8(size < 65_536 ? 126 : 127, 1)
  if (size < 65_536) head.writeUInt16BE(size, 2)
  else head.writeBigUInt64BE(BigInt(size), 2)
  return Buffer.concat([head, payload])
}
