// A request and its answer as the inbound side sees them, whichever HTTP carries them. Node's own classes for HTTP/1.1 fit as
// they are; a stream of HTTP/2 is dressed to fit (stream.ts).

import type { IncomingHttpHeaders } from 'node:http'
import type { Socket } from 'node:net'

/** A request: its head, and its body as it arrives. */
export interface Incoming {
  readonly method?: string | undefined
  /** The request target. */
  readonly url?: string | undefined
  /** Name, value, name, value … as received. */
  readonly rawHeaders: readonly string[]
  /** By lower-case name. */
  readonly headers: IncomingHttpHeaders
  /** 0 for HTTP/1.0. */
  readonly httpVersionMinor: number
  on(event: 'data', listener: (chunk: Buffer) => void): unknown
  on(event: 'end', listener: () => void): unknown
  off(event: 'data', listener: (chunk: Buffer) => void): unknown
  /** Reads and drops what is left. */
  resume(): unknown
}

/** Where the answer goes. */
export interface Outgoing {
  /** `close` without `writableFinished`: the bot has left. */
  on(event: 'close' | 'drain', listener: () => void): unknown
  readonly destroyed: boolean
  readonly closed: boolean
  readonly headersSent: boolean
  readonly writableFinished: boolean
  /** Null where it can not be broken off alone, because other answers share it. */
  readonly socket: Socket | null
  writeContinue(): void
  /** 103 and its like; absent in versions of Node that have no such thing. */
  writeInformation?(status: number, headers: string[]): unknown
  writeHead(status: number, text: string | undefined, headers: string[]): unknown
  write(chunk: Buffer): boolean
  addTrailers(trailers: [string, string][]): void
  end(): unknown
  end(body: Buffer | string): unknown
  end(body: string, encoding: 'latin1'): unknown
  /** Breaks the answer off, so that it does not look whole. */
  destroy(): unknown
}
