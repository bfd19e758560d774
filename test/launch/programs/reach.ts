// A Node bot that knows nothing of weir. Calls an exchange in each of the ways named as arguments; prints, by way, the
// X-Weir-Decision of the answer, or what an echoing WebSocket sent back.

import { readFileSync } from 'node:fs'
import { get, type RequestOptions } from 'node:https'
import { connect } from 'node:tls'
import { WebSocket as Ws } from 'ws'

const TIME = 'https://api.exchange.coinbase.com/time'
const ECHO = 'wss://ws.kraken.com/v2'
const TEXT = 'hello'

const WAYS: Readonly<Record<string, () => Promise<unknown>>> = {
  fetch: async () => (await fetch(TIME)).headers.get('x-weir-decision'),
  https: () => decision({}),
  // A program that trusts nobody but the one it brings.
  'https with its own ca': () => decision({ ca: readFileSync(process.env.OTHER_CA ?? '') }),
  'connect imported by name': () =>
    new Promise((resolve, reject) => {
      const socket = connect(443, 'api.exchange.coinbase.com', { ALPNProtocols: ['http/1.1'] }, () => {
        socket.write('GET /time HTTP/1.1\r\nHost: api.exchange.coinbase.com\r\nConnection: close\r\n\r\n')
      })
      socket.on('error', reject)
      socket.once('data', (head) => resolve(/x-weir-decision: (\w+)/i.exec(String(head))?.[1]))
    }),
  WebSocket: () => echo(new WebSocket(ECHO)),
  ws: () => echo(new Ws(ECHO) as unknown as WebSocket),
  // The exchange under another name and port: nothing to do with weir.
  elsewhere: () =>
    decision({
      host: '127.0.0.1',
      port: process.env.OTHER_PORT,
      servername: 'localhost',
      headers: { host: 'api.exchange.coinbase.com' },
      rejectUnauthorized: false,
    }),
}

const seen: Record<string, unknown> = {}
for (const way of process.argv.slice(2)) seen[way] = await WAYS[way]?.().catch(String)
process.stdout.write(JSON.stringify(seen))
process.exit()

function decision(options: RequestOptions): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const { host, pathname: path } = new URL(TIME)
    const req = get({ host, path, ...options }, (res) => {
      res.resume()
      resolve(res.headers['x-weir-decision'] ?? `past weir: ${res.statusCode}`)
    })
    req.on('error', reject)
  })
}

function echo(socket: WebSocket): Promise<unknown> {
  return new Promise((resolve, reject) => {
    socket.addEventListener('open', () => socket.send(TEXT))
    socket.addEventListener('message', ({ data }) => resolve(String(data)))
    socket.addEventListener('error', () => reject(new Error('the WebSocket failed')))
  })
}
