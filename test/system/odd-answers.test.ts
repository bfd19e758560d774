// An exchange that answers in ways nobody expects, in front of the process that users start: the bot gets what was said where
// HTTP allows it, else the truth about its call, and weir goes on.

import { readFileSync } from 'node:fs'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { connect as http2Connect } from 'node:http2'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { connect as tlsConnect } from 'node:tls'
import { expect, onTestFinished, test } from 'vitest'
import { startOrigin } from '../forward/origin.ts'
import { dial, tunnel, Wire } from '../inbound/support.ts'
import { startWeir, type Weir } from '../support/weir.ts'

const HOST = 'api.exchange.coinbase.com'
const WAYS = ['TLS', 'HTTP/2', 'proxyUrl'] as const

interface Heard {
  readonly status: number
  /** X-Weir-Sent. */
  readonly sent: string | undefined
  /** X-Weir-Cost. */
  readonly cost: string | undefined
  readonly body: string
}

const whole = (reason: string, fields = ''): string => `HTTP/1.1 ${reason}\r\n${fields}Content-Length: 2\r\n\r\n{}`
const chunked = (trailers: string): string =>
  `HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n${trailers}\r\n`

/** What the exchange says, and the status with which it arrives where it does. */
const RELAYED: Readonly<Record<string, readonly [said: string, status: number]>> = {
  'a reason in latin1': [whole('400 Requ\xeate invalide'), 400],
  'a reason in UTF-8 beyond latin1': [whole('200 Don\xe2\x80\x99t'), 200],
  'a reason with a control character': [whole('200 A\x01B'), 200],
  'a reason with DEL': [whole('200 A\x7fB'), 200],
  'no reason': [whole('200'), 200],
  'fields twice that stand once': [
    whole('200 OK', 'Content-Type: a/b\r\nContent-Type: c/d\r\nETag: 1\r\nETag: 2\r\n'),
    200,
  ],
  'a field of HTTP/2 upgrades': [whole('200 OK', 'HTTP2-Settings: a\r\n'), 200],
  'a length in an early hint': [`HTTP/1.1 103 Early\r\nContent-Length: 5\r\n\r\n${whole('200 OK')}`, 200],
  'trailers of HTTP/2 upgrades': [chunked('HTTP2-Settings: a\r\n'), 200],
  'trailers twice that stand once': [chunked('ETag: 1\r\nETag: 2\r\n'), 200],
}

/** What nobody can relay, or no client of HTTP/1.1 believes. */
const REFUSED: Readonly<Record<string, string>> = {
  'a control character in a field': whole('200 OK', 'X-A: a\x01b\r\n'),
  'a NUL in a field': whole('200 OK', 'X-A: a\0b\r\n'),
  'a bare CR in a field': whole('200 OK', 'X-A: a\rb\r\n'),
  'a space in a name': whole('200 OK', 'X A: b\r\n'),
  'a name of HTTP/2': whole('200 OK', ':status: 500\r\n'),
  'too large a head': whole('200 OK', `X-A: ${'b'.repeat(33_000)}\r\n`),
  'an early hint with a control character': `HTTP/1.1 103 Early\r\nLink: a\x01\r\n\r\n${whole('200 OK')}`,
  'another protocol': 'SSH-2.0-OpenSSH\r\n',
}

