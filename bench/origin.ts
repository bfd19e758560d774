// The exchange's part, as cheap as Node can play it: TLS, keep-alive, and the same 450 bytes of JSON for every request.
// A process of its own: `node origin.ts DIR` keeps its authority in DIR and prints one JSON line when it listens.

import { join } from 'node:path'
import { createServer } from 'node:tls'
import { openAuthority } from '../src/tls/authority.ts'
import { messageReader } from './messages.ts'

const HOST = 'api.kraken.com'
const BODY = `{"error":[],"result":{"XXBTZUSD":{"a":["${'1'.repeat(388)}"],"o":"30000.00000"}}}`.padEnd(450)

const ANSWER = Buffer.from(
  [
    'HTTP/1.1 200 OK',
    'Date: Thu, 01 Jan 2026 00:00:00 GMT',
    'Content-Type: application/json; charset=utf-8',
    `Content-Length: ${BODY.length}`,
    'Connection: keep-alive',
    'Cache-Control: max-age=0, no-store, no-cache, must-revalidate',
    'Strict-Transport-Security: max-age=31536000; includeSubDomains; preload',
    'X-Content-Type-Options: nosniff',
    'Vary: Accept-Encoding',
    'Server: cloudflare',
    '',
    BODY,
  ].join('\r\n'),
)

const dir = process.argv[2]
if (dir === undefined) throw new Error('usage: node bench/origin.ts DIR')
const authority = await openAuthority({ dir, hosts: [HOST], now: Date.now })
const { chain, key } = await authority.leafFor(HOST)

const server = createServer({ cert: chain, key, noDelay: true }, (socket) => {
  socket.on('error', () => socket.destroy())
  socket.on(
    'data',
    messageReader(() => socket.write(ANSWER)),
  )
})
server.listen(0, '127.0.0.1', () => {
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('not a TCP address')
  process.stdout.write(`${JSON.stringify({ port: address.port, caFile: join(dir, 'ca.pem') })}\n`)
})
