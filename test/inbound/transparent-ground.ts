// A machine whose hosts file leads the exchanges to weir, which listens on port 443: for itself, in namespaces that
// `transparent.test.ts` has made. Runs a few clients that know nothing of any proxy, and writes what they saw as JSON.

import { execFile, spawn } from 'node:child_process'
import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { connect, createServer } from 'node:net'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { startExchange } from '../support/exchange/exchange.ts'

const run = promisify(execFile)
const MAIN = fileURLToPath(new URL('../../src/main.ts', import.meta.url))
/** Where DNS says that every exchange is. Not an address of any interface: the network namespace has a route for it. */
const REAL = '203.0.113.9'
const TIME = 'https://api.kraken.com/0/public/Time'

const [, , dir = '', go = ''] = process.argv
const exchange = await startExchange()
const far = createServer((socket) => {
  const near = connect(exchange.port, '127.0.0.1')
  socket.pipe(near).pipe(socket)
  socket.on('error', () => near.destroy())
  near.on('error', () => socket.destroy())
}).listen(443, REAL)
await once(far, 'listening')

const dns = createSocket('udp4')
dns.on('message', (query, from) => {
  // RFC 1035 §4.1: the header, the question as it came, and for type A an answer that points to its name.
  const end = query.indexOf(0, 12) + 5
  const isA = query.readUInt16BE(end - 4) === 1
  const head = Buffer.from([query[0] ?? 0, query[1] ?? 0, 0x81, 0x80, 0, 1, 0, isA ? 1 : 0, 0, 0, 0, 0])
  const answer = Buffer.from([0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, ...REAL.split('.').map(Number)])
  dns.send(Buffer.concat([head, query.subarray(12, end), ...(isA ? [answer] : [])]), from.port, from.address)
})
dns.bind(53, '127.0.0.1')
await once(dns, 'listening')

const children: ReturnType<typeof spawn>[] = []
const startWeir = async (port: number, ...flags: readonly string[]): Promise<string> => {
  const state = join(dir, String(port))
  const where = ['--listen', `127.0.0.1:${port}`, '--admin', '127.0.0.1:0', '--state-dir', state]
  const trust = ['--upstream-ca', exchange.caFile]
  const child = spawn(process.execPath, [MAIN, 'serve', ...where, ...trust, ...flags], {
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  children.push(child)
  await once(child.stderr, 'data')
  if (!existsSync(join(state, 'ca.pem'))) throw new Error('weir did not start')
  return state
}
const told = (work: Promise<{ stdout: string }>): Promise<string> =>
  work.then(
    ({ stdout }) => stdout.trim(),
    (error: { stderr?: string }) => `failed: ${error.stderr ?? error}`,
  )

try {
  const state = await startWeir(443)
  const lost = await startWeir(444, '--dns', '127.0.0.1:9')
  const env = {
    PATH: process.env.PATH,
    NODE_EXTRA_CA_CERTS: join(state, 'ca.pem'),
    SSL_CERT_FILE: join(state, 'ca.pem'),
  }
  const options = { env, timeout: 20_000 }
  const curl = ['--silent', '--max-time', '15']
  const webSocket = `const s = new WebSocket('wss://ws.kraken.com/v2'); s.onopen = () => { console.log('open'); s.close() }; s.onerror = (e) => console.log(e.message)`
  const seen = {
    curl: await told(
      run('curl', [...curl, '--write-out', '%header{x-weir-decision}', '--output', '/dev/null', TIME], options),
    ),
    webSocket: await told(run(process.execPath, ['--eval', webSocket], options)),
    go: go === '' ? undefined : await told(run(go, ['https://api.kraken.com/0/private/Balance'], options)),
    lost: await told(
      run('curl', [...curl, '--cacert', join(lost, 'ca.pem'), '--connect-to', '::127.0.0.1:444', TIME], options),
    ),
    calls: exchange.calls.length,
  }
  process.stdout.write(JSON.stringify(seen))
} finally {
  for (const child of children) child.kill('SIGKILL')
  process.exit()
}