// A reason phrase such as "Trop de requêtes" ended the process, and every bot with it: Node refuses it, and refused the answer
// that was to say so for the same text. Over HTTP/2 a trailer did the same.
test('no answer of the exchange ends weir, and a bot is told the truth about its call', {
  timeout: 120_000,
}, async () => {
  const said = new Map([
    ...Object.entries(RELAYED).map(([name, [text]]) => [name, text] as const),
    ...Object.entries(REFUSED),
  ])
  const origin = await startOrigin((socket, { head }) => {
    const name = decodeURIComponent(/mode=(\S*)/.exec(head)?.[1] ?? '')
    socket.write(Buffer.from(said.get(name) ?? whole('200 OK'), 'latin1'))
  })
  const dir = await mkdtemp(join(tmpdir(), 'weir-odd-'))
  onTestFinished(() => rm(dir, { recursive: true }))
  const caFile = join(dir, 'ca.pem')
  await writeFile(caFile, origin.caPem)
  await using weir = await startWeir({ exchange: { port: origin.port, caFile } })
  for (const way of WAYS) {
    for (const [name, [, status]] of Object.entries(RELAYED)) {
      const heard = await ask(weir, way, name)
      expect({ way, name, ...heard }).toEqual({ way, name, status, sent: 'yes', cost: '1', body: '{}' })
    }
    for (const name of Object.keys(REFUSED)) {
      const heard = await ask(weir, way, name)
      expect({ way, name, ...heard }).toMatchObject({ way, name, status: 502, sent: 'unknown', cost: '1' })
      // So that these failures open no breaker.
      expect(await ask(weir, way, 'plain')).toMatchObject({ status: 200, sent: 'yes' })
    }
  }
  // HTTP/2 has no status above 599, and the order was executed all the same.
  said.set('a status that HTTP/2 has not', whole('600 X'))
  expect(await ask(weir, 'TLS', 'a status that HTTP/2 has not')).toMatchObject({ status: 600, sent: 'yes' })
  const untold = await ask(weir, 'HTTP/2', 'a status that HTTP/2 has not')
  expect(untold).toMatchObject({ status: 502, sent: 'yes', cost: '1' })
  expect(JSON.parse(untold.body)).toMatchObject({ message: expect.any(String), weir: { code: 'upstream_unreachable' } })
  await weir.logged(/^an answer could not be relayed/)
  // What does not parse was logged with the cause "undefined".
  const causes = weir.lines().flatMap(({ cause }) => (cause === undefined ? [] : [cause]))
  expect(new Set(causes)).toEqual(new Set(['HTTPParserError', 'UND_ERR_HEADERS_OVERFLOW']))
  for (const way of WAYS) expect(await ask(weir, way, 'plain')).toMatchObject({ status: 200, body: '{}' })
})

const ask = (weir: Weir, way: (typeof WAYS)[number], name: string): Promise<Heard> => {
  const path = `/orders?mode=${encodeURIComponent(name)}`
  return way === 'HTTP/2' ? askStream(weir, path) : askBytes(weir, way, path)
}

const askBytes = async (weir: Weir, way: 'TLS' | 'proxyUrl', path: string): Promise<Heard> => {
  const target = way === 'proxyUrl' ? `/https://${HOST}${path}` : path
  using under = way === 'proxyUrl' ? await dial(weir.port) : await tunnel(weir.port, HOST)
  using wire = way === 'proxyUrl' ? under : new Wire(encrypted(weir, under, 'http/1.1'), under.raw)
  wire.say(`POST ${target} HTTP/1.1\r\nHost: ${HOST}\r\nConnection: close\r\n${KEY}Content-Length: 2\r\n\r\n{}`)
  const text = (await wire.over()).replace(/^HTTP\/1\.1 103 [\s\S]*?\r\n\r\n/, '')
  const field = (field: string): string | undefined => new RegExp(`\r\n${field}: (.*)\r\n`, 'i').exec(text)?.[1]
  const rest = text.slice(text.indexOf('\r\n\r\n') + 4)
  const body = field('transfer-encoding') === undefined ? rest : (rest.split('\r\n')[1] ?? '')
  return { status: Number(text.slice(9, 12)), sent: field('x-weir-sent'), cost: field('x-weir-cost'), body }
}

const askStream = async (weir: Weir, path: string): Promise<Heard> => {
  using under = await tunnel(weir.port, HOST)
  const session = http2Connect(`https://${HOST}`, { createConnection: () => encrypted(weir, under, 'h2') })
  const { promise, resolve, reject } = Promise.withResolvers<Heard>()
  session.on('error', reject)
  const stream = session.request({ ':method': 'POST', ':path': path, 'cb-access-key': 'k' })
  let heard = { status: 0, sent: undefined as string | undefined, cost: undefined as string | undefined }
  let body = ''
  stream.on('response', (fields) => {
    const of = (name: string): string => String(fields[name])
    heard = { status: Number(fields[':status']), sent: of('x-weir-sent'), cost: of('x-weir-cost') }
  })
  stream.on('data', (chunk: Buffer) => {
    body += chunk.toString('latin1')
  })
  stream.on('error', reject)
  stream.on('close', () => resolve({ ...heard, body }))
  stream.end('{}')
  return await promise.finally(() => session.destroy())
}

const KEY = 'CB-ACCESS-KEY: k\r\n'

const encrypted = (weir: Weir, under: Wire, protocol: string): ReturnType<typeof tlsConnect> => {
  under.socket.removeAllListeners('data')
  const options = { servername: HOST, ca: readFileSync(weir.caFile), ALPNProtocols: [protocol] }
  return tlsConnect({ socket: under.socket, ...options })
}
