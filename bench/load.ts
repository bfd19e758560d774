// The bots' part: closed-loop connections, each with one request under way, over TLS, straight to the origin or through
// CONNECT. A process of its own, told by messages what to do, so that it stays warm between measurements.

import { readFileSync } from 'node:fs'
import { connect as connectTcp, type Socket } from 'node:net'
import { connect as connectTls, createSecureContext, type SecureContext, type TLSSocket } from 'node:tls'
import { messageReader } from './messages.ts'

/** One measurement. */
export interface Order {
  readonly originPort: number
  readonly proxyPort: number | undefined
  /** What CONNECT and Host name. */
  readonly port: number
  readonly caFile: string
  readonly request: 'public' | 'cached' | 'private'
  readonly connections: number
  readonly seconds: number
  /** Ends sooner, after this many calls in all. */
  readonly calls?: number
  /** A new connection for every call; `resumed` lets TLS resume its last session. */
  readonly fresh?: 'full' | 'resumed'
}

/** What was seen. Latencies in milliseconds, from the first byte written (or the first SYN) to the last byte read. */
export interface Outcome {
  readonly calls: number
  readonly failed: number
  /** Head of the first answer that was not 200. */
  readonly complaint: string | undefined
  readonly seconds: number
  readonly p50: number
  readonly p99: number
}

const HOST = 'api.kraken.com'
const OK = 'HTTP/1.1 200 '
/** The proxy bounds how many calls one connection may carry. */
const LAST = '\r\nConnection: close'

process.on('message', (order: Order) => {
  measure(order).then(
    (outcome) => process.send?.(outcome),
    (error: unknown) => {
      throw error
    },
  )
})

const measure = async (order: Order): Promise<Outcome> => {
  const run = new Run(order)
  const start = performance.now()
  await Promise.all(Array.from({ length: order.connections }, (_, index) => run.bot(index)))
  const seconds = (performance.now() - start) / 1000
  const sorted = Float64Array.from(run.latencies).sort()
  const at = (share: number): number => sorted[Math.floor((sorted.length - 1) * share)] ?? Number.NaN
  return { calls: sorted.length, failed: run.failed, complaint: run.complaint, seconds, p50: at(0.5), p99: at(0.99) }
}

/** What all connections of one measurement share. */
class Run {
  readonly latencies: number[] = []
  failed = 0
  complaint: string | undefined
  readonly #order: Order
  readonly #secureContext: SecureContext
  readonly #ends: number
  #sent = 0
  #session: Buffer | undefined

  constructor(order: Order) {
    this.#order = order
    this.#secureContext = createSecureContext({ ca: readFileSync(order.caFile) })
    this.#ends = performance.now() + order.seconds * 1000
  }

  /** One bot, until the measurement is over. */
  async bot(index: number): Promise<void> {
    const request = requestOf(this.#order, index)
    if (this.#order.fresh === undefined) return this.#keepAlive(request)
    while (this.#more()) await this.#once(request)
  }

  async #keepAlive(request: () => string): Promise<void> {
    while (this.#more()) {
      const socket = await this.#open()
      await new Promise<void>((resolve) => {
        let since = 0
        const send = (): void => {
          since = performance.now()
          socket.write(request(), 'latin1')
        }
        const read = messageReader((head) => {
          this.#count(head, since)
          if (!head.includes(LAST) && this.#more()) send()
          else socket.destroy()
        })
        socket.on('data', read)
        socket.on('close', resolve)
        send()
      })
    }
  }

  async #once(request: () => string): Promise<void> {
    const since = performance.now()
    const socket = await this.#open()
    await new Promise<void>((resolve) => {
      const read = messageReader((head) => {
        this.#count(head, since)
        socket.destroy()
      })
      socket.on('data', read)
      socket.on('close', resolve)
      socket.write(request(), 'latin1')
    })
  }

  #more(): boolean {
    if (this.#sent >= (this.#order.calls ?? Number.POSITIVE_INFINITY) || performance.now() >= this.#ends) return false
    this.#sent += 1
    return true
  }

  #count(head: string, since: number): void {
    if (head.startsWith(OK)) this.latencies.push(performance.now() - since)
    else {
      this.failed += 1
      this.complaint ??= head
    }
  }

  async #open(): Promise<TLSSocket> {
    const { originPort, proxyPort, port, fresh } = this.#order
    const tcp = await openTcp(proxyPort ?? originPort)
    if (proxyPort !== undefined) await tunnel(tcp, `${HOST}:${port}`)
    const session = fresh === 'resumed' ? this.#session : undefined
    const secureContext = this.#secureContext
    const socket = connectTls({ socket: tcp, servername: HOST, secureContext, ...(session && { session }) })
    socket.on('error', () => {
      this.failed += 1
    })
    if (fresh === 'resumed') {
      socket.on('session', (ticket) => {
        this.#session = ticket
      })
    }
    await new Promise<void>((resolve, reject) => {
      socket.once('secureConnect', resolve)
      socket.once('error', reject)
    })
    return socket
  }
}

const openTcp = (port: number): Promise<Socket> =>
  new Promise((resolve, reject) => {
    const socket = connectTcp({ port, host: '127.0.0.1', noDelay: true }, () => resolve(socket))
    socket.once('error', reject)
  })

const tunnel = (socket: Socket, authority: string): Promise<void> =>
  new Promise((resolve, reject) => {
    socket.once('data', (chunk: Buffer) => {
      const head = chunk.toString('latin1')
      if (head.startsWith(OK)) resolve()
      else reject(new Error(`CONNECT was answered: ${head.split('\r\n', 1)[0]}`))
    })
    socket.write(`CONNECT ${authority} HTTP/1.1\r\nHost: ${authority}\r\n\r\n`)
  })

/** What a bot of this kind sends; every Kraken bot has a key of its own, and nonces that rise. */
const requestOf = ({ request: kind, port }: Order, bot: number): (() => string) => {
  const host = port === 443 ? HOST : `${HOST}:${port}`
  const common = `Host: ${host}\r\nUser-Agent: bench\r\nAccept: */*\r\nAccept-Encoding: gzip, deflate\r\n`
  if (kind !== 'private') {
    const path = kind === 'cached' ? '/0/public/Depth?pair=XBTUSD&count=10' : '/0/public/Ticker?pair=XBTUSD'
    const request = `GET ${path} HTTP/1.1\r\n${common}\r\n`
    return () => request
  }
  const keyed = `API-Key: bench-${bot}\r\nAPI-Sign: ${'A'.repeat(86)}==\r\nContent-Type: application/x-www-form-urlencoded\r\n`
  return () => {
    const body = `nonce=${nextNonce()}`
    return `POST /0/private/Balance HTTP/1.1\r\n${common}${keyed}Content-Length: ${body.length}\r\n\r\n${body}`
  }
}

let lastNonce = BigInt(Date.now()) * 1000n
const nextNonce = (): bigint => {
  lastNonce += 1n
  return lastNonce
}
