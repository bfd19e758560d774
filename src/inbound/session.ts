// One connection from a bot and what it has told about itself so far: once per connection, read on every call.

import type { Socket } from 'node:net'
import type { Bytes } from '../core/units.ts'
import type { InboundDeps, InboundLimits } from './settings.ts'

/** A connection from a bot. */
export interface Session {
  /** The TCP socket under everything. */
  readonly raw: Socket
  /** The bot's address. */
  readonly address: string
  /** Host that CONNECT named, or the ClientHello in transparent mode; undefined outside a tunnel. */
  host: string | undefined
  /** Name in the ClientHello when it is not `host`: every call is then answered 421. */
  otherName: string | undefined
  /** Name of the bot from the proxy user given with CONNECT. */
  bot: string | undefined
  /** What a bot without a name is called, by its last User-Agent: mostly its only one. */
  unnamed: { readonly agent: string | undefined; readonly name: string } | undefined
  /** What the connection is used for. */
  stage: 'new' | 'http' | 'tunnel' | 'websocket' | 'refused'
  /** Answers owed, those whose request is still being read included. */
  owed: number
  /** Requests whose body is still being read. */
  reading: number
  /** Requests that may be under way together. */
  atOnce: number
  /** Whether a request ever came. */
  asked: boolean
  /** Bytes that came over it since it speaks HTTP/1.1; always 0 for HTTP/2, whose streams are counted. */
  bytesRead: () => Bytes
  /** The same when the last request had come whole: more, and another one has begun. */
  bytesServed: Bytes
  /** Closes the connection in good order, once nothing is owed. */
  end: () => void
}

/** What all parts of one listener share. */
export interface Inbound {
  readonly deps: InboundDeps
  readonly limits: InboundLimits
  /** By the socket that an HTTP server sees: the TCP socket, or the TLS socket around it. */
  readonly sessions: WeakMap<Socket, Session>
  /** WebSockets open, by host. */
  readonly webSockets: Map<string, number>
  /** True when the listener can only be reached from this machine. */
  loopback: boolean
  /** True once weir is stopping: answers close their connections. */
  draining: boolean
  /** Called when a connection owes no answer any more. */
  settled: (session: Session) => void
}

/** A session for a connection that has said nothing yet. */
export const newSession = (raw: Socket, { pipelined }: InboundLimits): Session => ({
  raw,
  address: plainAddress(raw.remoteAddress),
  host: undefined,
  otherName: undefined,
  bot: undefined,
  unnamed: undefined,
  stage: 'new',
  owed: 0,
  reading: 0,
  atOnce: pipelined,
  asked: false,
  bytesRead: () => raw.bytesRead,
  bytesServed: 0,
  end: () => raw.destroySoon(),
})

/** Whether an address is this machine's own: 127.0.0.0/8 or ::1. */
export const isLoopback = (address: string): boolean => address === '::1' || address.startsWith('127.')

/** An IPv4 client of a dual-stack listener is known by its IPv4 address. */
const plainAddress = (address: string | undefined): string => {
  if (address === undefined) return 'unknown'
  return address.startsWith('::ffff:') ? address.slice(7) : address
}
