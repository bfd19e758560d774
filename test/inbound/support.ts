// An inbound side with a road of a few lines behind it, and raw clients that say exactly the bytes they are told.

import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { connect, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { createSecureContext, type SecureContext, type TLSSocket, connect as tlsConnect } from 'node:tls'
import { type Call, OK, type Reply } from '../../src/core/call.ts'
import { realClock } from '../../src/core/clock.ts'
import { createInbound, type InboundServer } from '../../src/inbound/listener.ts'
import type { InboundDeps, InboundEvent } from '../../src/inbound/settings.ts'
import { replyTo } from '../../src/rescue/layer.ts'

export const KRAKEN = 'api.kraken.com'
export const COINBASE = 'api.coinbase.com'
const HOSTS = new Set([KRAKEN, COINBASE, 'ws.kraken.com'])

const identity = makeIdentity()
/** Certificate that every fake of these tests shows, and trusts. */
export const certificate = identity.cert
export const privateKey = identity.key
/** The context that shows it, for every host. */
export const context = createSecureContext(identity)

export interface Fixture extends AsyncDisposable {
  readonly port: number
  readonly server: InboundServer
  readonly calls: Call[]
  readonly events: InboundEvent[]
}

/** Starts an inbound side on a free loopback port. */
export const start = async (over: Partial<InboundDeps> = {}, host = '127.0.0.1'): Promise<Fixture> => {
  const calls: Call[] = []
  const events: InboundEvent[] = []
  let ids = 0
  const { handle = async (call: Call) => said(call, 'ok') } = over
  const server = createInbound({
    hosts: () => HOSTS,
    tunnelPolicy: () => 'allow',
    contextFor: (): SecureContext => context,
    clock: realClock,
    nextId: () => `c${++ids}`,
    maxBody: () => 64 * 1024,
    routeTo: (to, port) => ({ host: to, port, chosen: false, ca: undefined }),
    name: 'weir',
    failed: (call, error) => replyTo(call, error, { hosts: new Map() }, 0),
    note: (event) => events.push(event),
    ...over,
    handle: (call) => {
      calls.push(call)
      return handle(call)
    },
  })
  const { port } = await server.listen(host, 0)
  return { port, server, calls, events, [Symbol.asyncDispose]: () => server.stop(0) }
}

/** A small reply that the exchange sent. */
export const said = (call: Call, body: string | Buffer, over: Partial<Reply> = {}): Reply => {
  call.record.decision = 'forwarded'
  call.record.sent = 'yes'
  call.record.class = 'kraken.public'
  call.record.cost = 1
  call.record.verdict = OK
  return {
    status: 200,
    statusText: 'OK',
    headers: ['Content-Type', 'application/json'],
    body: Buffer.from(body),
    trailers: undefined,
    ...over,
  }
}

/** A client that keeps everything it hears. */
export class Wire implements Disposable {
  readonly socket: Socket
  /** The TCP socket under it all. */
  readonly raw: Socket
  heard = ''
  ended = false
  closed = false
  error: Error | undefined

  constructor(socket: Socket, raw = socket) {
    this.socket = socket
    this.raw = raw
    socket.on('data', (chunk: Buffer) => {
      this.heard += chunk.toString('latin1')
    })
    socket.on('end', () => {
      this.ended = true
    })
    socket.on('error', (error) => {
      this.error = error
    })
    socket.on('close', () => {
      this.closed = true
    })
  }

  say(text: string | Buffer): this {
    this.socket.write(typeof text === 'string' ? Buffer.from(text, 'latin1') : text)
    return this
  }

  /** Waits until `seen` holds; fails after 15 s with what was heard. */
  async until(seen: (heard: string) => boolean): Promise<string> {
    await eventually(
      () => seen(this.heard),
      () => `heard: ${JSON.stringify(this.heard)}`,
    )
    return this.heard
  }

  /** Waits for the connection to be over. */
  async over(): Promise<string> {
    await eventually(
      () => this.closed || this.ended,
      () => `still open, heard: ${JSON.stringify(this.heard)}`,
    )
    return this.heard
  }

  [Symbol.dispose](): void {
    this.socket.destroy()
  }
}

/** Opens a clear connection. */
export const dial = async (port: number): Promise<Wire> => {
  const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true })
  await new Promise((resolve, reject) => socket.once('connect', resolve).once('error', reject))
  return new Wire(socket)
}

/** Opens a tunnel; the wire has heard nothing yet but the 200 that this function took away. */
export const tunnel = async (
  port: number,
  host = KRAKEN,
  line = `CONNECT ${host}:443 HTTP/1.1\r\nHost: ${host}:443\r\n\r\n`,
): Promise<Wire> => {
  const wire = await dial(port)
  wire.say(line)
  await wire.until((heard) => heard.includes('\r\n\r\n'))
  if (!wire.heard.startsWith('HTTP/1.1 200 ')) throw new Error(wire.heard)
  wire.heard = ''
  return wire
}

/** TLS over a connected wire; `servername` '' sends no name at all. */
export const encrypt = async (
  under: Wire,
  servername = KRAKEN,
  alpn: string[] | undefined = undefined,
): Promise<Wire & { socket: TLSSocket }> => {
  under.socket.removeAllListeners('data')
  const socket = tlsConnect({
    socket: under.socket,
    servername,
    ca: certificate,
    checkServerIdentity: () => undefined,
    ...(alpn === undefined ? {} : { ALPNProtocols: alpn }),
  })
  await new Promise((resolve, reject) =>
    socket
      .once('secureConnect', resolve)
      .once('error', reject)
      .once('close', () => reject(new Error('closed'))),
  )
  return new Wire(socket, under.socket) as Wire & { socket: TLSSocket }
}

/** A tunnel with TLS in it: what almost every bot does. */
export const secureTunnel = async (port: number, host = KRAKEN): Promise<Wire> =>
  encrypt(await tunnel(port, host), host)

/** Polls, bounded: for facts that arrive from another socket. */
export const eventually = async (holds: () => boolean, told: () => string = () => 'never happened'): Promise<void> => {
  for (let tries = 0; tries < 3000; tries += 1) {
    if (holds()) return
    await sleep(5)
  }
  throw new Error(told())
}

/** Whether `heard` holds `count` whole answers with the body `ok`. */
export const answers = (heard: string, count: number): boolean => heard.split('\r\n\r\nok').length - 1 >= count

function makeIdentity(): { key: string; cert: string } {
  const dir = mkdtempSync(join(tmpdir(), 'weir-inbound-'))
  try {
    const args = 'req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=test'.split(' ')
    const names = [...HOSTS, 'localhost'].map((host) => `DNS:${host}`).join(',')
    execFileSync(
      'openssl',
      [...args, '-addext', `subjectAltName=${names}`, '-keyout', join(dir, 'k'), '-out', join(dir, 'c')],
      { stdio: 'ignore' },
    )
    return { key: readFileSync(join(dir, 'k'), 'utf8'), cert: readFileSync(join(dir, 'c'), 'utf8') }
  } finally {
    rmSync(dir, { recursive: true })
  }
}
