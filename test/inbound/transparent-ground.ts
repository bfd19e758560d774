// A machine where the exchanges' names lead to weir, which listens on port 443: for itself, in namespaces that
// `transparent.test.ts` has made. Runs a few clients that know nothing of any proxy, and writes what they saw as JSON.
// Either its hosts file says where weir is and its DNS where the exchanges are, or, as on a network of containers with aliases,
// its DNS says where weir is, and weir is given another DNS server.

import { execFile, spawn } from 'node:child_process'
import { createSocket } from 'node:dgram'
import { once } from 'node:events'
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

/** The DNS server that the machine asks, and one that only weir may be told of. */
const LOCAL_DNS = { address: '127.0.0.1', port: 53 }
const OTHER_DNS = { address: '127.0.0.1', port: 5353 }

const [, , way = '', dir = '', go = ''] = process.argv
/** Where the names lead, and how the weir there finds the exchange; and what one is told that can not. */
const scene =
  way === 'aliases'
    ? { weir: '203.0.113.2', dns: '203.0.113.2', found: ['--dns', '127.0.0.1:5353'], lost: [] }
    : { weir: '127.0.0.1', dns: REAL, found: [], lost: ['--dns', '127.0.0.1:9'] }
const exchange = await startExchange()
const far = createServer((socket) => {
  const near = connect(exchange.port, '127.0.0.1')
  socket.pipe(near).pipe(socket)
  socket.on('error', () => near.destroy())
  near.on('error', () => socket.destroy())
}).listen(443, REAL)
await once(far, 'listening')

const serveDns = async (at: typeof LOCAL_DNS, says: string): Promise<void> => {
  const dns = createSocket('udp4')
  dns.on('message', (query, from) => {
    // RFC 1035 §4.1: the header, the question as it came, and for type A an answer that points to its name.
    const end = query.indexOf(0, 12) + 5
    const isA = query.readUInt16BE(end - 4) === 1
    const head = Buffer.from([query[0] ?? 0, query[1] ?? 0, 0x81, 0x80, 0, 1, 0, isA ? 1 : 0, 0, 0, 0, 0])
    const answer = Buffer.from([0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, ...says.split('.').map(Number)])
    dns.send(Buffer.concat([head, query.subarray(12, end), ...(isA ? [answer] : [])]), from.port, from.address)
  })
  dns.bind(at.port, at.address)
  await once(dns, 'listening')
}
await serveDns(LOCAL_DNS, scene.dns)
await serveDns(OTHER_DNS, REAL)

const children: ReturnType<typeof spawn>[] = []
const startWeir = async (listen: string, flags: readonly string[]): Promise<string> => {
  const state = join(dir, `state-${listen}`)
  const where = ['--listen', listen, '--admin', '127.0.0.1:0', '--state-dir', state]
  const trust = ['--upstream-ca', exchange.caFile]
  const child = spawn(process.execPath, [MAIN, 'serve', ...where, ...trust, ...flags], {
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  children.push(child)
  let said = ''
  const started = new Promise<void>((resolve, reject) => {
    child.stderr.on('data', (piece: Buffer) => {
      said += piece.toString()
      if (said.includes('weir listens on')) resolve()
    })
    child.once('exit', () => reject(new Error(`weir did not start: ${said}`)))
  })
  await started
  return state
}
const told = (work: Promise<{ stdout: string }>): Promise<string> =>
  work.then(
    ({ stdout }) => stdout.trim(),
    (error: { stderr?: string }) => `failed: ${error.stderr ?? error}`,
  )

try {
  const state = await startWeir(`${scene.weir}:443`, scene.found)
  const lost = await startWeir('127.0.0.1:444', scene.lost)
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
} catch (error) {
  process.stderr.write(`${error}\n`)
} finally {
  for (const child of children) child.kill('SIGKILL')
  process.exit()
}
